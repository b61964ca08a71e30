"""The live source of what computes a formula, its lines marked: read from the code each time the page is made."""

import ast
import functools
import html
import importlib
import inspect
import pkgutil
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import backprop
from backprop.kernels import reference
from backprop.lecture.companion.notation import mathml
from backprop.lecture.formulas import belongs, marked, numbers

ROOT = Path(backprop.__file__).parents[1]
PAIR = ("forward", "backward")
SHORT = 5  # lines of a body that are shown as a whole


class Block(NamedTuple):
    """Some lines of a file: its path, the number of the first line, the text, and which of them compute the formula."""

    path: str
    first: int
    text: str
    lines: tuple

    def html(self):
        """The lines with their numbers, those of the formula highlighted."""
        colored = highlight(self.text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).splitlines()
        rows = []
        for number, line in enumerate(colored, start=self.first):
            hit = " class=hit" if number in self.lines else ""
            rows.append(f"<span{hit}><i>{number}</i>{line}\n</span>")
        return f"<pre class=code tabindex=0>{''.join(rows)}</pre>"


def of_home(home, number):
    """The Blocks of a class or function: its methods that contain the number, forward and backward together."""
    if inspect.ismodule(home):
        return []
    lines, first = inspect.getsourcelines(home)
    source = "".join(lines)
    if not inspect.isclass(home):
        return [_block(home, first, source, number)]
    parts = [part for part in ast.parse(source).body[0].body if not _is_docstring(part)]
    marks = marked(source)
    hit = [part for part in parts if any(_among(marks.get(n, ()), number) for n in _lines(part))]
    if any(_name(part) in PAIR for part in hit):
        hit = [part for part in parts if part in hit or _name(part) in PAIR]
    texts = [(part.lineno, "".join(lines[part.lineno - 1 : part.end_lineno])) for part in hit]
    return [_block(home, first + at - 1, textwrap.dedent(text), number) for at, text in texts]


@functools.cache
def kernels(number):
    """The Blocks of the reference kernels that compute the formula: functions, or rows of a table."""
    found = []
    for info in pkgutil.iter_modules(reference.__path__):
        module = importlib.import_module(f"{reference.__name__}.{info.name}")
        source = inspect.getsource(module)
        lines, marks = source.splitlines(keepends=True), marked(source)
        for part in ast.parse(source).body:
            text = "".join(lines[part.lineno - 1 : part.end_lineno])
            if isinstance(part, ast.FunctionDef):
                named = numbers(ast.get_docstring(part) or "") + tuple(
                    n for at in _lines(part) for n in marks.get(at, ())
                )
                found += [_block(module, part.lineno, text, number)] if _among(named, number) else []
            elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Dict):
                found += _rows(module, part, lines, number)
    return found


def _rows(module, table, lines, number):
    """The rows of a table of formulas that are marked with the number."""
    starts = [key.lineno for key in table.value.keys]
    for start, end in zip(starts, [*starts[1:], table.end_lineno], strict=True):
        text = "".join(lines[start - 1 : end - 1]).rstrip() + "\n"
        if _among(numbers("".join(re.findall(r"#.*", text))), number):
            yield _block(module, start, re.sub(r" {3,}#", "  #", text), number)


def _block(thing, first, text, number):
    path = Path(inspect.getsourcefile(thing)).relative_to(ROOT).as_posix()
    return Block(path, first, text.rstrip("\n") + "\n", tuple(first + line - 1 for line in _hits(text, number)))


def _hits(text, number):
    """The lines of a text, from 1, that compute the formula: statements with its number in a comment, after or above
    them; if there are none and the docstring states it, all of a short body.
    """
    lines = text.splitlines()
    comments = {at: re.search(r"(?:^ *|  )# (.*)|$", line)[1] or "" for at, line in enumerate(lines, start=1)}
    hits = {at for at, words in comments.items() if _among(numbers(words), number) and "needs it" not in words}
    for at in sorted(hits):
        while lines[at - 1].lstrip().startswith("#") and at < len(lines):  # down to the statement that it is about
            at += 1
            hits.add(at)
    try:
        tree = ast.parse(text)
    except SyntaxError:  # the rows of a table
        return sorted(hits)
    spans = [_lines(node) for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.Expr, ast.Return))]
    hits |= {at for span in spans if hits & set(span) for at in span}
    (part,) = tree.body
    if not hits and isinstance(part, ast.FunctionDef) and _among(numbers(ast.get_docstring(part) or ""), number):
        body = [at for statement in part.body[1:] for at in _lines(statement)]
        hits = set(body if len(body) <= SHORT else ())
    return sorted(hits)


def _among(marks, number):
    """Whether one of the marks is the formula's number, or that of a part of it."""
    return any(belongs(mark, number) for mark in marks)


def place(thing):
    """Where something is defined: "backprop/layers/linear.py:13"."""
    thing = inspect.unwrap(getattr(thing, "fget", thing))
    if inspect.ismodule(thing):
        return Path(thing.__file__).relative_to(ROOT).as_posix()
    try:
        _, line = inspect.getsourcelines(thing)
        return f"{Path(inspect.getsourcefile(thing)).relative_to(ROOT).as_posix()}:{line}"
    except (TypeError, OSError):
        return ""


def python(text):
    """A piece of Python, coloured."""
    return highlight(text, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")


def prose(text):
    """A sentence for a page: text between backquotes is code, between dollar signs a formula."""
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", text)
    return "".join(
        f"<code>{html.escape(part[1:-1])}</code>" if part.startswith("`")
        else mathml(part[1:-1]) if part.startswith("$")
        else html.escape(part)
        for part in parts
    )  # fmt: skip


def _lines(part):
    return range(part.lineno, part.end_lineno + 1)


def _name(part):
    return getattr(part, "name", "")


def _is_docstring(part):
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
