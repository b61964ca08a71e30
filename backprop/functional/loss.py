"""Losses element by element or sample by sample, their first deltas, and the reduction to a number.

`scale` is what the reduction does to each term of the sum: delta / E for a mean over E terms, delta for a sum, and an
array of deltas where nothing is reduced.
"""

import math

import numpy as np

from backprop import kernels
from backprop.errors import OptionError, ShapeError
from backprop.functional.shapes import flat, split_at
from backprop.functional.softmax import log_softmax
from backprop.functional.targets import checked_targets, class_axis, is_labels, sample_shape, samples

REDUCTIONS = ("mean", "sum", "none")


def mse_loss(a, b, reduction="mean"):
    """The mean over all E elements of (a - b)^2: PyTorch's square loss.                                   (8)"""
    return reduce(squared_error(a, b), reduction)


def l1_loss(a, b, reduction="mean"):
    """The mean over all E elements of |a - b|.                                                            (21)"""
    return reduce(absolute_error(a, b), reduction)


def cross_entropy(z, y, reduction="mean"):
    """The mean over samples of -log softmax(z)[y], z (N, C, ...) or (C,), y labels or probabilities.       (9)"""
    kernels.of(z)
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
    losses = k.empty(sample_shape(log_s), log_s.dtype)
    y = checked_targets(log_s, y)
    out = samples(losses, axis)
    if is_labels(y):
        k.nll(split_at(log_s, axis), samples(y, axis), out)
    else:
        k.soft_nll(split_at(log_s, axis), split_at(y, axis), out)
    return losses


def cross_entropy_backward(log_s, y, scale):
    """delta_z = (softmax(z) - onehot(y)) scale, from log_s = log softmax(z); scale: a number, or one per sample. (9)"""
    k = kernels.of(log_s)
    axis = class_axis(log_s)
    y = checked_targets(log_s, y)
    if not isinstance(scale, np.ndarray):
        value, scale = scale, k.empty(sample_shape(log_s), log_s.dtype)
        k.fill(value, flat(scale))
    _expect_scale(scale, sample_shape(log_s), log_s)
    delta_z = k.empty(log_s.shape, log_s.dtype)
    args = samples(scale, axis), split_at(delta_z, axis)
    if is_labels(y):
        k.nll_softmax_backward(split_at(log_s, axis), samples(y, axis), *args)
    else:
        k.soft_nll_softmax_backward(split_at(log_s, axis), split_at(y, axis), *args)
    return delta_z


def reduce(losses, reduction):
    """The mean or the sum as a Python number, or the losses themselves for 'none'. The mean of nothing is NaN."""
    expect_reduction(reduction)
    if reduction == "none":
        return losses
    k = kernels.of(losses)
    total = k.empty((1,), losses.dtype)
    k.total(flat(losses), total)
    total = total.item()
    if reduction == "sum":
        return total
    return total / losses.size if losses.size else math.nan


def expect_reduction(reduction):
    """Raise OptionError unless `reduction` is one of REDUCTIONS."""
    if reduction not in REDUCTIONS:
        raise OptionError(f"reduction is one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")


def _elementwise(name, a, b):
    k = kernels.of(b, a)
    _expect_one_shape(a, b)
    losses = k.empty(a.shape, a.dtype)
    getattr(k, name)(flat(a), flat(b), flat(losses))
    return losses


def _elementwise_backward(name, a, b, scale):
    k = kernels.of(b, a)
    _expect_one_shape(a, b)
    delta_a = k.empty(a.shape, a.dtype)
    if not isinstance(scale, np.ndarray):
        getattr(k, name)(flat(a), flat(b), scale, flat(delta_a))
    else:
        _expect_scale(scale, a.shape, a)
        getattr(k, name)(flat(a), flat(b), 1.0, flat(delta_a))
        k.multiply(flat(delta_a), flat(scale), flat(delta_a))
    return delta_a


def _expect_one_shape(a, b):
    if a.shape != b.shape:
        cure = "; use y.reshape(x.shape)" if a.size == b.size else ""
        raise ShapeError(f"wants two arrays of one shape, got {a.shape} and {b.shape}; nothing is broadcast{cure}")


def _expect_scale(scale, shape, like):
    kernels.of(scale, like)
    if scale.shape != shape:
        raise ShapeError(f"wants one number, or a number for each term {shape}, got {scale.shape}")
