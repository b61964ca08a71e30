"""Functions for the table of operations: slopes with exceptions, and the adjoints of linear maps."""

import math

import numpy as np
from numpy import log, where

from backprop import functional as F
from backprop.kernels.device import DeviceArray
from backprop.kernels.reference.sums import wide


def lower(b):
    """b - 1, but 0 where b is 0: a^0 is constant, even at a = 0"""
    return where(b == 0, 0, b - 1)


def ln(a, v):
    """log a, but 0 where a is 0 and v = a^b is not infinite: 0^b is constant while b is above 0"""
    return where(a == 0, where(v.real > 1, -np.inf, 0), log(where(a == 0, 1, a)))


def above(a, b):
    """1 where a is the larger one, 0 where b is, one half where they are equal; 1 where one is NaN, as v is then"""
    return where((a != a) | (b != b), 1, where(a.real == b.real, 0.5, a.real > b.real))


def summed(a, axis, keepdims):
    """sum of a; float32 is summed in float64"""
    return wide(a).sum(axis=axis, keepdims=keepdims)


def spread(vbar, a, axis, keepdims):
    """vbar to every entry of a that was summed into it"""
    if not keepdims and axis is not None:
        vbar = np.expand_dims(vbar, axis)
    return np.broadcast_to(vbar, a.shape)


def share(vbar, a, axis, keepdims):
    """vbar in equal parts to every entry of a that was averaged into it"""
    count = a.size if axis is None else math.prod(a.shape[k] for k in np.atleast_1d(axis))
    return spread(vbar / count, a, axis, keepdims)


def pick(a, axis, keepdims, first):
    """the entries at `first` along `axis` (None: of all of a), the first places of the largest"""
    if axis is None:
        picked = a.reshape(-1)[first]
        return picked.reshape((1,) * a.ndim) if keepdims else picked
    picked = np.take_along_axis(a, np.expand_dims(first, axis), axis)
    return picked if keepdims else picked.squeeze(axis)


def put_back(vbar, a, axis, keepdims, first):
    """vbar to the entries that were picked, 0 to the others"""
    abar = np.zeros(a.shape, vbar.dtype)
    if axis is None:
        abar.reshape(-1)[first] = vbar.reshape(())
    else:
        vbar = vbar if keepdims else np.expand_dims(vbar, axis)
        np.put_along_axis(abar, np.expand_dims(first, axis), vbar, axis)
    return abar


def undo(vbar, axes):
    """vbar with its axes back in their places"""
    return F.transposed(vbar, tuple(map(int, np.argsort([axis % vbar.ndim for axis in axes]))))


def cut(vbar, *parts, axis):
    """vbar in pieces as long as the parts"""
    ends = np.cumsum([part.shape[axis] for part in parts]).tolist()
    return [F.cut(vbar, axis % vbar.ndim, *ends_of) for ends_of in zip([0, *ends], ends, strict=False)]


def times(vbar, slope):
    """vbar * slope, but 0 where either is 0, even if the other is infinite or NaN: a branch that was not taken gets 0
    and passes on 0. So np.where(v > 0, np.log(v), 0) has the slope 0 at v = 0.
    """
    if type(slope) is int and slope == 1:
        return vbar
    product = vbar * slope
    plain = isinstance(product, DeviceArray) or (type(slope) in (int, float) and slope != 0)
    if plain or not np.isnan(product).any():
        return product
    return np.where((vbar == 0) | (slope == 0), 0, product)
