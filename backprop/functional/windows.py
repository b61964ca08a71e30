"""How a window slides over an image: its positions on each axis, and how many there are.

Kernels take three spatial axes. An image with fewer gets leading axes of size 1, on which a window of size 1 stays put.
"""

import numpy as np

from backprop.errors import OptionError, ShapeError
from backprop.module.options import integer

SPATIAL = 3


def per_axis(name, value, axes, least=0):
    """`value` as a tuple of one whole number for each axis; OptionError unless each is at least `least`."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    fits = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) and v >= least for v in values)
    if len(values) != axes or not fits:
        wanted = integer(least) + (f", or {axes} of them" if axes > 1 else "")
        raise OptionError(f"{name} must be {wanted}, got {value!r}")
    return tuple(map(int, values))


def lifted(values, fill):
    """`values`, one for each spatial axis, with `fill` for the leading axes that the image does not have."""
    return (fill,) * (SPATIAL - len(values)) + tuple(values)


def as_volumes(array, axes):
    """(..., *image) of `axes` spatial axes -> (..., D, H, W), whose missing axes have size 1."""
    lead = array.ndim - axes
    return array.reshape(*array.shape[:lead], *lifted(array.shape[lead:], 1))


def positions(size, taps, stride=1, before=0, after=0, dilation=1, ceil_mode=False):
    """How many windows of `taps` entries, `dilation` apart, fit on an axis; ShapeError if none does.

    `ceil_mode` adds a last window that extends beyond the end, if it begins before it.
    """
    reach, padded = dilation * (taps - 1) + 1, size + before + after
    count = (padded - reach + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + before:
        count -= 1
    if count < 1:
        raise ShapeError(f"a window that spans {reach} does not fit on an axis of {padded}, padding included")
    return count


def batched(a, axes):
    """a with a batch axis: an image (C, *image) without one becomes a batch of it. ShapeError for any other rank."""
    if a.ndim not in (axes + 1, axes + 2):
        image = ", ".join("DHW"[-axes:])
        cure = "; insert Unflatten(1, (C, H, W)) before it" if a.ndim == 2 and axes == 2 else ""
        raise ShapeError(f"expects (N, C, {image}), or (C, {image}) without a batch, got {a.shape}{cure}")
    return a if a.ndim == axes + 2 else a[None]
