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
    diagnosis        what the mistake looks like, a Diagnosis with its `kind` and `words`; None where there is none
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
    diagnosis: object = None

    @property
    def ok(self):
        return self.verdict == "ok"

    @property
    def is_wrong(self):
        return self.verdict.startswith("WRONG")

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
SPARE = "complex step", "entries", "shape", "abs error", "worst at"  # columns that a narrow terminal leaves out


class Report:
    """The rows of one module's check. `print(report)` shows the table; `report.ok` is the verdict on all rows.

    inside    for a network that is wrong: the Reports of the layers in it that are wrong by themselves
    notes     what was noticed besides the gradients: sentences, such as "backward overwrites the delta it is given"
    """

    def __init__(self, name, rows, inside=(), notes=()):
        self.name, self.rows, self.inside, self.notes = name, rows, list(inside), list(notes)

    @property
    def ok(self):
        return all(row.ok for row in self.rows)

    def raise_if_wrong(self):
        """Raise GradientError, with the table, unless every row is ok. Returns the report."""
        if not self.ok:
            failed = ", ".join(row.path for row in self.rows if not row.ok)
            disagrees = any(row.is_wrong for row in self.rows)
            verdict = "disagrees with finite differences" if disagrees else "could not be confirmed"
            raise GradientError(f"backward of {self.name} {verdict} in {failed}\n{self}")
        return self

    def diagnoses(self):
        """What the mistakes look like, a sentence for each; those of layers inside begin with the layer's name."""
        arrays = {}
        for row in self.rows:
            if row.diagnosis:
                arrays.setdefault(str(row.diagnosis), []).append(row.path)
        lines = [f"{', '.join(paths)}: {words}" for words, paths in arrays.items()]
        lines += [f"note: {words}" for words in self.notes]
        return lines + [f"{report.name}: {text}" for report in self.inside for text in report.diagnoses()]

    def __str__(self):
        lines = [self.name, *table([HEADINGS, *[row.cells() for row in self.rows]], spare=SPARE)]
        return "\n".join(lines + [f"  {text}" for text in self.diagnoses()])

    __repr__ = __str__
