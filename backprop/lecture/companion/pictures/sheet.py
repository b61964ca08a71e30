"""A sheet on which a picture is drawn as SVG: arrays as cells, values in blue, deltas in orange, arrows between them.

A cell knows which others met in it, and how: pointing at it, or reaching it with Tab, lights them up and says it. A
tour visits cells one after the other, by a slider.
"""

import html
import re
from itertools import product

import numpy as np

from backprop.show.numbers import number

WIDE, HIGH = 50, 27  # of a cell
VALUE, DELTA = "value", "delta"


class Grid:
    """An array of one or two axes on the sheet, its upper left corner at (x, y)."""

    def __init__(self, sheet, name, array, x, y, kind):
        self.name, self.array, self.kind, self.x, self.y = name, np.atleast_2d(array), kind, x, y
        self.axes = np.ndim(array)
        self.key = f"{sheet.name}-{len(sheet.grids)}"
        self.met = {}  # index -> ([(grid, index)], how it is computed)

    @property
    def right(self):
        return self.x + WIDE * self.array.shape[1]

    @property
    def bottom(self):
        return self.y + HIGH * self.array.shape[0]

    def __getitem__(self, index):
        return self.array[self.two(index)]

    def two(self, index):
        """An index of as many axes as the array was given with, as one of two."""
        index = index if isinstance(index, tuple) else (index,)
        return (0,) * (2 - len(index)) + index

    def id(self, index):
        return "-".join([self.key, *map(str, self.two(index))])

    def indices(self):
        """Of its cells, each as one would write it."""
        for row, column in product(*map(range, self.array.shape)):
            yield (row, column) if self.axes == 2 else column


class Sheet:
    """`html(caption)` is the figure."""

    def __init__(self, name, width, height):
        self.name, self.width, self.height = name, width, height
        self.grids, self.drawn, self.tours = [], [], []

    def grid(self, name, array, x, y, kind=VALUE, label=None):
        """An array, its name above it."""
        made = Grid(self, name, array, x, y, kind)
        self.grids.append(made)
        self.label(label or name, x + WIDE * made.array.shape[1] / 2, y - 7, kind)
        return made

    def label(self, text, x, y, kind="", anchor="middle"):
        self.drawn.append(
            f'<text class="name {kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{_tspans(text)}</text>'
        )

    def arrow(self, x0, y0, x1, y1, text="", kind=VALUE):
        ends = f'x1="{x0:g}" y1="{y0:g}" x2="{x1:g}" y2="{y1:g}"'
        self.drawn.append(f'<line class="arrow {kind}" {ends} marker-end="url(#{self.name}-{kind})"/>')
        if text:
            self.label(text, (x0 + x1) / 2, (y0 + y1) / 2 - 6, "soft")

    def met(self, grid, index, parts, words):
        """In this cell the parts [(grid, index)] met, as `words` say."""
        grid.met[index] = parts, words

    def tour(self, cells, hides=False):
        """A slider over cells [(grid, index)]; with `hides`, later ones do not show yet."""
        self.tours.append((cells, hides))

    def html(self, caption):
        heads = "".join(_head(self.name, kind) for kind in (VALUE, DELTA))
        drawn = "".join([*self.drawn, *map(_cells, self.grids)])
        size = f'viewBox="0 0 {self.width} {self.height}" style="max-width:{self.width}px"'
        svg = f'<svg {size} role="group" aria-label="{html.escape(caption)}"><defs>{heads}</defs>{drawn}</svg>'
        sliders = "".join(_slider(cells, hides) for cells, hides in self.tours)
        return (
            f"<figure class=picture>{svg}{sliders}<output aria-live=polite></output>"
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )


def _head(name, kind):
    """The arrows' head; each sheet has its own, since what is hidden has none."""
    size = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
    return f'<marker id="{name}-{kind}" class="head {kind}" {size}><path d="M0 0 L8 4 L0 8 z"/></marker>'


def _cells(grid):
    most = np.abs(grid.array).max() or 1
    return "".join(_cell(grid, index, most) for index in grid.indices())


def _cell(grid, index, most):
    row, column = grid.two(index)
    x, y, value = grid.x + WIDE * column, grid.y + HIGH * row, grid[index]
    parts, words = grid.met.get(index, ([], ""))
    met = " ".join(part.id(at) for part, at in parts)
    place = str(index).strip("()").replace(" ", "") if grid.array.size > 1 else ""
    named = (
        (f"{grid.name}[{place}]" if place else grid.name).replace("delta", "δ").replace("mu", "μ").replace("bar", "̄")
    )
    said = html.escape(f"{named} = {words}" if words else f"{named} = {number(value)}")
    sign = " negative" if value < 0 else ""
    return (
        f'<g class="cell {grid.kind}{sign}" id="{grid.id(index)}" tabindex="0" data-met="{met}" data-said="{said}">'
        f"<title>{said}</title>"
        f'<rect x="{x + 1:g}" y="{y + 1:g}" width="{WIDE - 2}" height="{HIGH - 2}" '
        f'style="fill-opacity:{0.5 * abs(value) / most:.2f}"/>'
        f'<text x="{x + WIDE / 2:g}" y="{y + HIGH / 2 + 4.5:g}">{short(value)}</text></g>'
    )


def _slider(cells, hides):
    ids = " ".join(grid.id(index) for grid, index in cells)
    last = len(cells) - 1
    return (
        f"<label class=tour>step <input type=range min=0 max={last} value={last} data-tour='{ids}' "
        f"{'data-hides' if hides else ''}></label>"
    )


def short(x):
    return number(round(float(x), 3)).replace("-", "−")


SIGNS = {"delta": "δ", "mu": "μ", "sigma": "σ", "dmu": "dμ"}


def _tspans(text):
    """Words with their Greek letters; what follows a _ is set lower, and smaller, what follows a ^ higher."""
    pieces, down = [], 0
    for word, mark, hung in re.findall(r"([A-Za-z]+|[^A-Za-z_^]+)(?:([_^])([A-Za-z0-9-]+))?", text):
        back = f' dy="{-down}"' if down else ""
        pieces.append(f"<tspan{back}>{html.escape(SIGNS.get(word, word))}</tspan>")
        down = {"": 0, "_": 3, "^": -5}[mark]
        if mark:
            pieces.append(f'<tspan dy="{down}" font-size="75%">{html.escape(hung)}</tspan>')
    return "".join(pieces)


def times(a, b):
    """A product in words: 2·−1."""
    return f"{short(a)}·{short(b)}"


def total(parts, value):
    """A sum in words: 2·1 + 3·−1 = −1."""
    return f"{' + '.join(parts)} = {short(value)}"
