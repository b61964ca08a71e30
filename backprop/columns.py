"""Text in columns, for terminals, with characters of any width."""

import math
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence

LEAST = 16  # characters of a column that is cut


def table(rows: Sequence[Sequence[str]], indent="  ", spare=()):
    """Lines with the columns of `rows` aligned; the first row is the heading.

    On a terminal too narrow for them, the columns headed `spare` are dropped, one by one, until the rest fits; then the
    widest column is cut, down to LEAST characters.
    """
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    over = width(indent) + sum(widths) + 2 * len(widths) - 2 - room()
    if spare and over > 0:
        left = [column for column, heading in enumerate(rows[0]) if heading != spare[0]]
        return table([[row[column] for column in left] for row in rows], indent, spare[1:])
    if over > 0 and max(widths) > LEAST:
        widest = widths.index(max(widths))
        most = max(widths[widest] - over, LEAST)
        return table([[*row[:widest], _cut(row[widest], most), *row[widest + 1 :]] for row in rows], indent)
    return [
        (indent + "  ".join(cell + " " * (most - width(cell)) for cell, most in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def beside(left, right):
    """Two lists of lines side by side, as one text; one under the other on a terminal too narrow for both."""
    widest = max(map(width, left))
    lines = [f"{a}{' ' * (widest - width(a))}  |  {b}".rstrip() for a, b in zip(left, right, strict=True)]
    return "\n".join(lines if fits(max(map(width, lines))) else [*left, "", *right])


def fits(columns):
    """Whether lines of this width fit where standard output goes: anywhere but on a narrower terminal."""
    return columns <= room()


def room():
    """How many columns a line may have where standard output goes: any number but on a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else math.inf


def wrapped(text):
    """A sentence, in lines that fit."""
    return "\n".join(textwrap.wrap(text, room())) if fits(2) and not fits(width(text)) else text


def _cut(text, most):
    """The text, or as much of it as has room before an ellipsis."""
    while width(text) > most:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def width(text):
    """How many terminal columns the text takes: a bar over a letter takes none, a Chinese character two."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
