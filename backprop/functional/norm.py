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
from backprop.functional.shapes import contiguous, destination, flat, split_at
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


def normalize(u, mean, spread, gamma=None, beta=None, shape=None):
    """gamma xhat + beta, where xhat = (u - mean) / spread: u (B, C, D), mean and spread (C,)

    gamma and beta (G,), each left out where it is None, belong to the middle axis of `shape`, (B', G, E), in which z is
    returned: another view of the same memory, or u's own.
    """
    mean, spread, gamma, beta = map(values, (mean, spread, gamma, beta))
    k = kernels.of(u, mean, spread, gamma, beta)
    _expect_channels(u, mean, spread)
    z = k.empty(_seen_as(shape, u, gamma, beta), u.dtype)
    factors = _filled_up(gamma, 1, z), _filled_up(beta, 0, z)
    if u.size:
        k.normalize(contiguous(u), contiguous(mean), contiguous(spread), *factors, z)  # (29a) or (32a), then (30a)
    return z


def normalize_backward(delta, u, mean, spread, gamma=None, centred=True):
    """delta_u (B, C, D), where mean and spread were computed from u itself; delta (B', G, E), as `normalize` returns z.

    `centred` is False if no mean was subtracted.
    """
    gamma = values(gamma)
    k = kernels.of(delta, u, mean, spread, gamma)
    _expect_channels(u, mean, spread)
    _seen_as(delta.shape, u, gamma)
    delta_u = k.empty(u.shape, u.dtype)
    if u.size:
        args = contiguous(delta), contiguous(u), contiguous(mean), contiguous(spread), _filled_up(gamma, 1, delta)
        k.normalize_backward(*args, centred, delta_u)  # (30d), then (29b) or (32b)
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


def scale_grad(delta, u, mean, spread, out=None, accumulate=False):
    """dL/dgamma[g] = sum_{b,e} delta[b,g,e] xhat[b,g,e]; u (B, C, D), delta (B', G, E), as in `normalize`    (30c)"""
    k = kernels.of(delta, u, mean, spread)
    _expect_channels(u, mean, spread)
    _seen_as(delta.shape, u)
    out = _channel_sums(k, out, delta)
    args = contiguous(delta), contiguous(u), contiguous(mean), contiguous(spread)
    k.dot_normalized(*args, flat(out), accumulate)  # (30c)
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


def _seen_as(shape, u, *factors):
    """`shape`, or u's, if u's memory can be seen so, with an index for each of the factors (G,)."""
    shape = u.shape if shape is None else shape
    fits = len(shape) == 3 and math.prod(shape) == u.size
    if not fits or (u.size and not _nested(*u.shape[1:], *shape[1:])):
        raise ShapeError(f"expects a view of {u.shape} as (B, G, E), got {shape}")
    for factor in factors:
        if factor is not None and factor.size != shape[1]:
            raise ShapeError(f"expects (B, {factor.size}, E), got {shape}")
    return shape


def _nested(C, D, G, E):
    """Whether neighbours with one gamma have one mean, too, and gammas begin anew only where another mean does."""
    if D == E:
        return D != 1 or G in (1, C)
    return E > 0 and D % E == 0 and (E > 1 or G % D == 0)


def _filled_up(factor, value, like):
    """gamma or beta as a flat array, full of `value` where it is None."""
    return filled(value, like.shape[1:2], like) if factor is None else flat(factor)


def _expect_channels(u, *arrays):
    if u.ndim != 3:
        raise ShapeError(f"expects (B, C, D), got {u.shape}")
    for array in arrays:
        if array.size != u.shape[1]:
            raise ShapeError(f"expects (B, {array.size}, D), got {u.shape}")
