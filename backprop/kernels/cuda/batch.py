"""A mini-batch: its rows are fetched and scaled in one pass, its correct predictions counted."""

import numpy as np
from numba import cuda

from backprop.kernels.cuda.block import block_sum
from backprop.kernels.cuda.kernel import i32, kernel, real, u32
from backprop.kernels.cuda.samples import place_of


@kernel
def gather_each(source, index, scale, out, F, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = real(source[u32(index[i // F]) * F + i % F]) * scale


def gather(source, index, scale, out):
    """out[k] = source[index[k]] * scale, source (N, F) of any real type, index (K,), out (K, F): one thread each"""
    gather_each.each(out.size, source, index, float(scale), out, out.shape[1])


@kernel
def count_correct_block(scores, y, ignore, out, C, D, size):
    """One block of T threads: each takes every T-th vector, and then the counts are added up."""
    n, right, counted = u32(cuda.threadIdx.x), real(0), real(0)
    while n < size:
        if y[n] != ignore:
            first, best = place_of(n, C, D), u32(0)
            for c in range(1, C):
                if scores[first + u32(c) * D] > scores[first + best * D]:
                    best = u32(c)
            if y[n] == i32(best):
                right += real(1)
            counted += real(1)
        n = u32(n + u32(cuda.blockDim.x))
    right, counted = block_sum(right), block_sum(counted)  # whole numbers below 2^24: exact in float32
    if cuda.threadIdx.x == 0:
        out[0], out[1] = int(right), int(counted)


def count_correct(scores, y, ignore, out):
    """out (2,) = how many vectors along C of scores (B, C, D) have their first largest entry at y (B, D), and how many
    there are; those whose label is `ignore` count in neither
    """
    threads = count_correct_block.team(y.size)
    count_correct_block(1, threads, scores, y, np.int64(ignore), out, *scores.shape[1:], y.size)


@kernel
def count_up_one(out):
    out[0] += 1


def count_up(out):
    """out (1,) is increased by 1: one batch more"""
    count_up_one(1, 1, out)
