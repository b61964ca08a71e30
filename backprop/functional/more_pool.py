"""The largest entries of windows of unequal size, and max pooling in reverse, which NumPy computes."""

import functools
import math

import numpy as np

from backprop import kernels
from backprop.errors import IndexRangeError, ShapeError
from backprop.functional.pool import Taken, adaptive_windows
from backprop.functional.shapes import as_int64, contiguous, expect_delta, place_of
from backprop.functional.windows import batched


def adaptive_max_pool(a, axes, output_size):
    """(out, taken): the largest entry of each window of `adaptive_avg_pool`, of equal entries the first; (14a)

    Its adjoint is `max_pool_backward`.

    >>> adaptive_max_pool(np.array([[[3.0, 1, 4, 1, 5]]]), 1, 2)
    (array([[[4., 5.]]]), Taken(where=array([[[2, 4]]]), image=(5,)))
    """
    image = (a if a.ndim == axes + 1 else batched(a, axes)).shape[-axes:]
    windows = adaptive_windows(image, output_size)
    lead, shape = a.shape[:-axes], tuple(len(start) for start, _, _ in windows)
    places = _entries(image, tuple(tuple(zip(*window[:2], strict=True)) for window in windows))

    k, a = kernels.of(a), contiguous(a)
    out, where = k.empty((*lead, *shape), a.dtype), k.empty((*lead, *shape), np.int64)
    if out.size:
        rows = math.prod(lead), math.prod(shape)
        k.largest(a.reshape(rows[0], math.prod(image)), places, out.reshape(rows), where.reshape(rows))
    return out, Taken(where, image)


@functools.lru_cache(256)
def _entries(image, windows):
    """(windows, entries) of an image in C order; a window that has fewer entries repeats its last ones."""
    places = np.zeros((1, 1), np.int64)
    for length, spans in zip(image, windows, strict=True):
        most = max(stop - start for start, stop in spans)
        own = np.array([[min(start + n, stop - 1) for n in range(most)] for start, stop in spans])
        places = places[:, None, :, None] * length + own[None, :, None, :]
        places = places.reshape(places.shape[0] * len(spans), -1)
    return places


def max_unpool(a, where, image):
    """Each entry of a at its place `where` in an image of size `image`, counted in C order, 0 elsewhere.

    Of several entries at one place the last is there.
    """
    image, (rows, at) = tuple(image), _places(a, where, image)
    out = np.zeros((len(at), math.prod(image)), a.dtype)
    out[rows, at] = np.asarray(a).reshape(at.shape)
    return out.reshape(*a.shape[: a.ndim - len(image)], *image)


def max_unpool_backward(delta, where, image):
    """delta_a: each entry's own place; 0 for one whose place another took."""
    image, (rows, at) = tuple(image), _places(where, where, image)
    expect_delta(delta, (*where.shape[: where.ndim - len(image)], *image))
    number = np.broadcast_to(np.arange(at.shape[1]), at.shape)
    last = np.zeros((len(at), math.prod(image)), np.int64)
    last[rows, at] = number
    found = np.where(last[rows, at] == number, delta.reshape(len(at), math.prod(image))[rows, at], 0)
    return found.reshape(where.shape)


def _places(a, where, image):
    """(rows, places in them); ShapeError or IndexRangeError for places that do not fit a or the image."""
    if where.shape != a.shape or where.dtype.kind not in "iu" or a.ndim <= len(image):
        raise ShapeError(f"expects integers of shape {a.shape}, got {where.dtype} of shape {where.shape}")
    at, size = as_int64(np.asarray(where)), math.prod(image)
    if at.size and not 0 <= at.min() <= at.max() < size:
        place = place_of(np.flatnonzero((at < 0) | (at >= size))[0], at.shape)
        raise IndexRangeError(f"expects places in [0, {size}), in an image {image}, got {at[place]} at index {place}")
    lead = a.ndim - len(image)
    at = at.reshape(math.prod(a.shape[:lead]), math.prod(a.shape[lead:]))
    return np.arange(len(at))[:, None], at
