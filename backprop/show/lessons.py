"""The pictures of the lecture's own experiments, as PNG files. Each function returns the path it wrote."""

import textwrap

import numpy as np

from backprop.show.colors import BLUE, GREEN, GREY, ORANGE, PAPER
from backprop.show.figure import new_axes, new_figure

PURPLE = "#8b5fbf"
COLORS = (ORANGE, PURPLE, BLUE, GREEN)
WINDOW = 50  # steps over which a loss is averaged for the eye


def smooth(losses):
    """(steps, means of WINDOW losses), the first at step WINDOW."""
    window = min(WINDOW, len(losses))
    means = np.convolve(losses, np.ones(window) / window, mode="valid")
    return np.arange(window, len(losses) + 1), means


def losses(curves, path, title, floor):
    """The losses of several trainings in one plot, with a dashed line at `floor`, the entropy of the labels.

    curves    name -> losses of its steps
    """
    figure = new_figure(8, 4.4)
    axes = new_axes(figure)
    _floor(axes, floor)
    last = {name: smooth(values)[1][-1] for name, values in curves.items()}
    gap = 0.065 * floor
    heights = _apart({name: floor - gap if abs(y - floor) < gap else y for name, y in last.items()}, gap)
    for (name, values), color in zip(curves.items(), COLORS, strict=False):
        steps, means = smooth(values)
        axes.plot(steps, means, color=color, linewidth=1.8)
        label, place = f"{name}: {means[-1]:.2f}", (1.01 * steps[-1], heights[name])
        axes.annotate(label, place, va="center", color=color, fontsize=9)
    axes.set(xlabel="step", ylabel=f"cross-entropy loss, mean of {WINDOW} steps", ylim=(0, 1.12 * floor))
    most = max(len(values) for values in curves.values())
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= most])
    axes.set_xlim(0, 1.4 * most)
    axes.set_title(title, fontsize=11)
    figure.savefig(path)
    return path


def _apart(values, gap):
    """Name -> a height near its value, no two closer than `gap`: those that are move down, or up from the axis."""
    heights, above = {}, np.inf
    for name in sorted(values, key=values.get, reverse=True):
        heights[name] = above = min(values[name], above - gap)
    below = 0.25 * gap
    for name in sorted(heights, key=heights.get):
        heights[name] = max(heights[name], below)
        below = heights[name] + gap
    return heights


def _floor(axes, floor):
    axes.axhline(floor, color=GREY, linestyle="--", linewidth=1)
    axes.annotate(
        f"knows only class frequencies: entropy {floor:.3f}",
        (1, floor),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 4),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
        color=GREY,
    )


def trap(values, refusal, path, title, floor):
    """The trap (72:39) both ways: a loss that falls as if all were well, and what the check says before any step."""
    figure = new_figure(10.5, 3.9)
    figure.suptitle(title, fontsize=11)
    grid = figure.add_gridspec(1, 2, width_ratios=(1.15, 1))
    axes = new_axes(figure, grid[0])
    _floor(axes, floor)
    axes.plot(*smooth(values), color=ORANGE, linewidth=1.8)
    axes.set(xlabel="step", ylabel="cross-entropy loss", ylim=(0, max(1.12 * floor, 1.02 * max(smooth(values)[1]))))
    axes.set_title("with the check off: nothing looks wrong", fontsize=10, color=ORANGE)
    axes = figure.add_subplot(grid[1])
    axes.axis("off")
    axes.set_title("with the check on: refused before the first step", fontsize=10, color=BLUE)
    box = {"boxstyle": "round,pad=0.9", "facecolor": PAPER, "edgecolor": BLUE}
    text = textwrap.fill(refusal, 46)
    axes.text(0.5, 0.55, text, ha="center", va="center", family="monospace", fontsize=8.5, linespacing=1.6, bbox=box)
    figure.savefig(path)
    return path


def collapse(one, stack, best, bent, path, title):
    """The outputs of one linear layer against those of a stack: without activations, and the best fit with them."""
    figure = new_figure(9, 4.2)
    figure.suptitle(title, fontsize=11)
    panels = (
        ("linear layers alone", "the layer whose weight is the product", one, stack, BLUE),
        ("a ReLU between", "the best linear layer, by least squares", best, bent, ORANGE),
    )
    for place, (name, whose, x, y, color) in enumerate(panels):
        axes = new_axes(figure, 1, 2, place + 1)
        limit = 1.05 * max(np.abs(x).max(), np.abs(y).max())
        axes.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=0.8, linestyle="--")
        axes.plot(x.ravel()[:2000], y.ravel()[:2000], ".", color=color, markersize=4, alpha=0.5)
        axes.set(xlabel=whose, ylabel="the stack", xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axes.set_title(f"{name}: they differ by up to {np.abs(x - y).max():.1g}", fontsize=9.5, color=color)
    figure.savefig(path)
    return path


def filters(before, after, image, maps, path, title):
    """Filters (O, P, Q) before and after training, and what each makes of one image: `maps` (O, H, W)."""
    count = len(before)
    figure = new_figure(1.25 * count + 2.2, 4.6)
    figure.suptitle(title, fontsize=11)
    grid = figure.add_gridspec(3, count + 2)
    rows = (
        ("before training,\nat random", before, "PuOr"),
        ("after training", after, "PuOr"),
        ("what they\nfind in it", maps, "Greys"),
    )
    limit = np.abs(after).max()
    for row, (label, images, colors) in enumerate(rows):
        axes = figure.add_subplot(grid[row, 1])
        axes.axis("off")
        axes.text(1, 0.5, label, ha="right", va="center", fontsize=9)
        for place, values in enumerate(images):
            axes = figure.add_subplot(grid[row, place + 2])
            low, high = (-limit, limit) if colors == "PuOr" else (0, maps.max())
            axes.imshow(values, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
            _bare(axes)
    axes = figure.add_subplot(grid[2, 0])
    axes.imshow(image, cmap="Greys", interpolation="nearest")
    _bare(axes)
    figure.savefig(path)
    return path


def _bare(axes):
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_edgecolor("#d0d4da")
