"""The verdict on one array: whether the values from backward and from the differences can be the same numbers."""

import dataclasses

import numpy as np

from backprop import kernels
from backprop.check import differences
from backprop.check.report import Row
from backprop.check.subject import largest

RTOL = 1e-6  # against finite differences in float64: far below any real mistake, far above their error
DOUBT = 10  # times its estimate, an error of the differences themselves is still considered possible
COMPLEX_RTOL = 1e-12  # against the complex step, which has no error but rounding
SMALL = 1e-3  # entries below this part of their array's largest are judged against that part
TINY = 1e-5  # gradients below this part of L's terms drown in the round-off of the differences


def judge(path, shape, entries, backward, numeric, uncertainty, rtol, floor):
    """The row of one array: its worst entry, and whether the entries decide for or against backward."""
    if not entries.size:
        return Row(path, shape)
    finite = np.isfinite(backward)
    size = _sizes(np.where(finite, backward, 0), numeric, floor)
    error = np.where(finite, np.abs(backward - numeric), np.inf)
    wrong = ~finite | (error - DOUBT * uncertainty > rtol * size)
    undecided = ~wrong & ~(error + uncertainty <= rtol * size)
    blame = np.where(undecided, error + uncertainty, -1) if undecided.any() and not wrong.any() else error
    worst = int(np.argmax(blame / size))
    return Row(
        path,
        shape,
        entries=entries.size,
        error=float(error.max()),
        relative=float((error / size).max()),
        index=tuple(map(int, np.unravel_index(entries[worst], shape))),
        backward=float(backward[worst]),
        numeric=float(numeric[worst]),
        verdict="WRONG" if wrong.any() else "undecided" if undecided.any() else "ok",
    )


def with_complex_step(row, exact, backward, entries, roundoff, subject, scale):
    if not entries.size:
        return row
    with kernels.use_kernels("reference"):
        numeric = differences.complex_step(exact.loss, exact.arrays()[row.path], entries)
    error, size = np.abs(backward - numeric), _sizes(backward, numeric, 0)
    agrees = bool(np.all(error <= np.maximum(COMPLEX_RTOL * size, roundoff)))
    verdict = row.verdict
    if row.ok and not agrees:  # at a kink the central difference is between the slopes, the complex step is one of them
        worst = entries[int(np.argmax(error / size))]
        theta = subject.arrays()[row.path]
        verdict = "kink" if is_kink(subject.loss, theta, worst, scale) else "WRONG: by the complex step"
    elif verdict == "WRONG" and agrees:
        verdict = "undecided"  # backward is right at this point; the differences see a kink, or fast waves, near it
    return dataclasses.replace(row, complex_error=float((error / size).max()), verdict=verdict)


def is_kink(loss, theta, entry, scale):
    """Whether the derivatives from the left and from the right both exist and differ."""
    (right, right_error), (left, left_error) = (differences.one_sided(loss, theta, entry, d, scale) for d in (1, -1))
    return abs(right - left) > DOUBT * (right_error + left_error) + RTOL * (abs(right) + abs(left))


def _sizes(a, b, floor):
    """What an error at each entry is relative to: the entry, but no less than SMALL of the largest, or `floor`."""
    return np.maximum(np.maximum(np.abs(a), np.abs(b)), max(SMALL * largest(b), floor, np.finfo(float).tiny))
