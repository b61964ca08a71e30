"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

Arrays are (B, C, D), and all entries of one channel c belong together: item c is channel c. Sums are accumulated
in float64, since a variance is a small difference of large numbers. `spread` is sqrt(var + eps): it is finite wherever
u is, though the variance of large numbers may not be.
"""

import math

import numpy as np

from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import share


@kernel(work=4)
def moments(u, eps, mean, var, spread, part, parts):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2, spread[c] = sqrt(var[c] + eps)    (29a)"""
    count = u.shape[0] * u.shape[2]
    for c in share(u.shape[1], part, parts):
        total = 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                total += u[b, c, d]
        centre, squares = total / count, 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                squares += (u[b, c, d] - centre) * (u[b, c, d] - centre)
        mean[c], var[c], spread[c] = centre, squares / count, math.sqrt(squares / count + eps)


@kernel(work=4)
def root_mean_square(u, eps, spread, part, parts):
    """spread[c] = sqrt(mean of u^2 over u[:,c,:] + eps)                                    (32a)"""
    count = u.shape[0] * u.shape[2]
    for c in share(u.shape[1], part, parts):
        squares = 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                squares += np.float64(u[b, c, d]) * u[b, c, d]
        spread[c] = math.sqrt(squares / count + eps)


@exact_kernel
def spread_of(var, eps, spread):
    """spread[c] = sqrt(var[c] + eps)                                                       (29a)"""
    for c in range(var.size):
        spread[c] = math.sqrt(var[c] + eps)


@kernel(work=4)
def normalize(u, mean, spread, out, part, parts):
    """out[b,c,d] = (u[b,c,d] - mean[c]) / spread[c]                                       (29a) (32a)"""
    for c in share(u.shape[1], part, parts):
        shrink = out.dtype.type(1 / spread[c])
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                out[b, c, d] = (u[b, c, d] - mean[c]) * shrink


@kernel(work=4)
def normalize_backward(delta, xhat, spread, centred, out, part, parts):
    """out = (delta - mean(delta) - xhat mean(delta xhat)) / spread, means by channel; xhat = normalize(u).

    (29b), since moving one entry moves the mean and the variance of all. (32b): not `centred`, without mean(delta).
    """
    real, count = out.dtype.type, delta.shape[0] * delta.shape[2]
    for c in share(delta.shape[1], part, parts):
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


@exact_kernel
def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    for c in range(running.size):
        running[c] = (1 - part) * running[c] + part * factor * now[c]
