"""What was seen in each layer of a network during one step: as a text, as JSON, as a page, as a picture."""

import dataclasses
import json
import math
from pathlib import Path

from backprop.errors import OptionError
from backprop.report import table, width

VANISHES = 1e-3  # of the last layer's delta is left at the first one: hardly anything to learn from
BAR = 10  # letters, of the largest delta
LEAST_SPAN = 3  # decades that a bar stands for at least, so that a steady delta looks steady


@dataclasses.dataclass(frozen=True)
class Row:
    """One call of one layer, forward and backward. Norms are Euclidean, over all entries of the batch.

    path, layer    where and what it is              value           its formula, "u₁ = a₀X₁ᵀ + μ₁"
    shape, norm    of its output                     delta           the norm of dL/d(output), None if none came
    dead           the share of dead units           gradients       parameter -> the norm of its gradient
    flops, bytes   (forward, backward)               parameters      parameter -> its norm
    seconds        (forward, backward)
    """

    path: str
    layer: str
    value: str
    shape: tuple
    norm: float
    delta: float | None = None
    dead: float | None = None
    gradients: dict = dataclasses.field(default_factory=dict)
    parameters: dict = dataclasses.field(default_factory=dict)
    flops: tuple = (0, 0)
    bytes: tuple = (0, 0)
    seconds: tuple = (0.0, 0.0)


class Explanation:
    """The rows of one step, from the input to the loss. `print(explanation)` shows the table.

    `save(path)` writes it as .txt, .json, .html, or, delta over depth, as .png.
    """

    def __init__(self, name, samples, loss, rows):
        self.name, self.samples, self.loss, self.rows = name, samples, loss, rows

    @property
    def learning(self):
        """The rows of the layers that learn."""
        return [row for row in self.rows if row.gradients]

    def verdict(self):
        """What becomes of delta on its way down, in one sentence."""
        rows = [row for row in self.learning if row.delta is not None]
        if len(rows) < 2:
            return ""
        first, last = rows[0], rows[-1]
        way = f"from layer {last.path} down to layer {first.path} delta goes from {last.delta:.2g} to {first.delta:.2g}"
        if not (math.isfinite(first.delta) and last.delta):
            return f"{way}: it is lost"
        ratio = first.delta / last.delta
        each = f", times {ratio ** (1 / (len(rows) - 1)):.2g} for each layer with weights"
        if ratio < VANISHES:
            return f"{way}{each}: it vanishes, and the first layers hardly learn"
        if ratio > 1 / VANISHES:
            return f"{way}{each}: it explodes"
        return f"{way}{each}: it neither vanishes nor explodes"

    def to_dict(self):
        """All of it as plain lists, numbers and texts."""
        rows = [dataclasses.asdict(row) for row in self.rows]
        return {
            "network": self.name,
            "samples": self.samples,
            "loss": self.loss,
            "verdict": self.verdict(),
            "rows": rows,
        }

    def to_json(self):
        """All of it as JSON; what is not finite is null there."""
        return json.dumps(_finite(self.to_dict()), indent=1, allow_nan=False)

    def save(self, path):
        """Write it as the path's ending says: .txt, .json, .html or .png. Returns the path."""
        from backprop.show import depth, explain_page

        path = Path(path)
        if path.suffix == ".png":
            return depth.over_depth({self.name: self}, path, f"{self.name}, loss {self.loss:.4g}")
        texts = {".txt": self.__str__, ".json": self.to_json, ".html": lambda: explain_page.page(self)}
        if path.suffix not in texts:
            raise OptionError(f"an explanation's name ends in .txt, .json, .html or .png, got {path.name!r}")
        path.write_text(texts[path.suffix]() + "\n", encoding="utf-8")
        return path

    def cells(self):
        """(forward, backward) cells of each row, as texts, after those of the headings."""
        left = [("layer", "value", "shape", "norm", "dead", "FLOPs", "bytes", "time")]
        right = [("delta", "", "gradients", "FLOPs", "bytes", "time")]
        bars = ["█" * round(BAR * length + 0.4) for length in bar_lengths([row.delta for row in self.rows])]
        for row, bar in zip(self.rows, bars, strict=True):
            dead = "" if row.dead is None else f"{row.dead:.0%}"
            left.append((row.path, row.value, str(row.shape), f"{row.norm:.3g}", dead, *_cost(row, 0)))
            gradients = "  ".join(f"{name} {norm:.2g}" for name, norm in row.gradients.items())
            delta = "" if row.delta is None else f"{row.delta:.2g}"
            right.append((delta, bar, gradients, *_cost(row, 1)))
        total = Row("", "", "", (), 0, **{name: self._total(name) for name in ("flops", "bytes", "seconds")})
        left.append(("", "total", "", "", "", *_cost(total, 0)))
        right.append(("", "", "", *_cost(total, 1)))
        return left, right

    def _total(self, name):
        return tuple(sum(getattr(row, name)[way] for row in self.rows) for way in (0, 1))

    def _repr_html_(self):
        from backprop.show import explain_page

        return explain_page.body(self)

    def __str__(self):
        left, right = (table(half, indent="") for half in self.cells())
        left, right = ["forward, read downward", *left], ["backward, read upward", *right]
        widest = max(map(width, left))
        title = f"{self.name}, {self.samples} samples, loss {self.loss:.4g}"
        lines = [f"  {a}{' ' * (widest - width(a))}  |  {b}".rstrip() for a, b in zip(left, right, strict=True)]
        return "\n".join([title, *lines, self.verdict()]).rstrip()

    __repr__ = __str__


def _cost(row, way):
    """FLOPs, bytes and time of one way; blank where there is nothing to tell."""
    if not row.bytes[way]:
        return "", "", ""
    return short(row.flops[way]), f"{short(row.bytes[way], ' ')}B", f"{1e3 * row.seconds[way]:.3f} ms"


def short(count, gap=""):
    """12800000 as 12.8M."""
    power = min(max(len(str(int(count))) - 1, 0) // 3, 4)
    return f"{count / 1000**power:.3g}{gap}{' kMGT'[power].strip()}"


def bar_lengths(deltas):
    """How long a bar for each delta is, from 0 to 1, on a logarithmic scale; 0 where none came."""
    logs = [math.log10(d) if d and math.isfinite(d) else None for d in deltas]
    known = [log for log in logs if log is not None]
    if not known:
        return [0.0] * len(deltas)
    top, span = max(known), max(max(known) - min(known), LEAST_SPAN)
    return [0.0 if log is None else max(0.02, 1 - (top - log) / span) for log in logs]


def _finite(value):
    """The same with None for every number that is not finite: JSON has no word for those."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
