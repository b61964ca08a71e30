"""What entries that belong together are normalised by: their mean and their spread, sqrt(var + eps).  (29) (31) (32)

Arrays are (B, C, D), and all entries of one channel c belong together: an item is a chunk of channels (sums.py). Sums
are accumulated in float64, since a variance is a small difference of large numbers. The spread is finite wherever u is,
though the variance of large numbers may not be.
"""

import math

import numpy as np

from backprop.kernels.cpu.jit import summing
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.sums import ENTRIES, add_up, chunk, chunks
from backprop.kernels.cpu.views import scratch


@kernel(work=4)
def moments(u, eps, mean, var, spread, part, parts):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2, spread[c] = sqrt(var[c] + eps)    (29a)"""
    means, squares, entries = scratch(np.float64, ENTRIES), scratch(np.float64, ENTRIES), u.shape[0] * u.shape[2]
    for item in share(chunks(u), part, parts):
        first, count = chunk(u, item)
        add_up(u, first, count, means)
        for k in range(count):
            means[k] /= entries
        add_squares_up(u, first, count, means, squares)
        for k in range(count):
            mean[first + k], var[first + k] = means[k], squares[k] / entries
            spread[first + k] = math.sqrt(squares[k] / entries + eps)


@kernel(work=4)
def root_mean_square(u, eps, spread, part, parts):
    """spread[c] = sqrt(mean of u^2 over u[:,c,:] + eps)                                    (32a)"""
    zeros, squares = scratch(np.float64, ENTRIES), scratch(np.float64, ENTRIES)
    for k in range(ENTRIES):
        zeros[k] = 0
    for item in share(chunks(u), part, parts):
        first, count = chunk(u, item)
        add_squares_up(u, first, count, zeros, squares)
        for k in range(count):
            spread[first + k] = math.sqrt(squares[k] / (u.shape[0] * u.shape[2]) + eps)


@summing
def add_squares_up(u, first, count, centres, totals):
    """totals[k] = the sum of (u[:, first + k, :] - centres[k])^2"""
    channels, places = u.shape[1], u.shape[2]
    for k in range(count):
        totals[k] = 0
    for b in range(u.shape[0]):
        if places != 1:
            x, centre, total = piece(u, (b * channels + first) * places, places), centres[0], 0.0
            for k in range(x.size):
                total += (x[k] - centre) * (x[k] - centre)
            totals[0] += total
            continue
        x = piece(u, b * channels + first, count)
        for k in range(x.size):
            totals[k] += (x[k] - centres[k]) * (x[k] - centres[k])


@exact_kernel
def spread_of(var, eps, spread):
    """spread[c] = sqrt(var[c] + eps)                                                       (29a)"""
    for c in range(var.size):
        spread[c] = math.sqrt(var[c] + eps)


@exact_kernel
def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    for c in range(running.size):
        running[c] = (1 - part) * running[c] + part * factor * now[c]
