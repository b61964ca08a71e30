"""Pictures of explanations: what becomes of values, deltas and gradients over depth, and over training."""

from collections import Counter

import numpy as np

from backprop.show.colors import BLUE, GREEN, GREY, ORANGE
from backprop.show.plots import new_axes, new_figure

COLORS = (ORANGE, BLUE, GREEN, "#8b5fbf", GREY)
LOWEST = 1e-30  # what is below, zero among it, is drawn there: a logarithm has no zero


def over_depth(explanations, path, title):
    """Norms over the layers with weights, first to last: of values, deltas, gradients. One line for each network.

    explanations   name -> Explanation
    """
    figure = new_figure(11, 3.6)
    figure.suptitle(title, fontsize=11)
    panels = (
        ("forward: norm of u, the layer's output", lambda row: row.norm),
        ("backward: norm of delta = dL/du", lambda row: row.delta),
        ("learning: norm of dL/dX", lambda row: row.gradients.get("weight")),
    )
    for place, (what, read) in enumerate(panels):
        axes = new_axes(figure, 1, 3, place + 1)
        for number, (name, explanation) in enumerate(explanations.items()):
            for line in _over_layers(explanation, read):
                color = COLORS[number % len(COLORS)]
                axes.plot(*zip(*line, strict=True), "o-", color=color, markersize=3, linewidth=1.4, label=name)
                name = None  # one entry in the legend for all lines of a network
        axes.set_yscale("log")
        _at_least_two_decades(axes)
        axes.set(xlabel="layer with weights, from the input", title=what)
        axes.title.set_fontsize(9.5)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if place == 0 and len(explanations) > 1:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path)
    return path


def _over_layers(explanation, read):
    """(place, norm) for the layers with weights: one line, and one more for each layer that is used many times."""
    rows = explanation.learning
    uses = Counter(row.path for row in rows)
    lines = {}
    for place, row in enumerate(rows, start=1):
        if read(row) is not None:
            line = lines.setdefault(row.path if uses[row.path] > 1 else "", [])
            line.append((place, max(read(row), LOWEST)))
    return lines.values()


def over_training(records, path, title):
    """Over the steps of training: each layer's delta, its gradient and its dead units; blue is the first layer.

    records    (step, Explanation) for each moment that was looked at; of a layer used many times its first use is drawn
    """
    figure = new_figure(11, 3.6)
    figure.suptitle(title, fontsize=11)
    panels = (
        ("norm of delta = dL/du", lambda row: row.delta if row.gradients else None, "log"),
        ("norm of dL/dX", lambda row: row.gradients.get("weight"), "log"),
        ("dead units, %", lambda row: None if row.dead is None else 100 * row.dead, "linear"),
    )
    panels = [(what, _over_steps(records, read), scale) for what, read, scale in panels]
    panels = [panel for panel in panels if panel[1]]
    for place, (what, lines, scale) in enumerate(panels):
        axes = new_axes(figure, 1, len(panels), place + 1)
        for order, (name, points) in enumerate(lines.items()):
            steps, norms = zip(*points, strict=True)
            norms = np.maximum(norms, LOWEST) if scale == "log" else norms
            axes.plot(steps, norms, color=_shade(order, len(lines)), linewidth=1.4, label=name)
        axes.set_yscale(scale)
        if scale == "log":
            _at_least_two_decades(axes)
        else:
            axes.set_ylim(0, None)
        axes.set(xlabel="step", title=what)
        axes.title.set_fontsize(9.5)
        axes.legend(frameon=False, fontsize=7.5, ncols=1 + len(lines) // 9)
    figure.savefig(path)
    return path


def _at_least_two_decades(axes):
    """So that what hardly changes looks so."""
    low, high = axes.get_ylim()
    if low > 0 and high < 100 * low:
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 10, middle * 10)


def _over_steps(records, read):
    """Name of a layer -> (step, norm) for each record, the layers in the order of the forward pass."""
    lines = {}
    for step, explanation in records:
        first_uses = {row.path: row for row in reversed(explanation.rows)}
        for path, row in reversed(first_uses.items()):
            value = read(row)
            if value is not None:
                lines.setdefault(f"{path} {row.value.split(' = ')[0]}", []).append((step, value))
    return lines


def _shade(order, count):
    """From dark blue, the first layer, to orange, the last."""
    first, last = (np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255 for color in (BLUE, ORANGE))
    share = order / max(count - 1, 1)
    return tuple((1 - share) * first + share * last)
