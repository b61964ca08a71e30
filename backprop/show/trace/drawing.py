"""A trace as a picture of its graph: values run forward in blue, adjoints run back in orange. Graphviz draws it."""

import html
import shutil
import subprocess
from pathlib import Path

from backprop.errors import OptionError, ProgramError
from backprop.show.colors import BLUE, GREY, ORANGE, PAPER
from backprop.show.numbers import numbers
from backprop.show.trace.formula import Formula
from backprop.show.trace.symbols import BAR

LONGEST = 30  # seconds that Graphviz may take for one picture


def dot(trace):
    """The graph in Graphviz's language: a node for each value, an edge with its slope to each value that uses it."""
    lines = [
        "digraph trace {",
        '  graph [rankdir=LR, bgcolor="white", nodesep=0.35, ranksep=0.7]',
        f'  node [shape=box, style="rounded,filled", fillcolor="{PAPER}", color="{GREY}"]',
        '  node [fontname="Helvetica", fontsize=12]',
        f'  edge [color="{GREY}", fontcolor="{GREY}", fontname="Helvetica", fontsize=10, arrowsize=0.7]',
    ]
    place = {step.node: f"n{index}" for index, step in enumerate(trace.steps)}
    for index, step in enumerate(trace.steps):
        adjoint = f"{trace.symbols.of(step.node, BAR)} = {numbers(trace.adjoints[step.node])}"
        if trace.mode == "forward":
            dots = trace.tangents[index]
            adjoint = f"{dots.symbol} = {', '.join(map(numbers, dots.values))}"
        label = (
            f"{html.escape(step.symbol)} = {html.escape(step.formula)}<br/>"
            f'<font color="{BLUE}">{html.escape(numbers(step.value))}</font><br/>'
            f'<font color="{ORANGE}">{html.escape(adjoint)}</font>'
        )
        outline = f', color="{BLUE}", penwidth=1.6' if any(step.node is leaf for leaf in trace.inputs) else ""
        lines.append(f"  {place[step.node]} [label=<{label}>{outline}]")
    for step in trace.steps:
        for index, parent in enumerate(step.node.parents):
            if parent in place:
                lines.append(f"  {place[parent]} -> {place[step.node]}{_slope(trace, step.node, index)}")
    return "\n".join([*lines, "}", ""])


def save(trace, path):
    """The picture as .svg or .png, or its text as .dot."""
    path = Path(path)
    if path.suffix in (".dot", ".gv"):
        path.write_text(dot(trace), encoding="utf-8")
    elif path.suffix in (".svg", ".png"):
        path.write_bytes(draw(trace, path.suffix[1:]))
    else:
        raise OptionError(f"a drawing's name must end in .svg, .png or .dot, got {path.name!r}")
    return path


def draw(trace, format):
    """The picture as bytes."""
    if not installed():
        raise ProgramError("a .svg or .png needs Graphviz, whose command `dot` was not found; a .dot file does not")
    command = ["dot", f"-T{format}", "-Gdpi=150" if format == "png" else "-Gdpi=72"]
    try:
        text = dot(trace).encode()
        return subprocess.run(command, input=text, capture_output=True, check=True, timeout=LONGEST).stdout
    except (subprocess.SubprocessError, UnicodeEncodeError) as error:
        raise ProgramError(f"Graphviz could not draw it: {getattr(error, 'stderr', None) or error}") from None


def inline_svg(trace):
    """The picture as a part of a page; empty where Graphviz is not installed."""
    if not installed():
        return ""
    svg = draw(trace, "svg").decode()
    return svg[svg.index("<svg") :]


def installed():
    return shutil.which("dot") is not None


def _slope(trace, node, place):
    slope = trace.symbols.slope(node, place)
    return "" if slope is None else f' [label="  {slope if isinstance(slope, Formula) else numbers(slope)}  "]'
