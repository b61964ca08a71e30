"""Pooling over one, two or three axes, and its adjoints.                                                (14)

a is (N, C, *image), out and delta (N, C, *positions); images without a batch axis are accepted, too. Options are one
number, or one for each spatial axis.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from backprop import kernels
from backprop.errors import OptionError, ShapeError
from backprop.functional.shapes import contiguous, expect_delta, first_found, flat, split_at
from backprop.functional.windows import as_volumes, batched, lifted, per_axis, positions


class Taken(NamedTuple):
    """Which entries a max pooling took: their positions in images of size `image`, counted in C order."""

    where: np.ndarray
    image: tuple


def max_pool(a, axes, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """(out, taken): the largest entry of each window, and which it was; of equal entries the first.

    >>> a = np.array([[[3.0, 1, 3, 5, 5]]])
    >>> max_pool(a, 1, kernel_size=3, stride=2)
    (array([[[3., 5.]]]), Taken(where=array([[[0, 3]]]), image=(5,)))
    """
    k = kernels.of(a)
    single, a = a.ndim == axes + 1, batched(a, axes)
    size, stride, padding = _window(axes, kernel_size, stride, padding)
    dilation = per_axis("dilation", dilation, axes, 1)
    if any(2 * pad > d * (tap - 1) + 1 for pad, tap, d in zip(padding, size, dilation, strict=True)):
        raise OptionError(f"padding must be at most half of the window, got {padding} for {size}")
    shape = tuple(
        positions(length, tap, s, pad, pad, d, ceil_mode)
        for length, tap, s, pad, d in zip(a.shape[2:], size, stride, padding, dilation, strict=True)
    )
    out, where = k.empty((*a.shape[:2], *shape), a.dtype), k.empty((*a.shape[:2], *shape), np.dtype(np.int64))
    options = lifted(size, 1), lifted(stride, 1), lifted(dilation, 1), lifted(padding, 0)
    k.max_pool(as_volumes(contiguous(a), axes), *options, as_volumes(out, axes), as_volumes(where, axes))  # (14a)
    image = a.shape[2:]
    return (out[0], Taken(where[0], image)) if single else (out, Taken(where, image))


def max_pool_backward(delta, taken):
    """delta_a: each window's delta goes to the entry it took; overlapping windows add up."""
    k = kernels.of(delta)
    where, image = taken
    expect_delta(delta, where.shape)
    if where.dtype != np.int64 or first_found(k, "first_outside", flat(where), -1, math.prod(image) - 1) >= 0:
        raise ShapeError(f"expects positions in images of size {tuple(image)}, as max_pool returns them")
    lead = delta.shape[: -len(image)]
    delta_a = k.empty((*lead, *image), delta.dtype)
    rows, windows = math.prod(lead), math.prod(delta.shape[len(lead) :])
    flattened = [contiguous(array).reshape(rows, 1, windows) for array in (delta, where)]
    k.max_pool_backward(*flattened, delta_a.reshape(rows, 1, math.prod(image)))  # (14b)
    return delta_a


def avg_pool(a, axes, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor=None):
    """The mean of each window; zeros of the padding count if `count_include_pad`; `divisor` replaces the count.

    >>> avg_pool(np.array([[[3.0, 1, 4, 2]]]), 1, kernel_size=2)
    array([[[2., 3.]]])
    """
    a = batched(a, axes) if a.ndim != axes + 1 else a
    return _means(
        a, _pool_windows(a.shape[-axes:], kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)
    )


def avg_pool_backward(
    delta, image, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor=None
):
    """delta_a of images of size `image`: a window's delta is spread evenly over its entries; overlaps add."""
    windows = _pool_windows(tuple(image), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)
    return _means_backward(delta, windows, image)


def adaptive_avg_pool(a, axes, output_size):
    """Means over windows that divide each axis into `output_size` parts, as evenly as whole numbers allow.

    Part i runs from floor(i H / out) to ceil((i+1) H / out); None keeps the size of an axis.
    """
    a = batched(a, axes) if a.ndim != axes + 1 else a
    return _means(a, adaptive_windows(a.shape[-axes:], output_size))


