"""Mistakes that any layer can have. Each function yields diagnoses, each with the gradient of that mistake."""

import itertools

import numpy as np

from backprop.check.diagnosis.case import Diagnosis


def misshapen(case):
    """Right except for the order of its axes, or summed over axes that should have been kept."""
    shapes = f"its shape is {case.found.shape} instead of {case.right.shape}"
    for order in itertools.permutations(range(case.right.ndim)):
        yield Diagnosis("transposed", f"transposed: {shapes}"), case.right.transpose(order)
    for count in range(1, case.right.ndim + 1):
        for axes in itertools.combinations(range(case.right.ndim), count):
            words = f"summed over {'all axes' if count == case.right.ndim else f'axes {axes}'}: {shapes}"
            yield Diagnosis("summed", words), case.right.sum(axis=axes)
    yield Diagnosis("wrong shape", shapes), case.found


def alike_everywhere(case):
    """The same mistake in every entry."""
    yield Diagnosis("no gradient", "no gradient: backward leaves all entries at 0"), np.zeros_like(case.right)
    yield Diagnosis("sign flipped", "the sign is flipped: every entry is minus what it should be"), -case.right
    ones = case.pulled(np.ones_like(case.delta))
    yield Diagnosis("delta ignored", "delta is ignored: this is the gradient for a delta of ones"), ones
    if np.any(case.right):
        c = float(np.sum(case.found * case.right) / np.sum(case.right**2))
        meaning, ignored = _meaning(case, c), None
        if case.delta.ndim == 0:  # a loss, whose delta is a single number, usually 1
            at_1 = float(np.sum(case.found * ones) / np.sum(ones**2))
            ignored = _meaning(case, at_1)
            if meaning is None and ignored is not None:
                words = "delta is ignored, and there is a constant factor: for a delta of 1 every entry is"
                yield Diagnosis("delta ignored", f"{words} {at_1:.6g} times what it should be{ignored}"), at_1 * ones
            elif meaning is None:
                meaning = f" (or, if delta is ignored, {at_1:.6g} times what it should be for a delta of 1)"
        if np.count_nonzero(case.right) > 1 or meaning is not None:  # for a single number, some factor always fits
            words = f"off by a constant factor: every entry is {c:.6g} times what it should be{meaning or ''}"
            yield Diagnosis("constant factor", words), c * case.right


def _meaning(case, c):
    """What a factor may mean, in brackets; empty if it needs no explanation, None if it is not known."""
    n, e = case.samples, case.subject.inputs[0].size
    sign = ", with its sign flipped" if c < 0 else ""
    if any(np.isclose(abs(c), factor, 1e-5) for factor in (2, 0.5)):
        return f" ({sign[2:]})" if sign else ""
    if np.isclose(c, -1, 1e-5):
        return " (its sign is flipped)"
    words = {
        n: f"there are N = {n} samples",
        e: f"the input has E = {e} elements",
        e / n: f"E / N: {e} elements of {n} samples",
    }
    for times, (count, meaning) in itertools.product((1, 2, 0.5), words.items()):
        if count > 1 and any(np.isclose(abs(c), factor * times, 1e-5) for factor in (count, 1 / count)):
            return f" ({meaning}{'' if times == 1 else f', and a factor of {times:g}'}{sign})"
    return None


def transposed(case):
    """The gradient itself is transposed, or a matrix that it is computed with."""
    shape = case.right.shape
    for a, b in itertools.combinations(range(len(shape)), 2):
        words = f"transposed: right once axes {a} and {b} are exchanged"
        yield Diagnosis("transposed", words), np.swapaxes(case.right, a, b).reshape(shape)
    for name, x in case.subject.values.items():
        if x.ndim >= 2 and x.shape[0] == x.shape[1]:
            words = f"{name} is transposed in its formula: right for {name} with its axes 0 and 1 exchanged"
            yield Diagnosis("transposed", words), case.right_where(x, np.swapaxes(x, 0, 1).copy())


def delta_permuted(case):
    """Right, but for a delta whose entries are in another order."""
    delta, words = case.delta, "delta is permuted: right for a delta "
    for axis, length in enumerate(delta.shape):
        if length > 1:
            yield Diagnosis("delta permuted", f"{words}in reverse along axis {axis}"), case.pulled(np.flip(delta, axis))
            for step in (1, -1):
                moved = case.pulled(np.roll(delta, step, axis))
                yield Diagnosis("delta permuted", f"{words}shifted by {step} along axis {axis}"), moved
    for a, b in itertools.combinations(range(delta.ndim), 2):
        if delta.shape[a] == delta.shape[b]:
            swapped = case.pulled(np.swapaxes(delta, a, b))
            yield Diagnosis("delta permuted", f"{words}with its axes {a} and {b} exchanged"), swapped
    behind = _delta_behind(case)
    if behind is not None and _same_numbers(behind, delta):
        yield Diagnosis("delta permuted", f"{words}whose entries are in another order"), case.pulled(behind)


def _delta_behind(case):
    """The one delta for which `found` is right; None where there is none, or more than one."""
    outputs, entries = case.slopes.shape
    if outputs > entries or outputs < 2:
        return None
    delta, _, rank, _ = np.linalg.lstsq(case.slopes.T, case.found.reshape(-1), rcond=1e-8)
    return delta if rank == outputs else None


def some_rows(case):
    """Right but for neighbouring rows, as those of a gate, or of the queries in a stacked weight: off by a factor."""
    length = len(case.right) if case.right.ndim else 0
    wrong = [n for n in range(length) if not case.alike(case.found[n], case.right[n])]
    if not wrong or len(wrong) == length or wrong[-1] - wrong[0] >= len(wrong):
        return
    found, right = case.found[wrong], case.right[wrong]
    if not np.any(right) or right.size == 1:  # for a single number, some factor always fits
        return
    c, would_be = float(np.sum(found * right) / np.sum(right**2)), case.right.copy()
    would_be[wrong] *= c
    rows = f"rows {wrong[0]} to {wrong[-1]} of {length} are" if len(wrong) > 1 else f"row {wrong[0]} of {length} is"
    factor = f"off by a constant factor: {c:.6g} times what it should be{_of_a_head(case, c)}" if c else "left at 0"
    words = f"{rows} {factor}; the others are right"
    yield Diagnosis("some rows", words), would_be


def _of_a_head(case, c):
    """What a factor means in attention."""
    heads = getattr(case.subject.module, "num_heads", 0)
    size = case.subject.module.embed_dim // heads if heads else 0
    for times, how in ((np.sqrt(size), "is missing"), (1 / np.sqrt(size) if size else 0, "is there twice")):
        if size > 1 and np.isclose(c, times, 1e-5):
            return f" (1/sqrt(E) {how}: a head has E = {size} numbers)"
    return ""


def entries(case):
    """What can be said about the entries when their cause is unknown."""
    wrong = [not case.alike(a, b) for a, b in zip(case.found.reshape(-1, 1), case.right.reshape(-1, 1), strict=True)]
    if sum(wrong) == 1 and len(wrong) > 2:
        at = tuple(map(int, np.unravel_index(wrong.index(True), case.right.shape)))
        yield Diagnosis("one entry wrong", f"one entry is wrong, at {at}; all others are right"), case.found
    if _same_numbers(case.found, case.right):
        yield Diagnosis("permuted", "the right numbers are in another order"), case.found


def _same_numbers(a, b):
    """Whether two arrays hold the same numbers, in any order."""
    return np.allclose(np.sort(a, axis=None), np.sort(b, axis=None), 1e-6, 1e-8 * np.max(np.abs(b), initial=0))
