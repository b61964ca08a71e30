"""A learner's copy of a layer: our own source, its docstrings kept, with `...` in place of the numbered formulas."""

import ast
import inspect
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import backprop as bp
from backprop.errors import OptionError
from backprop.lecture.formulas import FORMULA, NUMBER, marked, numbers, stated

# What `new` makes by default, in the lecture's order.
DEFAULT = ("Linear", "ReLU", "Sigmoid", "Tanh", "Softmax", "MSELoss", "CrossEntropyLoss", "Conv2d", "MaxPool2d")

HEAD = '''"""Exercise: {name}. Write each `...` that is marked with a formula's number; the docstring has the formulas.

Inputs and delta are NumPy arrays, and NumPy is all that is needed. What `backward` returns is the delta of the input.
{more}To check your answer:

    python scripts/exercises.py check {folder}
"""
'''
TO_DERIVE = "derive those of backward"
WITH_PARAMETERS = (
    "`self.weight.data` is the weight's array; `self.weight.accumulate(g)` adds the array g to its gradient.\n"
)
WITH_SCALE = (
    "`self.scale(delta, terms)` is delta / terms where L is a mean over that many terms, and delta where it is a sum.\n"
)


class Blank(NamedTuple):
    """A statement that computes formulas.

    method     the method that it is in: "forward", "backward", ...
    target     whose gradient it is: "weight" for `self.weight.accumulate(...)`, else "input", or "output" in forward
    """

    method: str
    target: str
    numbers: tuple
    first: int  # lines of the class's source, from 1, including comments above that say what it computes
    last: int
    column: int
    text: str


# These layers are graded on the examples with these titles alone, the plain case; all others on every one.
PLAIN = {
    "Linear": ("a batch",),
    "Conv2d": ("images", "stride, padding, dilation"),
    "PReLU": ("a batch",),
    "MSELoss": ("mean",),
    "CrossEntropyLoss": ("labels",),
    "NLLLoss": ("labels",),
    "BCELoss": ("mean",),
    "BCEWithLogitsLoss": ("mean",),
    "KLDivLoss": ("batchmean",),
}


def named(name):
    """The public layer or loss of that name that can be an exercise.  Raises OptionError, listing those that can."""
    kind = vars(bp).get(name)
    if isinstance(kind, type) and issubclass(kind, bp.Module) and any(blanks(part) for part in parts(kind)):
        return kind
    raise OptionError(f"no exercise is called {name!r}; there are {', '.join(names())}")


def names():
    """The layers and losses that can be exercises, those of DEFAULT first."""
    kinds = {n: k for n, k in vars(bp).items() if isinstance(k, type) and issubclass(k, bp.Module)}
    found = [n for n, kind in kinds.items() if any(blanks(part) for part in parts(kind))]
    return sorted(found, key=lambda name: DEFAULT.index(name) if name in DEFAULT else len(DEFAULT))


def parts(kind):
    """The classes of a layer that are in its own file and have formulas, bases first: Convolution, then Conv2d."""
    found = []
    for part in reversed(kind.__mro__):
        if part.__module__ == kind.__module__ and (part is kind or blanks(part) or set(part.__bases__) & set(found)):
            found.append(part)
    return found


def file_of(name):
    return f"{name.lower()}.py"


def blanks(part, forward=False):
    """The Blanks of a class: the numbered statements of its backward, and of its forward if that is asked for."""
    source = inspect.getsource(part)
    lines, marks, found = source.splitlines(), marked(source), []
    for method in ast.parse(source).body[0].body:
        if not isinstance(method, ast.FunctionDef) or not (
            method.name.endswith("backward") or forward and method.name == "forward"
        ):
            continue
        for statement in ast.walk(method):
            if isinstance(statement, (ast.Return, ast.Expr, ast.Assign)):
                first = statement.lineno
                while lines[first - 2].lstrip().startswith("#"):
                    first -= 1
                numbers = [n for line in range(first, statement.end_lineno + 1) for n in marks.get(line, ())]
                text, target = _blanked(statement, lines[statement.lineno - 1])
                target = "output" if method.name == "forward" else target
                if numbers and text:
                    place = first, statement.end_lineno, statement.col_offset
                    found.append(Blank(method.name, target, tuple(numbers), *place, text))
    return found


