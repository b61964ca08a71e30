"""What entries that belong together are normalised by: their mean and their spread.                  (29) (31) (32)

Arrays are (B, C, D), and all entries of one channel c belong together: block c computes their statistics.
`spread` is sqrt(var + eps): it is finite wherever u is, though the variance of large numbers may not be. So distances
from the mean are divided by the largest one before they are squared.
"""

import math

from numba import cuda

from backprop.kernels.cuda.block import block_max, block_sum
from backprop.kernels.cuda.kernel import kernel, part, real, u32


@part
def mean_of(u, count, B, C, D):
    """This thread's share of its channel's mean. Each entry is divided before it is added: a sum may overflow."""
    c, i, total = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x), real(0)
    while i < B * D:
        total += u[(i // D * C + c) * D + i % D] / count
        i = u32(i + u32(cuda.blockDim.x))
    return total


@part
def farthest_from(middle, u, B, C, D):
    """The largest distance from `middle` among this thread's entries."""
    c, i, most = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x), real(0)
    while i < B * D:
        most = max(most, abs(u[(i // D * C + c) * D + i % D] - middle))
        i = u32(i + u32(cuda.blockDim.x))
    return most


@part
def squares_around(middle, most, u, B, C, D):
    """The sum of ((u - middle) / most)^2 over this thread's entries."""
    c, i, total = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x), real(0)
    while i < B * D:
        apart = (u[(i // D * C + c) * D + i % D] - middle) / most
        total += apart * apart
        i = u32(i + u32(cuda.blockDim.x))
    return total


@kernel
def moments_block(u, eps, mean, var, spread, centred, count, B, C, D):
    """Without `centred` the mean is taken to be 0, and neither mean nor variance is written."""
    c = u32(cuda.blockIdx.x)
    middle = block_sum(mean_of(u, count, B, C, D) if centred else real(0))
    most = block_max(farthest_from(middle, u, B, C, D))
    most = most if most > real(0) else real(1)
    squares = block_sum(squares_around(middle, most, u, B, C, D)) / count
    if cuda.threadIdx.x == 0:
        wide = most * math.sqrt(squares)
        spread[c] = wide * math.sqrt(real(1) + eps / wide / wide) if wide > real(1) else math.sqrt(wide * wide + eps)
        if centred:
            mean[c], var[c] = middle, squares * most * most


def moments(u, eps, mean, var, spread):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2, spread[c] = sqrt(var[c] + eps)    (29a)"""
    B, C, D = u.shape
    if C:
        moments_block(C, moments_block.team(B * D), u, float(eps), mean, var, spread, True, float(B * D), B, C, D)


def root_mean_square(u, eps, spread):
    """spread[c] = sqrt(mean of u^2 over u[:,c,:] + eps)                                    (32a)"""
    B, C, D = u.shape
    if C:
        unused = spread, spread
        moments_block(C, moments_block.team(B * D), u, float(eps), *unused, spread, False, float(B * D), B, C, D)


@kernel
def spread_each(var, eps, spread, size):
    i = u32(cuda.grid(1))
    if i < size:
        spread[i] = math.sqrt(var[i] + eps)


def spread_of(var, eps, spread):
    """spread[c] = sqrt(var[c] + eps)                                                       (29a)"""
    spread_each.each(var.size, var, float(eps), spread)


@kernel
def track_each(now, keep, fresh, running, size):
    i = u32(cuda.grid(1))
    if i < size:
        running[i] = keep * running[i] + fresh * now[i]


def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    track_each.each(running.size, now, 1.0 - part, float(part * factor), running)
