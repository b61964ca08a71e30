"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

Arrays are (B, C, D), and all entries of one channel c belong together. Batch normalisation's images have this form;
a layer normalisation's rows (R, F) are (1, R, F). `spread` is sqrt(var + eps): it is finite wherever u is, though the
variance of large numbers may not be.
"""

import numpy as np

from backprop.kernels.reference.sums import wide


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


def normalize(u, mean, spread, out):
    """out[b,c,d] = (u[b,c,d] - mean[c]) / spread[c]                                       (29a) (32a)"""
    out[...] = (u - mean[:, None]) / spread[:, None]


def normalize_backward(delta, xhat, spread, centred, out):
    """out = (delta - mean(delta) - xhat mean(delta xhat)) / spread, means by channel; xhat = normalize(u).

    (29b), since moving one entry moves the mean and the variance of all. (32b): not `centred`, without mean(delta).
    """
    delta = wide(delta)
    shift = delta.mean(axis=(0, 2), keepdims=True) if centred else 0
    along = (delta * xhat).mean(axis=(0, 2), keepdims=True)
    out[...] = (delta - shift - xhat * along) / spread[:, None]


def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    running[...] = (1 - part) * running + part * factor * now
