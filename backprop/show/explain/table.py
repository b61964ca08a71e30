"""The rows of an explanation as a table: forward on the left, backward on the right, a bar beside each delta."""

import math

from backprop import report

BAR = 10  # letters, of the largest delta
LEAST_SPAN = 3  # decades that the bars stand for at least, so that a steady delta looks steady


def text(rows):
    """Both halves side by side."""
    left, right = (report.table(half, indent="") for half in cells(rows))
    return report.beside(["forward, read downward", *left], ["backward, read upward", *right])


def cells(rows):
    """The cells of both halves as texts, row by row, between those of the headings and those of the totals."""
    left = [("layer", "value", "shape", "norm", "dead", "FLOPs", "bytes", "time")]
    right = [("delta", "", "gradients", "FLOPs", "bytes", "time")]
    bars = ["█" * round(BAR * length + 0.4) for length in bar_lengths([row.delta for row in rows])]
    for row, bar in zip(rows, bars, strict=True):
        dead = "" if row.dead is None else f"{row.dead:.0%}"
        left.append((row.path, row.value, str(row.shape), f"{row.norm:.3g}", dead, *_cost([row], 0)))
        gradients = "  ".join(f"{name} {norm:.2g}" for name, norm in row.gradients.items())
        right.append(("" if row.delta is None else f"{row.delta:.2g}", bar, gradients, *_cost([row], 1)))
    left.append(("", "total", "", "", "", *_cost(rows, 0)))
    right.append(("", "", "", *_cost(rows, 1)))
    return left, right


def _cost(rows, way):
    """FLOPs, bytes and time of one way; blank where nothing is computed."""
    flops, moved, seconds = (sum(getattr(row, name)[way] for row in rows) for name in ("flops", "bytes", "seconds"))
    return (short(flops), f"{short(moved, ' ')}B", f"{1e3 * seconds:.3f} ms") if moved else ("", "", "")


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
