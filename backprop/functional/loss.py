"""Losses element by element or sample by sample, their first deltas, and the reduction to a number.

`scale` is what the reduction does to each term of the sum: delta / E for a mean over E terms, delta for a sum, and an
array of deltas where nothing is reduced.
"""

import math

import numpy as np

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.shapes import around, flat
from backprop.functional.softmax import log_softmax
from backprop.functional.targets import class_axis, is_labels, samples, targets

REDUCTIONS = ("mean", "sum", "none")


def mse_loss(a, b, reduction="mean"):
    """The mean over all E elements of (a - b)^2: the ecosystem's square loss.                              (8)"""
    return reduce(squared_error(a, b), reduction)


def l1_loss(a, b, reduction="mean"):
    """The mean over all E elements of |a - b|.                                                            (21)"""
    return reduce(absolute_error(a, b), reduction)


def cross_entropy(z, y, reduction="mean"):
    """The mean over samples of -log softmax(z)[y], z (N, C, ...) or (C,), y labels or probabilities.       (9)"""
    return reduce(nll(log_softmax(z, class_axis(z)), y), reduction)


def squared_error(a, b):
    """(a - b)^2                                                                                            (8)"""
    return _elementwise("squared_error", a, b)


def squared_error_backward(a, b, scale):
    """delta_a = 2 (a - b) scale                                                                            (8)"""
    return _elementwise_backward("squared_error_backward", a, b, scale)


def absolute_error(a, b):
    """|a - b|                                                                                             (21)"""
    return _elementwise("absolute_error", a, b)


def absolute_error_backward(a, b, scale):
    """delta_a = sign(a - b) scale                                                                         (21)"""
    return _elementwise_backward("absolute_error_backward", a, b, scale)


def nll(log_s, y):
    """-log_s[y] for each sample, or -sum_c y[c] log_s[c] where y are probabilities.                        (9)"""
    k = kernels.of(log_s)
    axis = class_axis(log_s)
    losses = k.empty(log_s.shape[:axis] + log_s.shape[axis + 1 :], log_s.dtype)
    y = targets(log_s, y)
    out = samples(losses, axis)
    if is_labels(y):
        k.nll(around(log_s, axis), samples(y, axis), out)
    else:
        k.soft_nll(around(log_s, axis), around(y, axis), out)
    return losses


def cross_entropy_backward(log_s, y, scale):
    """delta_z = (softmax(z) - onehot(y)) scale, from log_s = log softmax(z); scale: a number, or one per sample. (9)"""
    k = kernels.of(log_s)
    axis = class_axis(log_s)
    y = targets(log_s, y)
    if not isinstance(scale, np.ndarray):
        scales = k.empty(log_s.shape[:axis] + log_s.shape[axis + 1 :], log_s.dtype)
        k.fill(scale, flat(scales))
        scale = scales
    delta_z = k.empty(log_s.shape, log_s.dtype)
    args = samples(scale, axis), around(delta_z, axis)
    if is_labels(y):
        k.nll_softmax_backward(around(log_s, axis), samples(y, axis), *args)
    else:
        k.soft_nll_softmax_backward(around(log_s, axis), around(y, axis), *args)
    return delta_z


def reduce(losses, reduction):
    """The mean or the sum as a Python number, or the losses themselves for 'none'. The mean of nothing is NaN."""
    if reduction == "none":
        return losses
    k = kernels.of(losses)
    total = k.empty((1,), losses.dtype)
    k.total(flat(losses), total)
    total = total.item()
    if reduction == "sum":
        return total
    return total / losses.size if losses.size else math.nan


def _elementwise(name, a, b):
    k = kernels.of(b, a)
    if a.shape != b.shape:
        cure = "; use y.reshape(x.shape)" if a.size == b.size else ""
        raise ShapeError(f"wants two arrays of one shape, got {a.shape} and {b.shape}; nothing is broadcast{cure}")
    losses = k.empty(a.shape, a.dtype)
    getattr(k, name)(flat(a), flat(b), flat(losses))
    return losses


def _elementwise_backward(name, a, b, scale):
    k = kernels.of(b, a)
    out = k.empty(a.shape, a.dtype)
    each = isinstance(scale, np.ndarray)
    getattr(k, name)(flat(a), flat(b), 1.0 if each else scale, flat(out))
    if each:
        k.multiply(flat(out), flat(scale), flat(out))
    return out
