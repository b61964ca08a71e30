"""Networks and gradient checks as a notebook shows them: the tables that `print` gives, in HTML.

Traces and explanations have theirs in their own folders.
"""

import html

from backprop.check.report import HEADINGS, Report
from backprop.module import Module
from backprop.show import summary
from backprop.show.colors import GREY

STYLE = f"""<style>
table.backprop {{ border-collapse: collapse; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace }}
table.backprop tr td, table.backprop tr th {{ padding: .15em .8em; text-align: left; white-space: nowrap }}
table.backprop tr th {{ border-bottom: 1px solid {GREY}; font-weight: 600 }}
table.backprop tr.last td {{ border-top: 1px solid {GREY} }}
table.backprop td.ok {{ color: #2e8b57; font-weight: 600 }}
table.backprop td.wrong {{ color: #d03b2f; font-weight: 600 }}
</style>"""


def network(net):
    """Every layer with the shapes that went through it in its last call, and its number of parameters."""
    heading, *rows, total = summary.rows(net)
    lines = [_row("th", heading), *(_row("td", row) for row in rows), _row("td", total, " class=last")]
    return f"{STYLE}<table class=backprop>{''.join(lines)}</table>"


def report(checked):
    """A gradient check: a row for each array, and what its mistakes look like."""
    lines = [_row("th", HEADINGS)]
    for row in checked.rows:
        *cells, verdict = row.cells()
        colored = f"<td class={'ok' if row.ok else 'wrong'}>{html.escape(verdict)}</td>"
        lines.append(_row("td", cells).replace("</tr>", f"{colored}</tr>"))
    mistakes = "".join(f"<p>{html.escape(text)}</p>" for text in checked.diagnoses())
    return f"{STYLE}<p>{html.escape(checked.name)}</p><table class=backprop>{''.join(lines)}</table>{mistakes}"


def _row(tag, cells, attributes=""):
    return f"<tr{attributes}>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


Module._repr_html_ = network  # neither may import this file, so it gives them their methods
Report._repr_html_ = report
