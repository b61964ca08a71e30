"""(9) in one pass: for few samples by one block, which can wait for its own sums; for many by three kernels."""

import math

from numba import cuda

from backprop.kernels.cuda.block import block_least, block_sum
from backprop.kernels.cuda.kernel import kernel, part, real, u32
from backprop.kernels.cuda.samples import is_bad, nll_of, no_delta, place_of, softmax_delta
from backprop.kernels.cuda.targets import NONE


@part
def log_softmax_of(z, first, log_s, C, D):
    """log softmax of one sample, by one thread."""
    largest, total = real(-math.inf), real(0)
    for c in range(C):
        largest = max(largest, z[first + u32(c) * D])
    for c in range(C):
        total += math.exp(z[first + u32(c) * D] - largest)
    total = math.log(total)
    for c in range(C):
        log_s[first + u32(c) * D] = z[first + u32(c) * D] - largest - total


@part
def one_over(used):
    """1 / used; 0 if nothing was used, since a mean over nothing has no gradient"""
    return real(1) / used if used != real(0) else real(0)


@kernel
def cross_entropy_block(z, y, w, ignore, hard, soft, log_s, delta, found, C, D, size):
    """All of it by one block, whose threads take the samples in turn: forward, the sums, backward."""
    t, step = u32(cuda.threadIdx.x), u32(cuda.blockDim.x)
    i, loss, used, bad = t, real(0), real(0), u32(NONE)
    while i < size:
        if is_bad(y[i], C, ignore):
            bad = min(bad, i)
        else:
            log_softmax_of(z, place_of(i, C, D), log_s, C, D)
            if y[i] != ignore:
                loss += nll_of(log_s, place_of(i, C, D), y[i], w, hard, soft, C, D)
                used += w[u32(y[i])]
        i = u32(i + step)
    loss, used, bad = block_sum(loss), block_sum(used), block_least(u32(bad))
    if t == 0:
        found[0], found[1], found[2] = loss, used, real(-1) if bad == u32(NONE) else real(bad)
    i = t
    while i < size:
        if not is_bad(y[i], C, ignore):
            if y[i] == ignore:
                no_delta(place_of(i, C, D), delta, C, D)
            else:
                softmax_delta(log_s, place_of(i, C, D), y[i], w, hard, soft, one_over(used), delta, C, D)
        i = u32(i + step)


@kernel
def cross_entropy_each(z, y, w, ignore, hard, soft, log_s, losses, weights, C, D, size):
    """Forward, a thread for each sample."""
    i = u32(cuda.grid(1))
    if i < size:
        losses[i], weights[i] = real(0), real(0)
        if not is_bad(y[i], C, ignore):
            log_softmax_of(z, place_of(i, C, D), log_s, C, D)
            if y[i] != ignore:
                losses[i] = nll_of(log_s, place_of(i, C, D), y[i], w, hard, soft, C, D)
                weights[i] = w[u32(y[i])]


@kernel
def cross_entropy_found(losses, weights, y, ignore, found, C, size):
    """The sums over all samples, by one block."""
    t = u32(cuda.threadIdx.x)
    i, loss, used, bad = t, real(0), real(0), u32(NONE)
    while i < size:
        loss += losses[i]
        used += weights[i]
        if is_bad(y[i], C, ignore):
            bad = min(bad, i)
        i = u32(i + u32(cuda.blockDim.x))
    loss, used, bad = block_sum(loss), block_sum(used), block_least(u32(bad))
    if t == 0:
        found[0], found[1], found[2] = loss, used, real(-1) if bad == u32(NONE) else real(bad)


@kernel
def cross_entropy_delta(log_s, y, w, ignore, hard, soft, found, delta, C, D, size):
    """Backward, a thread for each sample."""
    i = u32(cuda.grid(1))
    if i < size and not is_bad(y[i], C, ignore):
        if y[i] == ignore:
            no_delta(place_of(i, C, D), delta, C, D)
        else:
            scale = one_over(real(found[1]))
            softmax_delta(log_s, place_of(i, C, D), y[i], w, hard, soft, scale, delta, C, D)
