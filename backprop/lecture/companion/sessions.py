"""A worked session, run now: what was typed, and what came out, arrays drawn as matrices."""

import contextlib
import doctest
import html
import io
import sys

import numpy as np

from backprop.lecture.companion.sources import python
from backprop.lecture.companion.worked import NAMES, SESSIONS


def run(name):
    """[(what was typed, [what it gave])] of the session of a formula, each line run as at Python's prompt."""
    space, steps = dict(NAMES), []
    for example in doctest.DocTestParser().get_examples(SESSIONS[name]):
        given, kept, printed = [], sys.displayhook, io.StringIO()
        sys.displayhook = lambda value, given=given: given.append(value) if value is not None else None
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(example.source, f"<({name})>", "single"), space)
        finally:
            sys.displayhook = kept
        given += [printed.getvalue().strip()] if printed.getvalue() else []
        steps.append((example.source.rstrip("\n"), [_copied(value) for value in given]))
    return steps


def page(name):
    """The session as a part of a page."""
    lines = []
    for source, values in run(name):
        lines.append(f"<pre class=typed>{python(source)}</pre>")
        lines += [f"<div class=gave>{drawn(value)}</div>" for value in values]
    return f"<div class=session>{''.join(lines)}</div>"


def drawn(value):
    """A value for a page: an array as a matrix, or as several if it has more axes, with its shape."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        is_number = isinstance(value, (int, float, np.number, np.ndarray)) and not isinstance(value, bool)
        text = f"{value:.6g}" if is_number else str(value)
        return f"<span class=number>{html.escape(text)}</span>"
    shape = f"<span class=shape>{value.shape}</span>" if value.ndim != 2 else ""
    while value.ndim > 2 and len(value) == 1:
        value = value[0]
    return (_matrix(np.atleast_2d(value)) if value.ndim <= 2 else "".join(map(drawn, value))) + shape


def _matrix(value):
    rows = "".join(f"<tr>{''.join(f'<td>{x + 0.0:.6g}</td>' for x in row)}</tr>" for row in value)
    return f"<table class=matrix><tbody>{rows}</tbody></table>"


def _copied(value):
    return value.copy() if isinstance(value, np.ndarray) else value
