"""Reductions by one block over the targets of all samples: the first bad one, and the sum of their weights."""

from numba import cuda

from backprop.kernels.cuda.block import block_least, block_sum
from backprop.kernels.cuda.kernel import kernel, real, u32
from backprop.kernels.cuda.samples import is_bad, place_of

NONE = 0xFFFFFFFF  # larger than any index


@kernel
def used_weight_block(y, w, ignore, out, size):
    i, used = u32(cuda.threadIdx.x), real(0)
    while i < size:
        if y[i] != ignore:
            used += w[u32(y[i])]
        i = u32(i + u32(cuda.blockDim.x))
    used = block_sum(used)
    if cuda.threadIdx.x == 0:
        out[0] = used


@kernel
def first_bad_label_block(y, ignore, out, C, size):
    i, bad = u32(cuda.threadIdx.x), u32(NONE)
    while i < size:
        if is_bad(y[i], C, ignore):
            bad = min(bad, i)
        i = u32(i + u32(cuda.blockDim.x))
    bad = block_least(u32(bad))
    if cuda.threadIdx.x == 0:
        out[0] = -1 if bad == u32(NONE) else bad


@kernel
def first_bad_probability_block(q, tolerance, out, C, D, size):
    i, bad = u32(cuda.threadIdx.x), u32(NONE)
    while i < size:
        first, total, fine = place_of(i, C, D), real(0), True
        for c in range(C):
            share = q[first + u32(c) * D]
            total += share
            fine = fine and share >= real(0)
        if not (fine and abs(total - real(1)) <= tolerance):
            bad = min(bad, i)
        i = u32(i + u32(cuda.blockDim.x))
    bad = block_least(u32(bad))
    if cuda.threadIdx.x == 0:
        out[0] = -1 if bad == u32(NONE) else bad
