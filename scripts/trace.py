"""Any formula step by step: its values on the way forward, its adjoints on the way back, and its graph.

    python scripts/trace.py "log(x1) + x1*x2 - sin(x2)" x1=2 x2=5              the lecture's example
    python scripts/trace.py "log(x1) + x1*x2 - sin(x2)" x1=2 x2=5 --forward    forward mode: a column for each input
    python scripts/trace.py "tanh(w*x + b)" w=0.5 x=2 b=-1 --svg neuron.svg    drawn, if Graphviz is installed
    python scripts/trace.py "sum(relu(x)**2)" x=1,-2,3                         of arrays

The formula is Python's, with numbers, names, + - * / ** @, brackets, pi, e, and the functions abs exp ln log sqrt sin
cos tan tanh sigmoid relu maximum minimum sum mean max. Nothing else is accepted, and none of it is run as Python.
"""

import argparse
import sys
import unicodedata
from pathlib import Path

import numpy as np

import backprop as bp
from backprop.graph.expression import CONSTANTS, Expression
from data_tools import terminal

OPTIONS = ("--forward", "--svg", "--help", "-h")  # anything else that begins with a minus sign is a formula: -x


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expression")
    parser.add_argument("values", nargs="*", metavar="NAME=NUMBER", help="one for each name; arrays with commas: x=1,2")
    parser.add_argument("--forward", action="store_true", help="tangents (18) instead of adjoints (17)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the graph; a name in .png or .dot works, too")
    arguments = sys.argv[1:] if arguments is None else arguments
    formula = [a.startswith("-") and a.split("=")[0] not in OPTIONS for a in arguments]
    options = parser.parse_intermixed_args([" " * is_one + a for a, is_one in zip(arguments, formula, strict=True)])
    try:
        trace = traced(options.expression, options.values, "forward" if options.forward else "reverse")
        print(trace)
        if options.svg:
            print(f"\nthe graph is drawn in {trace.save(options.svg)}")
    except (bp.BackpropError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def traced(text, assignments, mode):
    """The Trace of an expression with values such as "x1=2"."""
    expression, values = Expression(text), {}
    for assignment in assignments:
        name, value = read(assignment)
        if name not in expression.names:
            kind = "is a constant" if name in CONSTANTS else f"does not occur in {text!r}"
            raise bp.ExpressionError(f"{assignment}: {name} {kind}")
        if name in values:
            raise bp.ExpressionError(f"{name} has two values")
        values[name] = value
    missing = [name for name in expression.names if name not in values]
    if missing:
        raise bp.ExpressionError(f"{missing[0]} has no value: add {missing[0]}=NUMBER")
    with np.errstate(all="ignore"):
        trace = bp.trace(expression, *[values[name] for name in expression.names], names=expression.names, mode=mode)
    for step in trace.steps:
        if not np.isfinite(step.value).all():
            raise bp.NonFiniteError(f"{step.symbol} = {step.formula} is {step.value}\n\n{trace}")
    return trace


def read(assignment):
    """("x1", 2.0) from "x1=2", an array where there are commas."""
    name, equals, text = assignment.partition("=")
    name = unicodedata.normalize("NFKC", name.strip())  # as Python reads names: two kinds of mu are one
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not (equals and name.isidentifier() and numbers):
        raise bp.ExpressionError(f"{assignment!r} is not a value: write NAME=NUMBER, such as x1=2")
    return name, np.array(numbers) if len(numbers) > 1 else numbers[0]


if __name__ == "__main__":
    sys.exit(terminal.run(main))
