"""Softmax and its logarithm over one axis. u is (B, C, D): C is that axis, B and D all the axes before and after it.

One block for each vector along C; its threads take the entries in turn. Subtracting the largest entry first changes
nothing, as e^(u-t) / sum e^(u-t) is the same for every t, but keeps the exponentials from overflowing.
"""

import math

from numba import cuda

from backprop.kernels.cuda.block import block_max, block_sum
from backprop.kernels.cuda.kernel import kernel, part, real, u32


@part
def first_of(D, C):
    """The place of the first entry of this block's vector; the next ones lie D apart."""
    v = u32(cuda.blockIdx.x)
    return v // D * C * D + v % D


@part
def largest_of(u, first, C, D):
    """The largest entry of this block's vector."""
    c, largest = u32(cuda.threadIdx.x), real(-math.inf)
    while c < C:
        largest = max(largest, u[first + c * D])
        c = u32(c + u32(cuda.blockDim.x))
    return block_max(largest)


@part
def sum_of_exponentials(u, first, largest, C, D):
    c, total = u32(cuda.threadIdx.x), real(0)
    while c < C:
        total += math.exp(u[first + c * D] - largest)
        c = u32(c + u32(cuda.blockDim.x))
    return block_sum(total)


@kernel
def softmax_block(u, out, C, D):
    first = first_of(D, C)
    largest = largest_of(u, first, C, D)
    sum_e = sum_of_exponentials(u, first, largest, C, D)
    c = u32(cuda.threadIdx.x)
    while c < C:
        out[first + c * D] = math.exp(u[first + c * D] - largest) / sum_e  # recomputed: loading it would take longer
        c = u32(c + u32(cuda.blockDim.x))


def softmax(u, out):
    """s[c] = e^u[c] / sum_k e^u[k]"""
    by_vector(softmax_block, u, out)


@kernel
def softmax_backward_block(delta, s, out, C, D):
    first, c, dot = first_of(D, C), u32(cuda.threadIdx.x), real(0)
    while c < C:
        dot += delta[first + c * D] * s[first + c * D]
        c = u32(c + u32(cuda.blockDim.x))
    dot = block_sum(dot)
    c = u32(cuda.threadIdx.x)
    while c < C:
        out[first + c * D] = s[first + c * D] * (delta[first + c * D] - dot)
        c = u32(c + u32(cuda.blockDim.x))


def softmax_backward(delta, s, out):
    """(4s) delta_u = s * (delta - sum(delta * s)): every score moves every share, so sigma' is a matrix"""
    by_vector(softmax_backward_block, delta, s, out)


@kernel
def log_softmax_block(u, out, C, D):
    first = first_of(D, C)
    largest = largest_of(u, first, C, D)
    log_sum = math.log(sum_of_exponentials(u, first, largest, C, D))
    c = u32(cuda.threadIdx.x)
    while c < C:
        out[first + c * D] = u[first + c * D] - largest - log_sum
        c = u32(c + u32(cuda.blockDim.x))


def log_softmax(u, out):
    """log s[c] = u[c] - log sum_k e^u[k]"""
    by_vector(log_softmax_block, u, out)


@kernel
def log_softmax_backward_block(delta, log_s, out, C, D):
    first, c, sum_delta = first_of(D, C), u32(cuda.threadIdx.x), real(0)
    while c < C:
        sum_delta += delta[first + c * D]
        c = u32(c + u32(cuda.blockDim.x))
    sum_delta = block_sum(sum_delta)
    c = u32(cuda.threadIdx.x)
    while c < C:
        out[first + c * D] = delta[first + c * D] - math.exp(log_s[first + c * D]) * sum_delta
        c = u32(c + u32(cuda.blockDim.x))


def log_softmax_backward(delta, log_s, out):
    """(4l) delta_u = delta - s * sum(delta)"""
    by_vector(log_softmax_backward_block, delta, log_s, out)


def by_vector(run, *arrays):
    """Run a kernel with one block for each vector along C of arrays (B, C, D)."""
    B, C, D = arrays[0].shape
    if B * C * D:
        run(B * D, run.team(C), *arrays, C, D)
