"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

u is (B, C, D), and all entries of one channel c belong together. The same memory, seen as (B', G, E), is what gamma and
beta belong to: index g has one of each. In batch normalisation both views are the same; a layer normalisation's rows
(R, F) are (1, R, F) and (R, F, 1). `spread` is sqrt(var + eps): it is finite wherever u is, though the variance of
large numbers may not be.
"""

import numpy as np

from backprop.kernels.reference.sums import put, wide


def moments(u, eps, mean, var, spread):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2, spread[c] = sqrt(var[c] + eps)    (29a)"""
    u = wide(u)
    middle = u.mean(axis=(0, 2))
    squares = ((u - middle[:, None]) ** 2).mean(axis=(0, 2))
    mean[...], spread[...] = middle, np.sqrt(squares + eps)
    with np.errstate(over="ignore"):
        var[...] = squares


def root_mean_square(u, eps, spread):
    """spread[c] = sqrt(mean of u^2 over u[:,c,:] + eps)                                    (32a)"""
    spread[...] = np.sqrt((wide(u) ** 2).mean(axis=(0, 2)) + eps)


def spread_of(var, eps, spread):
    """spread[c] = sqrt(var[c] + eps)                                                       (29a)"""
    spread[...] = np.sqrt(wide(var) + eps)


def normalize(u, mean, spread, gamma, beta, out):
    """out = gamma[g] (u - mean[c]) / spread[c] + beta[g]                          (29a) (32a), then (30a)"""
    xhat = (u - mean[:, None]) / spread[:, None]
    out[...] = gamma[:, None] * xhat.reshape(out.shape) + beta[:, None]


def normalize_backward(delta, u, mean, spread, gamma, centred, out):
    """out = (g - mean(g) - xhat mean(g xhat)) / spread, where g = gamma delta; delta (B', G, E), the others (B, C, D)

    (30d), then (29b), since moving one entry moves the mean and the variance of all; (32b): not `centred`, without
    mean(g).
    """
    xhat, g = (u - mean[:, None]) / spread[:, None], wide(gamma[:, None] * delta).reshape(u.shape)
    shift = g.mean(axis=(0, 2), keepdims=True) if centred else 0
    along = (g * xhat).mean(axis=(0, 2), keepdims=True)
    out[...] = (g - shift - xhat * along) / spread[:, None]


def dot_normalized(delta, u, mean, spread, out, accumulate):
    """out[g] = the sum of delta xhat over all entries of g; delta (B', G, E), u (B, C, D)                  (30c)"""
    xhat = (u - mean[:, None]) / spread[:, None]
    put((wide(delta) * xhat.reshape(delta.shape)).sum(axis=(0, 2)), out, accumulate)


def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    running[...] = (1 - part) * running + part * factor * now
