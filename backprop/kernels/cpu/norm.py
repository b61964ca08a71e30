"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

Arrays are (B, C, D), and all entries of one channel c belong together: iteration c owns channel c. Sums are accumulated
in float64, since a variance is a small difference of large numbers. `spread` is sqrt(var + eps): it is finite wherever
u is, though the variance of large numbers may not be.
"""

import math

import numpy as np
from numba import prange

from backprop.kernels.cpu.jit import inner, kernel


@kernel
def moments(u, eps, mean, var, spread):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2, spread[c] = sqrt(var[c] + eps)    (29a)"""
    count = u.shape[0] * u.shape[2]
    for c in prange(u.shape[1]):
        total = 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                total += u[b, c, d]
        centre, squares = total / count, 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                squares += (u[b, c, d] - centre) * (u[b, c, d] - centre)
        mean[c], var[c], spread[c] = centre, squares / count, math.sqrt(squares / count + eps)


@kernel
def root_mean_square(u, eps, spread):
    """spread[c] = sqrt(mean of u^2 over u[:,c,:] + eps)                                    (32a)"""
    count = u.shape[0] * u.shape[2]
    for c in prange(u.shape[1]):
        squares = 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                squares += np.float64(u[b, c, d]) * u[b, c, d]
        spread[c] = math.sqrt(squares / count + eps)


@inner
def spread_of(var, eps, spread):
    """spread[c] = sqrt(var[c] + eps)                                                       (29a)"""
    for c in range(var.size):
        spread[c] = math.sqrt(var[c] + eps)


@kernel
def normalize(u, mean, spread, out):
    """out[b,c,d] = (u[b,c,d] - mean[c]) / spread[c]                                       (29a) (32a)"""
    for c in prange(u.shape[1]):
        shrink = out.dtype.type(1 / spread[c])
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                out[b, c, d] = (u[b, c, d] - mean[c]) * shrink


@kernel
def normalize_backward(delta, xhat, spread, centred, out):
    """out = (delta - mean(delta) - xhat mean(delta xhat)) / spread, means by channel; xhat = normalize(u).

    (29b), since moving one entry moves the mean and the variance of all. (32b): not `centred`, without mean(delta).
    """
    real, count = out.dtype.type, delta.shape[0] * delta.shape[2]
    for c in prange(delta.shape[1]):
        total, dot = 0.0, 0.0
        for b in range(delta.shape[0]):
            for d in range(delta.shape[2]):
                total += delta[b, c, d]
                dot += np.float64(delta[b, c, d]) * xhat[b, c, d]
        shift, along = real(total / count if centred else 0.0), real(dot / count)
        shrink = real(1 / spread[c])
        for b in range(delta.shape[0]):
            for d in range(delta.shape[2]):
                out[b, c, d] = (delta[b, c, d] - shift - xhat[b, c, d] * along) * shrink


@inner
def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    for c in range(running.size):
        running[c] = (1 - part) * running[c] + part * factor * now[c]
