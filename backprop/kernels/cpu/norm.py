"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

Arrays are (B, C, D), and all entries of one channel c belong together: an item is a chunk of channels (sums.py). Sums
are accumulated in float64, since a variance is a small difference of large numbers. `spread` is sqrt(var + eps): it is
finite wherever u is, though the variance of large numbers may not be.
"""

import math

import numpy as np

from backprop.kernels.cpu.jit import summing
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.sums import ENTRIES, add_products_up, add_up, chunk, chunks
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


@kernel(work=4)
def normalize(u, mean, spread, out, part, parts):
    """out[b,c,d] = (u[b,c,d] - mean[c]) / spread[c]                                       (29a) (32a)"""
    real, channels, places = out.dtype.type, u.shape[1], u.shape[2]
    shrink = scratch(out, ENTRIES)
    for item in share(chunks(u), part, parts):
        first, count = chunk(u, item)
        mean_ = piece(mean, first, count)
        for k in range(count):
            shrink[k] = real(1 / spread[first + k])
        for b in range(u.shape[0]):
            start, size = (b * channels + first) * places, count * places
            u_, out_ = piece(u, start, size), piece(out, start, size)
            if places != 1:
                for d in range(size):
                    out_[d] = (u_[d] - mean_[0]) * shrink[0]
            else:
                for k in range(size):
                    out_[k] = (u_[k] - mean_[k]) * shrink[k]


@kernel(work=4)
def normalize_backward(delta, xhat, spread, centred, out, part, parts):
    """out = (delta - mean(delta) - xhat mean(delta xhat)) / spread, means by channel; xhat = normalize(u).

    (29b), since moving one entry moves the mean and the variance of all. (32b): not `centred`, without mean(delta).
    """
    real, channels, places, entries = out.dtype.type, delta.shape[1], delta.shape[2], delta.shape[0] * delta.shape[2]
    totals, dots = scratch(np.float64, ENTRIES), scratch(np.float64, ENTRIES)
    shift, along, shrink = scratch(out, ENTRIES), scratch(out, ENTRIES), scratch(out, ENTRIES)
    for item in share(chunks(delta), part, parts):
        first, count = chunk(delta, item)
        add_up(delta, first, count, totals)
        add_products_up(delta, xhat, first, count, dots)
        for k in range(count):
            shift[k], along[k] = real(totals[k] / entries if centred else 0.0), real(dots[k] / entries)
            shrink[k] = real(1 / spread[first + k])
        for b in range(delta.shape[0]):
            start, size = (b * channels + first) * places, count * places
            delta_, xhat_, out_ = piece(delta, start, size), piece(xhat, start, size), piece(out, start, size)
            if places != 1:
                for d in range(size):
                    out_[d] = (delta_[d] - shift[0] - xhat_[d] * along[0]) * shrink[0]
            else:
                for k in range(size):
                    out_[k] = (delta_[k] - shift[k] - xhat_[k] * along[k]) * shrink[k]


@exact_kernel
def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    for c in range(running.size):
        running[c] = (1 - part) * running[c] + part * factor * now[c]
