"""A mini-batch: its rows fetched and scaled in one pass, its right answers counted."""

from numba import cuda

from backprop.kernels.cuda.block import block_sum
from backprop.kernels.cuda.kernel import kernel, real, u32


@kernel
def gather_each(source, index, scale, out, F, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = real(source[u32(index[i // F]) * F + i % F]) * scale


def gather(source, index, scale, out):
    """out[k] = source[index[k]] * scale, source (N, F) of any real type, index (K,), out (K, F): a thread a number"""
    gather_each.each(out.size, source, index, float(scale), out, out.shape[1])


@kernel
def count_correct_block(scores, y, out, N, C):
    """One block: a thread takes every 256th row, and then the counts are added up."""
    n, right = u32(cuda.threadIdx.x), real(0)
    while n < N:
        best = u32(0)
        for c in range(1, C):
            if scores[n * C + u32(c)] > scores[n * C + best]:
                best = u32(c)
        if y[n] == best:
            right += real(1)
        n = u32(n + u32(cuda.blockDim.x))
    right = block_sum(right)  # whole numbers below 2^24: exact in float32
    if cuda.threadIdx.x == 0:
        out[0] = int(right)


def count_correct(scores, y, out):
    """out (1,) = how many rows of scores (N, C) have their first largest entry at y (N,)"""
    rows, classes = scores.shape
    count_correct_block(1, count_correct_block.team(rows), scores, y, out, rows, classes)


@kernel
def count_up_one(out):
    out[0] += 1


def count_up(out):
    """out (1,) is increased by 1: one batch more"""
    count_up_one(1, 1, out)
