"""What a gradient check found: one row for each array, and the verdict on all of them."""

import dataclasses
import math

from backprop.columns import table
from backprop.errors import GradientError


@dataclasses.dataclass(frozen=True)
class Row:
    """One parameter, or the input.

    error            the largest |backward - difference| over the entries checked
    relative         the largest error relative to its entry (small entries: to a thousandth of the array's largest)
    index            of the worst entry; `backward` and `numeric` are its two values
    complex_error    the largest relative difference to the complex step, None where it does not apply
    verdict          "ok", or what is wrong: "WRONG...", "undecided" (the differences did not settle), "kink"
    """

    path: str
    shape: tuple
    entries: int = 0
    error: float = 0.0
    relative: float = 0.0
    index: tuple = ()
    backward: float = 0.0
    numeric: float = 0.0
    complex_error: float | None = None
    verdict: str = "ok"

    @property
    def ok(self):
        return self.verdict == "ok"

    def cells(self):
        """The row as texts, in the order of HEADINGS."""
        size = math.prod(self.shape)
        return (
            self.path,
            str(self.shape),
            f"{self.entries}" if self.entries == size else f"{self.entries} of {size}",
            f"{self.error:.1e}",
            f"{self.relative:.1e}",
            "-" if self.complex_error is None else f"{self.complex_error:.1e}",
            str(self.index),
            f"{self.backward:.9g}",
            f"{self.numeric:.9g}",
            self.verdict,
        )


HEADINGS = (
    "array",
    "shape",
    "entries",
    "abs error",
    "rel error",
    "complex step",
    "worst at",
    "backward",
    "difference",
    "",
)


class Report:
    """The rows of one module's check. `print(report)` shows the table; `report.ok` is the verdict on all rows."""

    def __init__(self, name, rows):
        self.name, self.rows = name, rows

    @property
    def ok(self):
        return all(row.ok for row in self.rows)

    def raise_if_wrong(self):
        """Raise GradientError, with the table, unless every row is ok. Returns the report."""
        if not self.ok:
            failed = ", ".join(row.path for row in self.rows if not row.ok)
            disagrees = any(row.verdict.startswith("WRONG") for row in self.rows)
            verdict = "disagrees with finite differences" if disagrees else "could not be confirmed"
            raise GradientError(f"backward of {self.name} {verdict} in {failed}\n{self}")
        return self

    def __str__(self):
        return "\n".join([self.name, *table([HEADINGS, *[row.cells() for row in self.rows]])])

    __repr__ = __str__
