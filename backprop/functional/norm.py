"""Normalisation and its adjoint: entries that belong together get mean 0 and variance 1.             (29) - (32)

In batch normalisation they are the entries of a channel, axis 1, over all samples and positions; in layer and RMS
normalisation those of a row, one sample's last axes; in group normalisation those of a group of one sample's channels.
`u` is (B, C, D), as kernels take it, and each index of C is normalised over B and D: (N, C, D) from `by_channel`,
(1, rows, I) from `by_row`.
"""

import math

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.arrays import filled
from backprop.functional.shapes import contiguous, destination, expect_delta, flat, split_at
from backprop.module.parameter import values


def by_channel(array):
    """(N, C, ...) -> (N, C, D): entries of a channel belong together."""
    if array.ndim < 2:
        raise ShapeError(f"expects (N, C, ...), got {array.shape}")
    return split_at(array, 1)


def by_row(array, axes):
    """(..., I1, I2) with `axes` of them last -> (1, rows, I1 I2): entries of a row belong together."""
    lead = array.ndim - axes
    return contiguous(array).reshape(1, math.prod(array.shape[:lead]), math.prod(array.shape[lead:]))


def moments(u, eps=0.0):
    """(mean, var, spread) of each channel of u (B, C, D): var divides by the count, not count - 1; sqrt(var + eps)

    The variance of numbers above 1e19 overflows float32 and is infinite; spread is right all the same.
    """
    k = kernels.of(u)
    _expect_channels(u)
    if not u.size:
        return [filled(value, u.shape[1:2], u) for value in (0, 0, math.sqrt(eps))]
    mean, var, spread = (k.empty((u.shape[1],), u.dtype) for _ in range(3))
    k.moments(contiguous(u), float(eps), mean, var, spread)  # (29a)
    return mean, var, spread


def root_mean_square(u, eps=0.0):
    """sqrt(mean of u^2 + eps) in each channel of u (B, C, D)."""
    k = kernels.of(u)
    _expect_channels(u)
    if not u.size:
        return filled(math.sqrt(eps), u.shape[1:2], u)
    spread = k.empty((u.shape[1],), u.dtype)
    k.root_mean_square(contiguous(u), float(eps), spread)  # (32a)
    return spread


def spread_of(var, eps):
    """sqrt(var + eps), var (C,)"""
    var = values(var)
    k = kernels.of(var)
    spread = k.empty(var.shape, var.dtype)
    k.spread_of(contiguous(var), float(eps), spread)  # (29a)
    return spread


def normalize(u, mean, spread):
    """xhat = (u - mean) / spread, one mean and one spread for each channel of u (B, C, D)"""
    mean, spread = values(mean), values(spread)
    k = kernels.of(u, mean, spread)
    _expect_channels(u, mean, spread)
    xhat = k.empty(u.shape, u.dtype)
    k.normalize(contiguous(u), contiguous(mean), contiguous(spread), xhat)  # (29a)
    return xhat


def normalize_backward(delta, xhat, spread, centred=True):
    """delta_u, where mean and spread were computed from u itself; `centred` is False if no mean was subtracted"""
    k = kernels.of(delta, xhat, spread)
    _expect_channels(delta, spread)
    expect_delta(delta, xhat.shape)
    delta_u = k.empty(xhat.shape, xhat.dtype)
    if delta.size:
        k.normalize_backward(
            contiguous(delta), contiguous(xhat), contiguous(spread), centred, delta_u
        )  # (29b), or (32b)
    return delta_u


def track(now, part, running, factor=1.0):
    """running <- (1 - part) running + part factor now, in place: an average that forgets slowly            (31)"""
    running = values(running)
    k = kernels.of(now, running)
    if now.shape != running.shape or now.ndim != 1:
        raise ShapeError(f"expects {running.shape}, got {now.shape}")
    k.track(now, float(part), float(factor), running)  # (31)


def count_up(counter, like):
    """Add 1 to `counter`, an integer array (), by the kernels that compute `like`."""
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
        k.scale_channels(contiguous(x), flat(gamma), out)  # (30a)
        x = out
    if beta is not None:
        k.add_channels(contiguous(x), flat(beta), out)  # (30a)
    return out


def scale_grad(delta, xhat, out=None, accumulate=False):
    """dL/dgamma[c] = sum_{b,d} delta[b,c,d] xhat[b,c,d]                                               (30c)"""
    k = kernels.of(delta, xhat)
    expect_delta(delta, xhat.shape)
    out = _channel_sums(k, out, delta)
    k.dot_channels(contiguous(delta), contiguous(xhat), flat(out), accumulate)  # (30c)
    return out


def shift_grad(delta, out=None, accumulate=False):
    """dL/dbeta[c] = sum_{b,d} delta[b,c,d]                                                            (30b)"""
    k = kernels.of(delta)
    out = _channel_sums(k, out, delta)
    k.sum_channels(contiguous(delta), flat(out), accumulate)  # (30b)
    return out


def _channel_sums(k, out, delta):
    """`out` of any shape with one number for each channel of delta (B, C, D), or a new array (C,)."""
    _expect_channels(delta, *([] if out is None else [out]))
    return destination(k, out, (delta.shape[1],) if out is None else out.shape, delta)


def _expect_channels(u, *arrays):
    if u.ndim != 3:
        raise ShapeError(f"expects (B, C, D), got {u.shape}")
    for array in arrays:
        if array.size != u.shape[1]:
            raise ShapeError(f"expects (B, {array.size}, D), got {u.shape}")
