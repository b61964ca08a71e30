"""What was seen in each layer of a network during one step: as a text, as JSON, as a page, as a picture."""

import dataclasses
import json
import math
from pathlib import Path

from backprop.errors import OptionError
from backprop.show.explain import page, table

VANISHES = 1e-3  # of the last layer's delta is left at the first one: hardly anything to learn from


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
        from backprop.show.explain import pictures

        path = Path(path)
        if path.suffix == ".png":
            return pictures.over_depth({self.name: self}, path, f"{self.name}, loss {self.loss:.4g}")
        texts = {".txt": self.__str__, ".json": self.to_json, ".html": lambda: page.page(self)}
        if path.suffix not in texts:
            raise OptionError(f"an explanation's name ends in .txt, .json, .html or .png, got {path.name!r}")
        path.write_text(texts[path.suffix]() + "\n", encoding="utf-8")
        return path

    def _repr_html_(self):
        return page.body(self)

    def __str__(self):
        title = f"{self.name}, {self.samples} samples, loss {self.loss:.4g}"
        return "\n".join([title, table.text(self.rows), self.verdict()]).rstrip()

    __repr__ = __str__


def _finite(value):
    """The same with None for every number that is not finite: JSON has no word for those."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
