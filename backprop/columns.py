"""Texts in columns, for terminals with letters of any width."""

import unicodedata
from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], indent="  "):
    """Lines with the columns of `rows` under each other; the first row is the heading."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        (indent + "  ".join(cell + " " * (most - width(cell)) for cell, most in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def beside(left, right):
    """Two lists of lines side by side, as one text."""
    widest = max(map(width, left))
    return "\n".join(f"{a}{' ' * (widest - width(a))}  |  {b}".rstrip() for a, b in zip(left, right, strict=True))


def width(text):
    """How many columns of a terminal the text takes: a bar over a letter takes none, a Chinese letter two."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
