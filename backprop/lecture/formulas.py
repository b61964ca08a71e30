"""The lecture's formulas as they appear in the code: in docstrings, in index notation, and as numbers on its lines.

A docstring states a formula after its number, or with its number at the end of the line:

    forward   (1) (2)  u[n,o]     = sum_i a[n,i] X[o,i] + mu[o]
    backward  (5)      dL/dX[o,i] = sum_n delta[n,o] a[n,i]      X[o,i] met a[n,i] once in every sample n

    mean[c] = the mean of u[:,c,:]                                                           (29)

Text after three spaces is the reason, and lines that are indented further continue it. A letter after a number marks a
part of a formula, such as (9a), the loss, and (9b), its delta; only (4s) and (4l) are formulas of their own.

In the code, the line that computes the formula ends in a comment with the number and what the line computes, in NumPy:
`# (5) delta.T @ a`. A comment too long for the line goes above it. A test runs every page and evaluates these comments
beside their lines, so the two cannot drift apart.
"""

import ast
import io
import re
import tokenize
from typing import NamedTuple

NUMBER = r"\((\d{1,2}[a-z]?)\)"
_LEADING = re.compile(rf"\s*((?:[a-z]+\s+)?)((?:{NUMBER} *)+) +(\S.*)")
_WAY_ALONE = re.compile(r"\s*((?:forward|backward)\s{2,})()()(\S.*)")
_TRAILING = re.compile(rf"(\s*\S.*?)\s{{2,}}((?:{NUMBER} ?)+)$")
_NAME = r"(\[[^\]]*\]|[^\s\[])+"  # an index may contain spaces
FORMULA = re.compile(rf"{_NAME}( = {_NAME})*\s+(=|<-)\s")  # the beginning of a line that is a formula


class Statement(NamedTuple):
    """A formula of a docstring. `way` is "forward", "backward" or "", `text` one line or more, `why` may be empty."""

    numbers: tuple
    way: str
    text: str
    why: str

    @property
    def is_formula(self):
        """Whether it begins as a formula, and not as a sentence about one."""
        return FORMULA.match(self.text) is not None


def numbers(text):
    """The numbers of the formulas in a text, in its order."""
    return tuple(re.findall(NUMBER, text))


def stated(docstring):
    """The Statements of a docstring."""
    found, way, begins, ends = [], "", 0, 0
    for line in (docstring or "").splitlines():
        leading, trailing = _LEADING.match(line) or _WAY_ALONE.match(line), _TRAILING.match(line)
        indent, stripped = len(line) - len(line.lstrip()), line.strip()
        if leading:
            begins = leading.start(4)
            way = leading[1].strip() or (way if found and indent > 8 else "")
            found.append([numbers(leading[2]), way, *_parts(leading[4])])
        elif begins and stripped and indent >= begins:  # a continuation
            formula, why = _parts(stripped)
            if FORMULA.match(stripped):
                found[-1][2] += f"\n{formula}"
            elif indent <= ends:
                found[-1][2] += f" {formula}"
            else:
                why = formula
            found[-1][3] = "; ".join(filter(None, (found[-1][3], why)))
        else:
            begins, way = 0, ""
            if trailing:
                found.append([numbers(trailing[2]), way, *_parts(trailing[1])])
        equals = re.search(r" (=|<-) ", line)
        ends = equals.end() + 1 if equals and begins else ends
    return [Statement(*parts) for parts in found]


def legend(docstring):
    """The indented lines of a docstring before its first formula: what the letters mean."""
    found = []
    for line in (docstring or "").splitlines()[1:]:
        if _LEADING.match(line) or _WAY_ALONE.match(line):
            return "\n".join(text[4:] for text in found)
        if line.strip():
            found = [*found, line] if line.startswith(" " * 4) else []
    return ""


def _parts(text):
    """(formula, reason) of a line, separated by three spaces; spaces before an equals sign only align it."""
    aligned = re.sub(r"\s+(\+?=|<-)\s+", r" \1 ", text.strip())
    formula, _, why = re.sub(r"\s{3,}", "\0", aligned, count=1).partition("\0")
    return formula.strip(), why.strip()


def marked(source):
    """Line of the source, from 1, -> the numbers in its comment."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and numbers(token.string):
            found[token.start[0]] = numbers(token.string)
    return found


def belongs(number, formula):
    """Whether a number marks a formula or a part of it: (9) and (9a) belong to (9), (4s) to itself alone."""
    return number == formula or number[:-1] == formula and number[-1] in "abcdefghijk"


class Computed(NamedTuple):
    """What a comment says that a statement computes: `name = expression`, in NumPy; the name may be empty."""

    numbers: tuple
    name: str
    expression: str


def computed(source):
    """Line of the source, from 1 -> the Computed of the statement that ends on it, in their order."""
    found, waiting = {}, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            parts = _in_numpy(token.string.lstrip("# "))
            if token.line.lstrip().startswith("#"):  # it is about the line below
                waiting += parts
            else:
                found[token.start[0]] = [*found.get(token.start[0], []), *parts]
        elif token.type == tokenize.NEWLINE:
            found[token.start[0]] = [*waiting, *found.get(token.start[0], [])]
            waiting = []
    return {line: parts for line, parts in found.items() if any(part.numbers for part in parts)}


def _in_numpy(comment):
    """The Computed of a comment: numbers at its beginning or after two spaces, each followed by Python. Python without
    a number only defines a name.
    """
    pieces = re.split(rf"(?:^|\s{{2,}})((?:{NUMBER} ?)+)", comment)
    for marks, text in [("", pieces[0]), *zip(pieces[1::3], pieces[3::3], strict=True)]:
        try:
            (statement,) = ast.parse(text.strip()).body
        except (SyntaxError, ValueError):  # words, or nothing
            continue
        match statement:
            case ast.Assign(targets=[target], value=value):
                yield Computed(numbers(marks), ast.unparse(target), ast.unparse(value))
            case ast.Expr(value=value) if marks and not isinstance(value, ast.Name):
                yield Computed(numbers(marks), "", ast.unparse(value))
