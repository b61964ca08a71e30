"""Pictures of explanations: what becomes of values, deltas and gradients over depth, and over training."""

from collections import Counter

import numpy as np
from matplotlib.ticker import MaxNLocator

from backprop.show.colors import BLUE, GREEN, GREY, ORANGE
from backprop.show.figure import new_axes, new_figure

COLORS = (ORANGE, BLUE, GREEN, "#8b5fbf", GREY)
MOST_NAMES = 8  # in a legend; of more lines only the first and the last are named


def over_depth(explanations, path, title):
    """Norms over the layers with weights, first to last: of values, deltas, gradients. One line for each network.

    explanations   name -> Explanation
    A norm of 0, which has no logarithm, is drawn as a cross at the bottom of the picture.
    """
    panels = [
        ("forward: norm of u, the layer's output", lambda row: row.norm),
        ("backward: norm of delta = dL/du", lambda row: row.delta),
        ("learning: norm of its gradients", lambda row: row.gradient),
    ]
    figure = new_figure(11, 3.6)
    figure.suptitle(title, fontsize=11)
    for place, (what, read) in enumerate(panels):
        axes = new_axes(figure, 1, 3, place + 1)
        for number, (name, explanation) in enumerate(explanations.items()):
            style = {"color": COLORS[number % len(COLORS)], "linestyle": "--" if number else "-"}
            for points in _over_layers(explanation, read):
                _draw(axes, points, label=name, log=True, marker="o", **style)
                name = None  # one entry in the legend for all lines of a network
        most = max((len(explanation.weighted) for explanation in explanations.values()), default=1)
        axes.set(xlabel="layer with weights, in the order of use", title=what, xlim=(0.5, max(most, 1) + 0.5))
        _finish(axes, log=True)
        if place == 0 and len(explanations) > 1:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path)
    return path


def _over_layers(explanation, read):
    """(place, norm) for the layers with weights: one line, and one more for each layer that is used many times."""
    rows = explanation.weighted
    uses = Counter(row.path for row in rows)
    lines = {}
    for place, row in enumerate(rows, start=1):
        if read(row) is not None:
            lines.setdefault(row.path if uses[row.path] > 1 else None, []).append((place, read(row)))
    return lines.values()


def over_training(records, path, title):
    """Over the steps of training: each layer's delta, its gradients and its dead units.

    records    (step, Explanation) for each recorded moment; of a layer used many times only the first use is drawn
    """
    panels = [
        ("norm of delta = dL/du", _over_steps(records, lambda e: e.weighted, lambda row: row.delta), True),
        ("norm of its gradients", _over_steps(records, lambda e: e.weighted, lambda row: row.gradient), True),
        ("dead units, %", _over_steps(records, lambda e: e.layers, _percent_dead), False),
    ]
    panels = [panel for panel in panels if panel[1]]
    figure = new_figure(11, 3.6)
    figure.suptitle(f"{title}; from the first layer, blue, to the last, orange", fontsize=11)
    for place, (what, lines, log) in enumerate(panels):
        axes = new_axes(figure, 1, len(panels), place + 1)
        for order, (name, points) in enumerate(lines.items()):
            named = len(lines) <= MOST_NAMES or order in (0, len(lines) - 1)
            marker = "o" if len(points) < 5 else None
            _draw(axes, points, name if named else None, log, marker=marker, color=_shade(order, len(lines)))
        axes.set(xlabel="step", title=what)
        _finish(axes, log)
        axes.legend(frameon=False, fontsize=7.5)
    figure.savefig(path)
    return path


def _over_steps(records, choose, read):
    """Name of a layer -> (step, norm) for each record, the layers in the order of the forward pass."""
    lines = {}
    for step, explanation in records:
        first_uses = {row.path: row for row in reversed(choose(explanation))}
        for path, row in reversed(first_uses.items()):
            if read(row) is not None:
                lines.setdefault(f"{path} {row.symbol}".strip(), []).append((step, read(row)))
    return lines


def _percent_dead(row):
    return None if row.dead is None else 100 * row.dead


def _draw(axes, points, label, log, **style):
    """A line through the points; where `log` is set, a zero is a cross at the bottom."""
    x, y = np.array(points, float).T
    axes.plot(x, np.where((y > 0) | (not log), y, np.nan), markersize=3, linewidth=1.4, label=label, **style)
    if log and np.any(y == 0):
        foot = np.full(np.count_nonzero(y == 0), 0.02)
        axes.plot(x[y == 0], foot, "x", markersize=5, color=style["color"], transform=axes.get_xaxis_transform())


def _finish(axes, log):
    axes.title.set_fontsize(9.5)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if not log:
        axes.set_ylim(0, max(10, axes.get_ylim()[1]))
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 100 * low:  # what hardly changes should look flat
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 10, middle * 10)


def _shade(order, count):
    """From blue, the first layer, to orange, the last."""
    first, last = (np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255 for color in (BLUE, ORANGE))
    share = order / max(count - 1, 1)
    return tuple((1 - share) * first + share * last)
