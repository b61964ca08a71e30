"""A trace as a table: the forward primal trace on the left, the derivative on the right."""

import html as markup

from backprop.columns import beside, table
from backprop.show.colors import BLUE, ORANGE
from backprop.show.numbers import numbers
from backprop.show.trace.symbols import BAR

PRIMAL = "forward primal trace (16), read downward"
REVERSE = "reverse adjoint trace (17), read upward"
TANGENT = "forward tangent trace (18), read downward"


def text(trace):
    """Two tables side by side: steps on the left, and on the right the shares that they pass to their parents."""
    left, right = (table(half, indent="") for half in _halves(trace))
    return beside([PRIMAL, "", *left], [_title(trace), "", *right])


def html(trace):
    """The same as a table for a notebook."""
    left, right = _halves(trace)
    titles = (PRIMAL, BLUE, len(left[0])), (_title(trace), ORANGE, len(right[0]))
    heads = [f"<th colspan='{n}' style='text-align:left; color:{color}'>{text}</th>" for text, color, n in titles]
    lines = [f"<tr>{''.join(heads)}</tr>"]
    for cells in zip(left, right, strict=True):
        cells = [f"<td style='text-align:left'>{markup.escape(cell)}</td>" for half in cells for cell in half]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _title(trace):
    return TANGENT if trace.mode == "forward" else REVERSE


def _halves(trace):
    """The cells of both sides, row by row, of equal length."""
    left, right = [], []
    if trace.mode == "forward":
        beside = _tangents(trace)
        left.append(("", "", ""))
        right.append(("", "", *[f"  d/d{name}" for name in trace.names]))
    else:
        beside = _shares(trace)
    for step in trace.steps:
        left.append((step.symbol, f"= {step.formula}", f"= {numbers(step.value)}"))
        left += [("", "", "")] * (len(beside[step.node]) - 1)
        right += beside[step.node]
    left.append(("f", f"= {trace.symbols.of(trace.output)}", f"= {numbers(trace.value)}"))
    return left, [*right, beside["f"]]


def _shares(trace):
    """Node -> the lines of the reverse trace that it causes, the last one first: that side is read upward."""
    lines = {step.node: [] for step in trace.steps}
    for share in trace.shares:
        lines[share.child].insert(0, (share.symbol, f"= {share.formula}", f"= {numbers(share.value)}"))
    for name, node in zip(trace.names, trace.inputs, strict=True):
        bar = trace.symbols.of(node, BAR)
        lines[node] = [(f"df/d{name}", f"= {bar}", f"= {numbers(trace.gradients[name])}")]
    lines = {node: own or [("", "", "")] for node, own in lines.items()}  # a parameter has no parents
    return {**lines, "f": (str(trace.symbols.of(trace.output, BAR)), "= df/df", "= 1")}


def _tangents(trace):
    """Node -> its line of the forward-mode trace."""
    lines = {
        step.node: [(line.symbol, f"= {line.formula}", *[f"= {numbers(value)}" for value in line.values])]
        for step, line in zip(trace.steps, trace.tangents, strict=True)
    }
    symbol, _, *dots = lines[trace.output][0]
    return {**lines, "f": ("df", f"= {symbol}", *dots)}
