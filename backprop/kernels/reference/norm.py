"""What entries that belong together are normalised by: their mean and their spread.                  (29) (31) (32)

Arrays are (B, C, D), and all entries of one channel c belong together. `spread` is sqrt(var + eps): it is finite
wherever u is, though the variance of large numbers may not be.
"""

import numpy as np

from backprop.kernels.reference.sums import wide


def moments(u, eps, mean, var, spread):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2, spread[c] = sqrt(var[c] + eps)    (29a)"""
    u = wide(u)
    middle = u.mean(axis=(0, 2))  # (29)
    squares = ((u - middle[:, None]) ** 2).mean(axis=(0, 2))  # (29)
    mean[...], spread[...] = middle, np.sqrt(squares + eps)  # (29)
    with np.errstate(over="ignore"):
        var[...] = squares


def root_mean_square(u, eps, spread):
    """spread[c] = sqrt(mean of u^2 over u[:,c,:] + eps)                                    (32a)"""
    spread[...] = np.sqrt((wide(u) ** 2).mean(axis=(0, 2)) + eps)


def spread_of(var, eps, spread):
    """spread[c] = sqrt(var[c] + eps)                                                       (29a)"""
    spread[...] = np.sqrt(wide(var) + eps)


def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    running[...] = (1 - part) * running + part * factor * now
