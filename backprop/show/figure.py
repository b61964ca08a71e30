"""Figures: saved whole or not at all, as PNG, SVG or PDF, light or, for slides, dark."""

import contextlib
from contextvars import ContextVar
from pathlib import Path

from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from backprop.show.colors import BLUE, GREEN, GREY, ORANGE
from backprop.training.files import replacing

FORMATS = ("png", "svg", "pdf")
DARK = {
    "#ffffff": "#14181f",
    "#000000": "#e6e9ee",
    BLUE: "#7fb4f0",
    ORANGE: "#f0a35a",
    GREEN: "#6fcf97",
    GREY: "#a3adba",
}
PARTS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")  # of what is drawn
_dark = ContextVar("dark", default=False)


@contextlib.contextmanager
def dark(wanted=True):
    """Within the block figures are saved on a dark ground."""
    token = _dark.set(wanted)
    try:
        yield
    finally:
        _dark.reset(token)


class _Figure(Figure):
    def savefig(self, file):
        if _dark.get():
            _darken(self)
        if hasattr(file, "write"):
            super().savefig(file)
        else:
            with replacing(file) as opened:
                super().savefig(opened, format=Path(file).suffix[1:] or "png")


def new_figure(width, height):
    return _Figure(figsize=(width, height), dpi=150, layout="constrained")


def new_axes(figure, *place):
    axes = figure.add_subplot(*place)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def colour_scale(figure, image, axes, low, high):
    """A bar beside the axes that says what the colours of `image` stand for, in words at both ends."""
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2)
    bar.ax.set_title(high, fontsize=6.5)
    bar.ax.set_xlabel(low, fontsize=6.5)


def _darken(figure):
    """Exchange the colours of all lines, texts and grounds for those on a dark ground; images keep theirs."""
    for artist in figure.findobj():
        for part in PARTS:
            read, write = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
            if read is None or write is None:
                continue
            with contextlib.suppress(ValueError, TypeError):  # none, or a list of colours
                color = read()
                was = to_hex(to_rgb(color))
                if was in DARK and not (isinstance(color, tuple) and len(color) == 4 and color[3] == 0):
                    write(DARK[was])
