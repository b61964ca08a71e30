"""Write a layer's backward yourself, and have it graded.

    python scripts/exercises.py new DIR                      nine layers with their backward formulas blanked out
    python scripts/exercises.py new DIR --layers ReLU Conv2d --forward         these two, with the forward ones, too
    python scripts/exercises.py new DIR --derive             the docstrings do not give them either
    python scripts/exercises.py check DIR                    every answer in DIR: right, or what the mistake looks like
    python scripts/exercises.py solution Conv2d              our answer, down to NumPy

An answer is NumPy. Each is run in a process of its own, so one that crashes or never ends is reported. `check` ends
with status 0 if all are right, else 1.
"""

import argparse
import sys
from pathlib import Path

import backprop as bp
from backprop.lecture import exercises
from data_tools import terminal


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="new | check | solution")
    new = verbs.add_parser("new", help="write the exercises into a folder")
    new.add_argument("folder", type=Path, metavar="DIR")
    new.add_argument("--layers", nargs="+", default=exercises.DEFAULT, metavar="NAME")
    new.add_argument("--forward", action="store_true", help="blank out the forward formulas, too")
    new.add_argument("--derive", action="store_true", help="leave the backward formulas out of the docstrings, too")
    check = verbs.add_parser("check", help="grade the answers in a folder")
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument("--layers", nargs="+", metavar="NAME", help="only these")
    check.add_argument("--seconds", type=seconds, default=exercises.SECONDS, help="time limit for each (60)")
    solution = verbs.add_parser("solution", help="show our answer")
    solution.add_argument("layer", metavar="LAYER")
    options = parser.parse_args(arguments)
    try:
        return {"new": write, "check": grade, "solution": show}[options.verb](options)
    except (bp.BackpropError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def seconds(text):
    """A number above 0."""
    if not float(text) > 0:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return float(text)


def write(options):
    """`new`: an answer that is there already is never overwritten."""
    texts = {name: exercises.exercise(name, options.forward, options.folder, options.derive) for name in options.layers}
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = options.folder / exercises.file_of(name)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            print(path)
        except FileExistsError:
            print(f"{path} is there already and is left alone")
    print(f"write each `...`, then: {terminal.python()} scripts/exercises.py check {options.folder}")
    return 0


def grade(options):
    """`check`"""
    there = exercises.answers(options.folder)
    known = {name.lower(): name for name in there}
    names = [known.get(name.lower(), name) for name in options.layers or there]
    missing = [name for name in names if name not in there]
    if missing or not names:
        name = missing[0] if missing else exercises.DEFAULT[0]
        print(f"error: {options.folder} has no {exercises.file_of(name)}; `new` makes one", file=sys.stderr)
        return 1
    grades = []
    for result in exercises.check(options.folder, names, options.seconds):
        grades.append(result)
        print(result, flush=True)
    print(f"{sum(result.ok for result in grades)} of {len(grades)} right")
    return 0 if all(result.ok for result in grades) else 1


def show(options):
    """`solution`"""
    print(exercises.solution(options.layer))
    return 0


if __name__ == "__main__":
    sys.exit(terminal.run(main))
