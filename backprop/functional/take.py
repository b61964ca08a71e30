"""Entries by their index: padding an image, and looking up the rows of an embedding. The adjoint adds up.    (26)"""

import functools
import math
from typing import NamedTuple

import numpy as np

from backprop import kernels
from backprop.errors import IndexRangeError, OptionError, ShapeError
from backprop.functional.shapes import as_int64, contiguous, destination, expect_delta, first_found, place_of
from backprop.kernels.device import is_array, to_host
from backprop.kernels.recording import computed
from backprop.module.parameter import values

MODES = ("constant", "reflect", "replicate", "circular")


def pad(a, margins, mode="constant", value=0.0):
    """a with `margins`, (before, after) for each of its last axes, in their order; negative ones crop.

    mode   "constant" puts `value` there, "reflect" mirrors the image at its edge, "replicate" repeats the edge,
           "circular" continues from the other side

    >>> pad(np.array([[1.0, 2, 3]]), [(2, 1)], "reflect")
    array([[3., 2., 1., 2., 3., 2.]])
    """
    k = kernels.of(a)
    if len(margins) > a.ndim:
        raise ShapeError(f"expects margins for at most {a.ndim} axes, got {len(margins)}")
    for step in _steps(a.shape, tuple(map(tuple, margins)), mode):
        out = k.empty(step.padded, a.dtype)
        k.take(contiguous(a).reshape(step.whole), step.index, float(value), out.reshape(step.parts))  # (26a)
        a = out
    return a


def pad_backward(delta, shape, margins, mode="constant"):
    """delta_a of the input's shape: an entry that was copied several times adds up all its copies."""
    k = kernels.of(delta)
    whole = [(0, 0)] * (len(shape) - len(margins)) + list(margins)
    padded = tuple(before + size + after for size, (before, after) in zip(shape, whole, strict=True))
    expect_delta(delta, padded)
    for step in reversed(_steps(shape, tuple(map(tuple, margins)), mode)):
        out = k.empty(step.shape, delta.dtype)
        k.take_backward(contiguous(delta).reshape(step.parts), step.index, out.reshape(step.whole), False)  # (26b)
        delta = out
    return delta


def places(a, index):
    """(..., S) -> (..., T): the entries at `index` (T,) of the last axis, 0 where it is -1."""
    k = kernels.of(a)
    out, rows = k.empty((*a.shape[:-1], len(index)), a.dtype), math.prod(a.shape[:-1])
    k.take(contiguous(a).reshape(rows, a.shape[-1], 1), index, 0.0, out.reshape(rows, len(index), 1))  # (26a)
    return out


def places_backward(delta, index, size):
    """(..., T) -> (..., S): each entry added to the place that it came from, `size` places in all."""
    k = kernels.of(delta)
    out, rows = k.empty((*delta.shape[:-1], size), delta.dtype), math.prod(delta.shape[:-1])
    k.take_backward(contiguous(delta).reshape(rows, len(index), 1), index, out.reshape(rows, size, 1), False)  # (26b)
    return out


def embedding(index, weight):
    """z (..., D) = weight[index], weight (V, D), index (...) of integers in [0, V)."""
    weight = values(weight)
    k = kernels.of(weight)
    if weight.ndim != 2:
        raise ShapeError(f"an embedding's weight must be (V, D), got {weight.shape}")
    index = _checked(k, index, len(weight), weight)
    z = k.empty((*index.shape, weight.shape[1]), weight.dtype)
    k.take(contiguous(weight)[None], index.reshape(-1), 0.0, z.reshape(1, index.size, weight.shape[1]))  # (26a)
    return z


def embedding_weight_grad(delta, index, count, padding_idx=None, out=None, accumulate=False):
    """dL/dweight[v] = the sum of delta over all places where index is v; 0 for the row `padding_idx`."""
    k = kernels.of(delta)
    index = _checked(k, index, count, delta)
    if delta.shape[:-1] != index.shape:
        raise ShapeError(f"expects a delta {(*index.shape, 'D')}, got {delta.shape}")
    out = destination(k, out, (count, delta.shape[-1]), delta)
    rows, places = contiguous(delta).reshape(1, index.size, delta.shape[-1]), index.reshape(-1)
    if padding_idx is not None:
        places = computed(lambda places: np.where(places == padding_idx, -1, places), to_host(places))
    k.take_backward(rows, places, out[None], accumulate)  # (26b)
    return out


class Step(NamedTuple):
    """One call of `take`, from an array of this shape to a padded one: how both look as (B, H, D), and the index."""

    shape: tuple
    padded: tuple
    whole: tuple
    parts: tuple
    index: np.ndarray


MOST = 1 << 16  # entries of an index that is kept


@functools.lru_cache(maxsize=256)
def _steps(shape, margins, mode):
    """The Steps that pad an array of this shape: one for all axes, if its index is small, else one for each."""
    found, padded = _indices(shape, margins, mode), list(shape)
    for axis, index in found:
        padded[axis] = len(index)
    if len(found) > 1:
        first = found[0][0]
        before, size, count = math.prod(shape[:first]), math.prod(shape[first:]), math.prod(padded[first:])
        if count <= MOST:
            together = np.zeros(1, np.int64)
            for axis in range(first, len(shape)):
                index = dict(found).get(axis, np.arange(shape[axis]))
                outside = (together[:, None] < 0) | (index < 0)
                together = np.where(outside, -1, together[:, None] * shape[axis] + index).reshape(-1)
            return [Step(shape, tuple(padded), (before, size, 1), (before, count, 1), together)]
    steps = []
    for axis, index in found:
        padded = (*shape[:axis], len(index), *shape[axis + 1 :])
        before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        steps.append(Step(shape, padded, (before, shape[axis], after), (before, len(index), after), index))
        shape = padded
    return steps


def _indices(shape, margins, mode):
    """(axis, index) for each axis that is padded: where each entry of the result comes from, -1 for nowhere."""
    if mode not in MODES:
        raise OptionError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
    found = []
    for axis, (before, after) in enumerate(margins, len(shape) - len(margins)):
        size = shape[axis]
        most = {"constant": np.inf, "reflect": size - 1, "replicate": np.inf if size else 0, "circular": size}[mode]
        cuts = min(before, after) < 0 and mode == "circular"  # what is cropped cannot continue
        if max(before, after) > most or size + before + after < 0 or cuts:
            raise ShapeError(f"{mode} padding of {(before, after)} does not fit {size} entries on axis {axis}")
        place = np.arange(-before, size + after)
        if mode == "reflect":
            index = size - 1 - np.abs(size - 1 - np.abs(place))
        elif mode == "replicate":
            index = np.clip(place, 0, max(size - 1, 0))
        elif mode == "circular":
            index = place % max(size, 1)
        else:
            index = np.where((place >= 0) & (place < size), place, -1)
        if before or after:
            found.append((axis, index))
    return found


def _checked(k, index, count, beside):
    """index as kernels take it; IndexRangeError, naming the first bad one, unless all are in [0, count)."""
    index = index if is_array(index) else np.asarray(index)
    kernels.expect_beside(index, beside)
    if index.dtype.kind not in "iu":
        raise IndexRangeError(f"expects integers in [0, {count}), got {index.dtype}; use x.astype(np.int64)")
    index = contiguous(as_int64(index))
    bad = first_found(k, "first_outside", index.reshape(-1), 0, count - 1)
    if bad >= 0:
        place = place_of(bad, index.shape)
        raise IndexRangeError(f"expects integers in [0, {count}), got {to_host(index)[place]} at index {place}")
    return index
