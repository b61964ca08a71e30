"""The rows of an explanation as a table: forward on the left, backward on the right, a bar beside each delta."""

import math

from backprop import columns

BAR = 10  # characters in the bar of the largest delta
LEAST_SPAN = 3  # decades that bars span at least, so that a steady delta looks steady
SPARE = "bytes", "FLOPs", "time", "dead"  # columns that are dropped on a narrow terminal
MOST_GRADIENTS = 4  # shown for one layer


def text(rows):
    """Both halves side by side."""
    left, right = cells(rows)
    wide = sum(max(map(columns.width, columns.table(half, indent=""))) for half in (left, right))
    if not columns.fits(wide + 5):  # then one is printed below the other, and both name the layers
        right = [(row[0], *cells) for row, cells in zip(left, right, strict=True)]
    left, right = (columns.table(half, indent="", spare=SPARE) for half in (left, right))
    return columns.beside(["forward, read downward", *left], ["backward, read upward", *right])


def cells(rows):
    """The cells of both halves as texts, row by row: the headings first, the sums last."""
    left = [("layer", "value", "shape", "norm", "dead", "FLOPs", "bytes", "time")]
    right = [("delta", "", "gradients", "FLOPs", "bytes", "time")]
    for row, bar in zip(rows, bars(rows), strict=True):
        dead = "" if row.dead is None else f"{row.dead:.0%}"
        left.append((row.path, row.value, str(row.shape), f"{row.norm:.3g}", dead, *_cost([row], 0)))
        delta = "" if row.delta is None else f"{row.delta:.2g}"
        right.append((delta, "█" * math.ceil(BAR * bar), _gradients(row), *_cost([row], 1)))
    left.append(("", "all layers", "", "", "", *_cost(rows, 0)))
    right.append(("", "", "", *_cost(rows, 1)))
    return left, right


def _gradients(row):
    texts = [f"{name} {norm:.2g}" for name, norm in row.gradients.items()]
    more = len(texts) - MOST_GRADIENTS
    return "  ".join(texts if more <= 0 else [*texts[:MOST_GRADIENTS], f"and {more} more"])


def _cost(rows, way):
    """FLOPs, bytes and time in one direction: blank where nothing is computed, a question mark where unknown."""
    if not any(row.layer for row in rows):
        return "", "", ""
    flops = [row.flops[way] for row in rows]
    times = [row.seconds[way] for row in rows if row.seconds]
    count = "?" if None in flops else short(sum(flops))
    return count, f"{short(sum(row.bytes[way] for row in rows), ' ')}B", f"{1e3 * sum(times):.3f} ms" if times else ""


def short(count, gap=""):
    """12_900_000 as 12.9M."""
    count = float(f"{count:.3g}")
    power = min(int(math.log10(count)) // 3, 4) if count else 0
    return f"{count / 1000**power:.3g}{gap}{' kMGT'[power].strip()}"


def bars(rows):
    """The length of each delta's bar, from 0 to 1, on a log scale; 0 without a delta, and for dL/dL."""
    deltas = [row.delta or 0 for row in rows[:-1]]
    logs = [math.log10(delta) if delta > 0 and math.isfinite(delta) else None for delta in deltas]
    known = [log for log in logs if log is not None]
    top, least = max(known, default=0), min(known, default=0)
    span = max(top - least, LEAST_SPAN)
    return [0 if log is None else max(0.02, 1 - (top - log) / span) for log in logs] + [0] * min(1, len(rows))
