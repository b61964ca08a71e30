"""What was seen in each layer of a network during one step: to be read, saved, and compared."""

import dataclasses
import json
import math
from collections import Counter
from pathlib import Path

from backprop.columns import wrapped
from backprop.errors import OptionError
from backprop.show.explain import page, table
from backprop.show.numbers import without_nan

VANISHES = 1e-3  # the share of delta that is left at the end of its way


@dataclasses.dataclass(frozen=True)
class Row:
    """One call of one layer, forward and backward. Norms are Euclidean, over all entries of the batch.

    path, layer    where and what it is              value        its formula, "u₁ = a₀X₁ᵀ + μ₁"
    shape, norm    of its output                     delta        the norm of dL/d(output), None without one
    dead           the share of dead units           gradients    parameter -> the norm of its gradient, over all uses;
                   (None: it has no units)                        given at its first use
    flops, bytes   (forward, backward); an unknown   parameters   parameter -> its norm
                   number of operations is None      seconds      (forward, backward), None where not timed
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
    seconds: tuple | None = None

    @property
    def symbol(self):
        """What its output is called: u₁."""
        return self.value.split(" = ")[0]

    @property
    def gradient(self):
        """The norm of all its gradients together, None where there are none."""
        return math.hypot(*self.gradients.values()) if self.gradients else None


class Explanation:
    """The rows of one step: the input, each layer, and the loss. `print(explanation)` shows the table.

    `save(path)` writes it as .txt, .json, .html, or, norms over depth, as .png.
    """

    def __init__(self, name, shape, mode, loss, rows):
        self.name, self.shape, self.mode, self.loss, self.rows = name, shape, mode, loss, rows

    @property
    def layers(self):
        """The rows between the input and the loss."""
        return self.rows[1:-1]

    @property
    def weighted(self):
        """The rows of layers with weights, whose output is a u."""
        return [row for row in self.layers if row.symbol.startswith("u") and "′" not in row.symbol]

    def title(self):
        """What was run, and what came out."""
        return f"{self.name} in {self.mode}, input {self.shape}, loss {self.loss:.4g}"

    def verdict(self):
        """What becomes of delta on its way back, in a sentence; empty where there is nothing to compare."""
        for row in self.rows:
            if not math.isfinite(row.norm):
                return f"{row.path} outputs {row.norm}: look there first"
        rows = [row for row in self.weighted if row.delta is not None]
        uses = Counter(row.path for row in rows)
        often = [row for row in rows if uses[row.path] > 1 and row.path == max(uses, key=uses.get)]
        first, last = (often or rows or [None])[0], (often or rows or [None])[-1]
        if first is last or not (math.isfinite(first.delta) and math.isfinite(last.delta) and last.delta):
            return ""
        ratio = first.delta / last.delta
        way = (
            f"over the {len(often)} uses of layer {first.path}" if often else f"from layer {last.path} to {first.path}"
        )
        chain = often or not any("·" in row.value for row in self.rows)
        count = len(often or rows) - 1
        rate = f", times {ratio ** (1 / count):.2g} {'per use' if often else 'per layer'}" if chain and ratio else ""
        fate = (
            "vanishes" if ratio < VANISHES else "explodes" if ratio > 1 / VANISHES else "neither vanishes nor explodes"
        )
        return f"on its way back {way} delta goes from {last.delta:.2g} to {first.delta:.2g}{rate}: it {fate}"

    def to_json(self):
        """Everything, as JSON; numbers that are not finite are null."""
        rows = [dataclasses.asdict(row) for row in self.rows]
        facts = {"network": self.name, "input": self.shape, "mode": self.mode, "loss": self.loss}
        return json.dumps(without_nan({**facts, "verdict": self.verdict(), "rows": rows}), indent=1, allow_nan=False)

    def save(self, path):
        """Write it in the format of the path's suffix: .txt, .json, .html or .png. Returns the path."""
        from backprop.show.explain import pictures  # which loads matplotlib

        path = Path(path)
        if path.suffix == ".png":
            return pictures.over_depth({self.name: self}, path, self.title())
        texts = {".txt": self.__str__, ".json": self.to_json, ".html": lambda: page.page(self)}
        if path.suffix not in texts:
            raise OptionError(f"an explanation's name must end in .txt, .json, .html or .png, got {path.name!r}")
        path.write_text(texts[path.suffix]() + "\n", encoding="utf-8")
        return path

    def __str__(self):
        return "\n".join([wrapped(self.title()), table.text(self.rows), wrapped(self.verdict())]).rstrip()

    __repr__ = __str__

    def _repr_html_(self):
        return page.body(self)
