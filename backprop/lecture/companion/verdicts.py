"""What the gradient check says about a formula, run while the page is made."""

import functools
import html

from backprop.check.gradcheck import gradcheck
from backprop.lecture.companion.sources import prose
from backprop.lecture.examples import examples


def _exactly(most):
    return f", from the complex step by {most:.0e}" if most else "; the complex step gives the same bits"


@functools.cache
def reports():
    """(class, title, Report) of every example, on the kernels in use."""
    return [(type(e.module), e.title, gradcheck(e.module, *e.inputs)) for e in examples()]


def page(checked):
    """The verdict on the modules of an entry, or its sentence, as a part of a page."""
    if isinstance(checked, str):
        return f"<p class=verdict>{prose(checked)}</p>"
    told = [(kind, title, report) for kind, title, report in reports() if kind in checked]
    rows = [row for _, _, report in told for row in report.rows]
    right = all(report.ok for _, _, report in told)
    entries = sum(row.entries for row in rows)
    exact = [row.complex_error for row in rows if row.complex_error is not None]
    count = f"{entries} entries of {len(told)} example{'s' if len(told) != 1 else ''}"
    summary = (
        f"<b class={'ok' if right else 'wrong'}>{'✓ agrees' if right else '✗ DISAGREES'}</b> with finite differences "
        f"in {count}: off by at most {max(row.relative for row in rows):.0e}" + (_exactly(max(exact)) if exact else "")
    )
    lines = []
    for kind, title, report in told:
        for row in report.rows:
            path, shape, count, _, relative, exactly, *_ = row.cells()
            cells = (f"{kind.__name__}, {title}", path, shape, count, relative, exactly, row.verdict)
            lines.append(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>")
    heads = ("example", "array", "shape", "entries", "off by", "complex step", "")
    head = "".join(f"<th>{text}</th>" for text in heads)
    return (
        f"<details class=verdict><summary>{summary}</summary><div class=wide><table class=report>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></details>"
    )