def adaptive_avg_pool_backward(delta, image, output_size):
    """delta_a of images of size `image`, as in avg_pool_backward."""
    return _means_backward(delta, adaptive_windows(tuple(image), output_size), image)


def _window(axes, kernel_size, stride, padding):
    """Size, stride and padding of a pooling window for each axis; it moves by its own size unless `stride` is given."""
    size = per_axis("kernel_size", kernel_size, axes, 1)
    return size, per_axis("stride", size if stride is None else stride, axes, 1), per_axis("padding", padding, axes)


def _pool_windows(image, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor):
    """(start, stop, scale) of the windows of each axis, cut off at the image's edges."""
    size, stride, padding = _window(len(image), kernel_size, stride, padding)
    if any(2 * pad > tap for pad, tap in zip(padding, size, strict=True)):
        raise OptionError(f"padding must be at most half of the window, got {padding} for {size}")
    if divisor is not None and not divisor:
        raise OptionError("divisor must not be zero")
    divisors = [divisor] + [1] * (len(image) - 1) if divisor is not None else [None] * len(image)
    each = zip(image, size, stride, padding, divisors, strict=True)
    return [_boxes(*axis, ceil_mode, count_include_pad) for axis in each]


@functools.lru_cache(1024)
def _boxes(length, tap, stride, pad, divisor, ceil_mode, count_include_pad):
    """(start, stop, scale) of the windows of one axis. Nothing writes to them."""
    start = stride * np.arange(positions(length, tap, stride, pad, pad, 1, ceil_mode)) - pad
    padded_stop = np.minimum(start + tap, length + pad)
    inside = np.maximum(start, 0), np.minimum(padded_stop, length)
    counted = padded_stop - start if count_include_pad else inside[1] - inside[0]
    if divisor is not None:
        counted = np.full(len(start), divisor)
    return *inside, 1 / counted


def adaptive_size(output_size, axes):
    """`output_size` as a tuple, None where an axis keeps its size; OptionError if it is not valid."""
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * axes
    per_axis("output_size", [1 if out is None else out for out in wanted], axes, 1)
    return wanted


def adaptive_windows(image, output_size):
    """(start, stop, scale) of the windows of each axis."""
    wanted = adaptive_size(output_size, len(image))
    wanted = [length if out is None else out for out, length in zip(wanted, image, strict=True)]
    if 0 in image:
        raise ShapeError(f"images must not be empty, got size {tuple(image)}")
    return [_adaptive_boxes(length, out) for length, out in zip(image, wanted, strict=True)]


@functools.lru_cache(1024)
def _adaptive_boxes(length, out):
    """(start, stop, scale) of the windows of one axis. Nothing writes to them."""
    i = np.arange(out)
    start, stop = i * length // out, -(-(i + 1) * length // out)
    return start, stop, 1 / (stop - start)


def _means(a, windows):
    """One pass for each spatial axis: the mean over a box is a mean of means."""
    k = kernels.of(a)
    for axis, window in _by_axis(a, windows):
        out = k.empty((*a.shape[:axis], len(window[0]), *a.shape[axis + 1 :]), a.dtype)
        k.window_mean(split_at(a, axis), *window, split_at(out, axis))  # (14c)
        a = out
    return a


def _means_backward(delta, windows, image):
    k = kernels.of(delta)
    expected = tuple(len(start) for start, _, _ in windows)
    if delta.shape[-len(image) :] != expected:
        raise ShapeError(f"expects a delta of shape (..., {', '.join(map(str, expected))}), got {delta.shape}")
    for axis, window in reversed(_by_axis(delta, windows)):
        out = k.empty((*delta.shape[:axis], image[axis - delta.ndim], *delta.shape[axis + 1 :]), delta.dtype)
        k.window_mean_backward(split_at(delta, axis), *window, split_at(out, axis))  # (14d)
        delta = out
    return delta


def _by_axis(a, windows):
    first = a.ndim - len(windows)
    return [(first + place, window) for place, window in enumerate(windows)]