def gradient_of(statement):
    """Whose gradient a statement of backward gives: "input" for a return, "weight" for `self.weight.accumulate(...)`;
    "" for any other.
    """
    match statement:
        case ast.Return(value=ast.Tuple()):
            return ""  # not a single formula
        case ast.Return():
            return "input"
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Attribute(attr=name), attr="accumulate"))):
            return name
    return ""


def _blanked(statement, line):
    """(the statement with ... for what it computes, what that is): ("return ...", "input")."""
    target = gradient_of(statement)
    if target:
        return ("return ..." if isinstance(statement, ast.Return) else f"self.{target}.accumulate(...)"), target
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        code, _, _ = line.partition("  # ")
        return f"{code.strip().rpartition(' = ')[0]} = ...", "output"
    return "", ""


def exercise(name, forward=False, folder="DIR", derive=False):
    """The learner's file for the layer `name`, as a text. With `derive` its docstrings leave out backward."""
    kind = named(name)
    body = "\n\n\n".join(_copy(part, blanks(part, forward), derive) for part in parts(kind))
    more = (WITH_PARAMETERS if ".accumulate(" in body else "") + (WITH_SCALE if issubclass(kind, bp.Loss) else "")
    if name in PLAIN:
        more += f"Graded on: {'; '.join(PLAIN[name])}. Other options of the layer are not asked for.\n"
    folder = shlex.quote(Path(folder).as_posix()).replace("\\", "/").replace('"', "'")
    head = HEAD.replace("the docstring has the formulas", TO_DERIVE) if derive else HEAD
    return head.format(name=name, folder=folder, more=more) + "\n" + _imports(kind, body) + "\n\n\n" + body + "\n"


def underived(lines):
    """The lines of a source with a question mark for each formula of backward that its docstring states."""
    found, within, begins = [], False, 0
    for line in lines:
        way = re.match(r"( *)(forward|backward)\s{2,}", line)
        indent = len(line) - len(line.lstrip())
        within = way[2] == "backward" if way else within and indent > begins
        begins = len(way[1]) if way else begins
        if not within:
            found.append(line)
            continue
        front = re.match(rf" *(backward +)?({NUMBER} *)*", line)[0]
        if FORMULA.match(line[len(front) :]):
            found.append(f"{line.partition(' = ')[0]} = ?")
        elif way or numbers(front):
            found.append(f"{front}?")
    return found


def _copy(part, gaps, derive=False):
    """The source of a class with its blanks, each in one line that keeps its number."""
    lines = inspect.getsource(part).splitlines()
    for gap in sorted(gaps, key=lambda gap: -gap.first):
        comment = f"  # {' '.join(f'({number})' for number in gap.numbers)}"
        lines[gap.first - 1 : gap.last] = [" " * gap.column + gap.text + comment]
    return "\n".join(underived(lines) if derive else lines)


def _imports(kind, body):
    """The imports that a copy needs: those of our file that it uses, and what our file defines itself."""
    module = sys.modules[kind.__module__]
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    own = {part.__name__ for part in parts(kind)}
    lines, imported = [], set()
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            names = [alias for alias in statement.names if (alias.asname or alias.name) in used]
            imported |= {alias.asname or alias.name for alias in names}
            if names:
                statement.names = names
                lines.append(ast.unparse(statement))
    defined = sorted(name for name in used - own - imported if name in vars(module) and not name.startswith("__"))
    if defined:
        lines.append(f"from {kind.__module__} import {', '.join(defined)}")
    if not any(re.match("import numpy", line) for line in lines):
        lines.insert(0, "import numpy as np")
    outside = [line for line in lines if "backprop" not in line]
    return "\n".join([*outside, "", *sorted(line for line in lines if "backprop" in line)]).strip("\n")


def hint(kind, target):
    """What to look at where `target` is wrong: the formulas of its line, as the docstrings state them."""
    of_target = [gap for part in parts(kind) for gap in blanks(part, forward=True) if gap.target == target]
    wanted = {number for gap in of_target for number in gap.numbers}
    ways = ("forward", "") if target == "output" else ("backward", "")
    return [
        f"{' '.join(f'({number})' for number in statement.numbers)} {text}"
        for part in reversed(parts(kind))
        for statement in stated(part.__doc__)
        if wanted & set(statement.numbers) and statement.way in ways
        for text in statement.text.splitlines()
    ]


def hints(kind):
    """Every line that `hint` could give for backward."""
    targets = {gap.target for part in parts(kind) for gap in blanks(part)}
    return {line for target in targets for line in hint(kind, target)}
