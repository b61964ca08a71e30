"""Normalisation: entries that belong together are shifted and scaled to mean 0 and variance 1.          (29) (32)

Arrays are (B, C, D), and all entries of one channel c belong together: block c computes what is one for a channel.
"""

import math

from numba import cuda

from backprop.kernels.cuda.block import block_sum
from backprop.kernels.cuda.kernel import kernel, real, u32
from backprop.kernels.cuda.sums import channel_sums


@kernel
def moments_block(u, mean, var, count, B, C, D):
    c, t = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    total = real(0)
    i = t
    while i < B * D:
        total += u[(i // D * C + c) * D + i % D]
        i = u32(i + u32(cuda.blockDim.x))
    middle = block_sum(total) / count
    total = real(0)
    i = t
    while i < B * D:
        apart = u[(i // D * C + c) * D + i % D] - middle
        total += apart * apart
        i = u32(i + u32(cuda.blockDim.x))
    spread = block_sum(total) / count
    if t == 0:
        mean[c], var[c] = middle, spread


def moments(u, mean, var):
    """mean[c] = the mean of u[:,c,:], var[c] = the mean of (u - mean)^2                     (29)"""
    B, C, D = u.shape
    if C:
        moments_block(C, moments_block.team(B * D), u, mean, var, float(B * D), B, C, D)


squares = channel_sums(lambda u, _: u * u)


@kernel
def divide(out, count, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = out[i] / count


def mean_square(u, out):
    """out[c] = the mean of u^2 over u[:,c,:]                                                (32)"""
    squares(u, u, out, False)
    divide.each(out.size, out, float(u.shape[0] * u.shape[2]))


@kernel
def normalize_each(u, mean, var, eps, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        c = i // D % C
        out[i] = (u[i] - mean[c]) / math.sqrt(var[c] + eps)


def normalize(u, mean, var, eps, out):
    """out[b,c,d] = (u[b,c,d] - mean[c]) / sqrt(var[c] + eps)                                (29) (32)"""
    normalize_each.each(u.size, u, mean, var, float(eps), out, *u.shape[1:])


@kernel
def normalize_backward_block(delta, xhat, var, eps, centred, out, count, B, C, D):
    c, t = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    total, along = real(0), real(0)
    i = t
    while i < B * D:
        place = (i // D * C + c) * D + i % D
        total += delta[place]
        along += delta[place] * xhat[place]
        i = u32(i + u32(cuda.blockDim.x))
    shift = block_sum(total) / count if centred else real(0)
    along = block_sum(along) / count
    size = math.sqrt(var[c] + eps)
    i = t
    while i < B * D:
        place = (i // D * C + c) * D + i % D
        out[place] = (delta[place] - shift - xhat[place] * along) / size
        i = u32(i + u32(cuda.blockDim.x))


def normalize_backward(delta, xhat, var, eps, centred, out):
    """out = (delta - mean(delta) - xhat mean(delta xhat)) / sqrt(var + eps), means by channel; xhat = normalize(u).

    (29), since moving one entry moves the mean and the variance of all. (32): not `centred`, without mean(delta).
    """
    B, C, D = delta.shape
    if C:
        threads = normalize_backward_block.team(B * D)
        args = delta, xhat, var, float(eps), centred, out, float(B * D)
        normalize_backward_block(C, threads, *args, B, C, D)


@kernel
def track_each(now, keep, fresh, running, size):
    i = u32(cuda.grid(1))
    if i < size:
        running[i] = keep * running[i] + fresh * now[i]


def track(now, part, factor, running):
    """running[c] <- (1 - part) running[c] + part factor now[c]                              (31)"""
    track_each.each(running.size, now, 1.0 - part, float(part * factor), running)
