"""Mistakes that any layer can have. Each function yields diagnoses with the gradient that such a mistake would make."""

import itertools

import numpy as np

from backprop.diagnosis.case import Diagnosis


def misshapen(case):
    """Right, were it not for the order of its axes."""
    for order in itertools.permutations(range(case.right.ndim)):
        words = f"transposed: its shape is {case.found.shape} instead of {case.right.shape}"
        yield Diagnosis("transposed", words), case.right.transpose(order)


def alike_everywhere(case):
    """The same was done to every entry."""
    yield Diagnosis("no gradient", "no gradient: backward leaves all entries at 0"), np.zeros_like(case.right)
    yield Diagnosis("sign flipped", "the sign is flipped: every entry is minus what it should be"), -case.right
    ones = case.pulled(np.ones_like(case.delta))
    yield Diagnosis("delta ignored", "delta is ignored: this is the gradient for a delta of ones"), ones
    if case.delta.ndim == 0 and np.any(ones):  # a loss, whose delta is one number: 1 unless somebody wants another
        c = float(np.sum(case.found * ones) / np.sum(ones**2))
        meaning = _meaning(case, c)
        if meaning:
            words = f"delta is ignored, and off by a constant factor: for a delta of 1 every entry is {c:.6g} times"
            yield Diagnosis("delta ignored", f"{words} what it should be{meaning}"), c * ones
    square = np.sum(case.right**2)
    if square and np.isfinite(case.found).all():
        c = float(np.sum(case.found * case.right) / square)
        words = f"off by a constant factor: every entry is {c:.6g} times what it should be{_meaning(case, c)}"
        yield Diagnosis("constant factor", words), c * case.right


def _meaning(case, c):
    """What the factor may stand for."""
    for count, name in ((case.samples, "N, the number of samples"), (case.trial.inputs[0].size, "E, that of elements")):
        if count > 1 and np.isclose(abs(c), count, 1e-5):
            return f" ({name})"
        if count > 1 and np.isclose(abs(c) * count, 1, 1e-5):
            return f" (1/{name})"
    return ""


def transposed(case):
    """The gradient itself, or a matrix that it is computed with."""
    shape = case.right.shape
    for a, b in itertools.combinations(range(len(shape)), 2):
        words = f"transposed: right once axes {a} and {b} are exchanged"
        yield Diagnosis("transposed", words), np.swapaxes(case.right, a, b).reshape(shape)
    for name, x in case.trial.values.items():
        if x.ndim >= 2 and x.shape[0] == x.shape[1]:
            words = f"{name} is transposed in its formula: right for {name} with its axes 0 and 1 exchanged"
            yield Diagnosis("transposed", words), case.right_where(x, np.swapaxes(x, 0, 1).copy())


def delta_permuted(case):
    """Right, but for a delta whose entries were in another order."""
    delta, words = case.delta, "delta is permuted: right for a delta "
    for axis, length in enumerate(delta.shape):
        if length > 1:
            yield Diagnosis("delta permuted", f"{words}in reverse along axis {axis}"), case.pulled(np.flip(delta, axis))
            for step in (1, -1):
                moved = case.pulled(np.roll(delta, step, axis))
                yield Diagnosis("delta permuted", f"{words}moved on by {step} along axis {axis}"), moved
    for a, b in itertools.combinations(range(delta.ndim), 2):
        if delta.shape[a] == delta.shape[b]:
            swapped = case.pulled(np.swapaxes(delta, a, b))
            yield Diagnosis("delta permuted", f"{words}with its axes {a} and {b} exchanged"), swapped
    behind = _delta_behind(case)
    if behind is not None and np.allclose(np.sort(behind), np.sort(delta, axis=None), 1e-5, 1e-6):
        yield Diagnosis("delta permuted", f"{words}whose entries are in another order"), case.pulled(behind)


def _delta_behind(case):
    """The one delta for which `found` is right; None where there is none, or more than one."""
    outputs, entries = case.slopes.shape
    if outputs > entries or outputs < 2 or not np.isfinite(case.found).all():
        return None
    delta, _, rank, _ = np.linalg.lstsq(case.slopes.T, case.found.reshape(-1), rcond=1e-8)
    return delta if rank == outputs else None


def entries(case):
    """What can be said of the entries, when nothing can of how they came about."""
    wrong = np.abs(case.found - case.right) > 1e-6 * np.max(np.abs(case.right), initial=0)
    if np.count_nonzero(wrong) == 1 and wrong.size > 2:
        at = tuple(int(place[0]) for place in np.nonzero(wrong))
        yield Diagnosis("one entry wrong", f"one entry is wrong, at {at}; all others are right"), case.found
    if np.allclose(np.sort(case.found, axis=None), np.sort(case.right, axis=None), 1e-6, 1e-9):
        yield Diagnosis("permuted", "the right numbers stand in another order"), case.found
