"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

Arrays are (B, C, D), and all entries of one channel c belong together. Batch normalisation has its images in this form;
a layer normalisation's rows (R, F) are (1, R, F).
"""

import numpy as np


def moments(u, mean, var):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2                     (29)"""
    mean[...] = u.mean(axis=(0, 2))
    var[...] = ((u - mean[:, None]) ** 2).mean(axis=(0, 2))


def mean_square(u, out):
    """out[c] = the mean of u^2 over u[:,c,:]                                                (32)"""
    out[...] = (u * u).mean(axis=(0, 2))


def normalize(u, mean, var, eps, out):
    """out[b,c,d] = (u[b,c,d] - mean[c]) / sqrt(var[c] + eps)                                (29) (32)"""
    out[...] = (u - mean[:, None]) / np.sqrt(var + eps)[:, None]


def normalize_backward(delta, xhat, var, eps, centred, out):
    """out = (delta - mean(delta) - xhat mean(delta xhat)) / sqrt(var + eps), means by channel; xhat = normalize(u).

    (29), since moving one entry moves the mean and the variance of all. (32): not `centred`, without mean(delta).
    """
    shift = delta.mean(axis=(0, 2), keepdims=True) if centred else 0
    along = (delta * xhat).mean(axis=(0, 2), keepdims=True)
    out[...] = (delta - shift - xhat * along) / np.sqrt(var + eps)[:, None]


def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    running[...] = (1 - part) * running + part * factor * now
