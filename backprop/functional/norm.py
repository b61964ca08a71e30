"""Normalisation and its adjoint: entries that belong together get mean 0 and variance 1.             (29) - (32)

A batch normalisation's entries belong to a channel, axis 1, over all samples and positions; those of a layer or RMS
normalisation to a row, all that one sample has on the last axes, and of a group normalisation to a group of a sample's
channels. `u` is (B, C, D) as kernels take it, and each C is normalised over B and D: (N, C, L) `by_channel`,
(1, rows, F) `by_row`.
"""

import math

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.shapes import contiguous, destination, expect_delta, flat, split_at
from backprop.parameter import values


def by_channel(array):
    """(N, C, ...) -> (N, C, L): entries of a channel belong together."""
    if array.ndim < 2:
        raise ShapeError(f"wants (N, C, ...), got {array.shape}")
    return split_at(array, 1)


def by_row(array, axes):
    """(..., F1, F2) with `axes` of them last -> (1, rows, F1 F2): entries of a row belong together."""
    lead = array.ndim - axes
    return contiguous(array).reshape(1, math.prod(array.shape[:lead]), math.prod(array.shape[lead:]))


def moments(u):
    """(mean, var) of each channel of u (B, C, D); the variance divides by the count, not by one less."""
    k = kernels.of(u)
    _expect_channels(u)
    mean, var = k.empty((u.shape[1],), u.dtype), k.empty((u.shape[1],), u.dtype)
    k.moments(u, mean, var)  # (29)
    return mean, var


def mean_square(u):
    """The mean of u^2 in each channel of u (B, C, D)."""
    k = kernels.of(u)
    _expect_channels(u)
    out = k.empty((u.shape[1],), u.dtype)
    k.mean_square(u, out)  # (32)
    return out


def normalize(u, mean, var, eps):
    """xhat = (u - mean) / sqrt(var + eps), mean and var one for each channel of u (B, C, D)"""
    mean, var = values(mean), values(var)
    k = kernels.of(u, mean, var)
    _expect_channels(u, mean, var)
    xhat = k.empty(u.shape, u.dtype)
    k.normalize(u, mean, var, eps, xhat)  # (29)
    return xhat


def normalize_backward(delta, xhat, var, eps, centred=True):
    """delta_u, where mean and var were computed from u itself; `centred` is False where the mean was left in"""
    k = kernels.of(delta, xhat, var)
    _expect_channels(delta, var)
    expect_delta(delta, xhat.shape)
    delta_u = k.empty(xhat.shape, xhat.dtype)
    k.normalize_backward(delta, xhat, var, eps, centred, delta_u)  # (29), or (32)
    return delta_u


def track(now, part, running, factor=1.0):
    """running <- (1 - part) running + part factor now, in place: an average that forgets slowly            (31)"""
    running = values(running)
    k = kernels.of(now, running)
    if now.shape != running.shape or now.ndim != 1:
        raise ShapeError(f"wants {running.shape}, got {now.shape}")
    k.track(now, float(part), float(factor), running)  # (31)


def count_up(counter, like):
    """One batch more: `counter` () of whole numbers, by the kernels that compute `like`."""
    counter = values(counter)
    kernels.expect_beside(like, counter)
    kernels.of(like).count_up(counter.reshape(1))


def scale_and_shift(x, gamma, beta):
    """gamma[c] x[b,c,d] + beta[c], each where it is not None: x (B, C, D)"""
    gamma, beta = values(gamma), values(beta)
    k = kernels.of(x, gamma, beta)
    _expect_channels(x, *[array for array in (gamma, beta) if array is not None])
    if gamma is None and beta is None:
        return x
    out = k.empty(x.shape, x.dtype)
    if gamma is not None:
        k.scale_channels(x, flat(gamma), out)  # (30)
        x = out
    if beta is not None:
        k.add_channels(x, flat(beta), out)  # (30)
    return out


def scale_grad(delta, xhat, out=None, accumulate=False):
    """dL/dgamma[c] = sum_{b,d} delta[b,c,d] xhat[b,c,d]                                                (30)"""
    k = kernels.of(delta, xhat)
    expect_delta(delta, xhat.shape)
    out = _channel_sums(k, out, delta)
    k.dot_channels(delta, xhat, flat(out), accumulate)  # (30)
    return out


def shift_grad(delta, out=None, accumulate=False):
    """dL/dbeta[c] = sum_{b,d} delta[b,c,d]                                                             (30)"""
    k = kernels.of(delta)
    out = _channel_sums(k, out, delta)
    k.sum_channels(delta, flat(out), accumulate)  # (30)
    return out


def _channel_sums(k, out, delta):
    """`out` of any shape with one number for each channel of delta (B, C, D), or a new array (C,)."""
    _expect_channels(delta, *([] if out is None else [out]))
    return destination(k, out, (delta.shape[1],) if out is None else out.shape, delta)


def _expect_channels(u, *arrays):
    if u.ndim != 3:
        raise ShapeError(f"wants (B, C, D), got {u.shape}")
    for array in arrays:
        if array.size != u.shape[1]:
            raise ShapeError(f"wants (B, {array.size}, D), got {u.shape}")
