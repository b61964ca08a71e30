"""Which edits of the code does no test notice?  python -m tests.edits --seed 0 --count 100

Draws edits of the code that computes gradients, updates parameters, saves runs and records steps: an operator
exchanged, an index off by one, a term or a guard left out, a comparison changed. Each is made in a copy of the project,
where the tests that belong to its file run until the first one fails. Survivors are printed: each needs a test, or a
reason why it changes nothing. --jobs 2 tries two at a time, each in a copy of its own.
"""

import argparse
import ast
import concurrent.futures
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COMMON = ["test_properties.py", "test_identities.py", "test_networks.py"]
TESTS = {  # file or folder of backprop/ -> the tests that belong to it; a file stands in front of its folder
    "layers/sequential.py": ["layers/test_sequential.py", "module/test_module.py"],
    "layers": [
        "layers/test_more_activations.py",
        "layers/test_images.py",
        "layers/test_layers.py",
        "check/test_gradcheck.py",
    ],
    "loss": ["loss", "pytorch/test_losses.py", "training/test_fit.py"],
    "functional": ["functional", "loss", "layers/test_images.py", "layers/test_more_activations.py"],
    "kernels/reference": ["kernels/test_reference.py", "kernels/test_reference_more_activations.py"],
    "kernels/recording.py": ["training/test_plan.py", "kernels/test_rewriting.py"],
    "kernels/rewriting.py": ["training/test_plan.py", "kernels/test_rewriting.py"],
    "optim": ["optim", "pytorch/test_optim.py", "training/test_checkpoint.py"],
    "graph": ["graph"],
    "module/module.py": [
        "module",
        "layers/test_more_activations.py",
        "layers/test_sequential.py",
        "layers/test_layers.py",
    ],
    "module/tree.py": ["module/test_module.py", "optim", "training/test_checkpoint.py"],
    "module/parameter.py": ["module", "optim"],
    "check/subject.py": ["check"],
    "training/checkpoint.py": ["training/test_checkpoint.py", "training/test_killed.py"],
    "training/weights.py": ["training/test_checkpoint.py"],
    "training/plan.py": ["training/test_plan.py", "training/test_fit.py"],
    "training/steps.py": ["training/test_fit.py", "training/test_plan.py"],
    "training/fit.py": ["training/test_fit.py", "training/test_checkpoint.py"],
    "training/preflight.py": ["training/test_fit.py"],
    "training/history.py": ["training/test_fit.py"],
}
BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
COMPARED |= {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}


class Edit(NamedTuple):
    """`after` in place of `before`, at these offsets of a file; `kind` is a name."""

    file: Path
    line: int
    start: int
    stop: int
    after: str
    kind: str
    before: str

    def __str__(self):
        return f"{self.file.relative_to(ROOT)}:{self.line}  {self.kind}: `{self.before}` -> `{self.after}`"


def edits_of(file):
    """All Edits of a file."""
    source = file.read_text()
    lines = source.splitlines(keepends=True)
    starts = [sum(len(line.encode()) for line in lines[:n]) for n in range(len(lines) + 1)]
    content = source.encode()

    def edit(node, after, kind):
        start, stop = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        before = content[start:stop].decode()
        if "\n" not in before and after != before:
            yield Edit(file, node.lineno, start, stop, after, kind, before)

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY and not isinstance(left, ast.Constant):
                other = ast.unparse(ast.BinOp(left, BINARY[type(op)](), right))
                yield from edit(node, f"({other})", "operator")
                if isinstance(op, (ast.Add, ast.Sub)):
                    yield from edit(node, ast.unparse(left), "term dropped")
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARED:
                yield from edit(node, ast.unparse(ast.Compare(left, [COMPARED[type(op)]()], [right])), "comparison")
            case ast.BoolOp(values=[first, *_]):
                yield from edit(node, f"({ast.unparse(first)})", "condition dropped")
            case ast.IfExp(body=body, orelse=other):
                yield from edit(node, f"({ast.unparse(body)})", "guard dropped")
                yield from edit(node, f"({ast.unparse(other)})", "branch dropped")
            case ast.If(test=test) | ast.IfExp(test=test):
                yield from edit(test, f"not ({ast.unparse(test)})", "guard turned")
            case ast.UnaryOp(op=ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
                yield from edit(node, f"({ast.unparse(operand)})", "sign dropped")
            case ast.Subscript(slice=ast.Constant(value=int(place)) as index):
                yield from edit(index, str(place + 1 if place >= 0 else place - 1), "index")
            case ast.Constant(value=bool(truth)):
                yield from edit(node, str(not truth), "truth turned")
            case ast.Constant(value=int(number) | float(number)) if not isinstance(number, bool):
                yield from edit(node, repr(number + 1), "number")


def tests_of(file):
    """The tests for a file of backprop/, those that belong to it first."""
    place = file.relative_to(ROOT / "backprop").as_posix()
    own = next((tests for name, tests in TESTS.items() if place == name or place.startswith(f"{name}/")), [])
    return [f"tests/{name}" for name in (*own, *COMMON)]


def files():
    """All files that edits are drawn from."""
    found = [ROOT / "backprop" / name for name in TESTS]
    return sorted({f for place in found for f in (place.rglob("*.py") if place.is_dir() else [place])})


def drawn(seed, count):
    """`count` random Edits, each as likely as any other."""
    every = [edit for file in files() for edit in edits_of(file)]
    return random.Random(seed).sample(sorted(every), count)


def seen(edit, copy, seconds, environment=os.environ):
    """What tests do with the edit made in a copy of the project: "seen", "hangs", or "" if all of them pass."""
    target = copy / edit.file.relative_to(ROOT)
    content = target.read_bytes()
    target.write_bytes(content[: edit.start] + edit.after.encode() + content[edit.stop :])
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--networks", "12"]
    command += tests_of(edit.file)
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment | {"PYTHONPATH": str(copy)}, capture_output=True, timeout=seconds
        )
        return "seen" if done.returncode else ""
    except subprocess.TimeoutExpired:
        return "hangs"
    finally:
        target.write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=900, help="after which the tests of one edit count as hanging")
    parser.add_argument("--jobs", type=int, default=1, help="how many edits are tried at a time")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first edit to try of those drawn")
    parser.add_argument("--list", action="store_true", help="print the edits and make none")
    options = parser.parse_args()
    edits = drawn(options.seed, options.count)
    if options.list:
        print(*edits, sep="\n")
        return
    edits = edits[options.first - 1 :]
    environment = os.environ | ({"OMP_WAIT_POLICY": "passive"} if options.jobs > 1 else {})
    with tempfile.TemporaryDirectory() as room:
        copies = queue.SimpleQueue()
        for job in range(options.jobs):
            copy = Path(room) / str(job) / "backprop"
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "runs", "bench"))
            copies.put(copy)

        def noticed(number, edit):
            copy = copies.get()
            found = seen(edit, copy, options.seconds, environment)
            copies.put(copy)
            print(f"{number}/{options.count} {found or 'NOT SEEN'}  {edit}", flush=True)
            return found

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            found = list(pool.map(noticed, range(options.first, options.count + 1), edits))
    survivors = [edit for edit, one in zip(edits, found, strict=True) if not one]
    print(f"{len(edits) - len(survivors)} of {len(edits)} edits were seen; not seen:", *survivors, sep="\n  ")


if __name__ == "__main__":
    main()
