"""A mini-batch: its rows fetched and scaled in one pass, its right answers counted."""

from numba import prange

from backprop.kernels.cpu.jit import inner, kernel


@kernel
def gather(source, index, scale, out):
    """out[k] = source[index[k]] * scale, source (N, F) of any real type: iteration k owns row k"""
    factor = out.dtype.type(scale)
    for k in prange(index.size):
        row = index[k]
        for f in range(source.shape[1]):
            out[k, f] = source[row, f] * factor


@inner
def count_correct(scores, y, out):
    """out (1,) = how many rows of scores (N, C) have their first largest entry at y (N,)"""
    out[0] = 0
    for n in range(scores.shape[0]):
        best = 0
        for c in range(1, scores.shape[1]):
            if scores[n, c] > scores[n, best]:
                best = c
        if best == y[n]:
            out[0] += 1


@inner
def count_up(out):
    """out (1,) is increased by 1: one batch more"""
    out[0] += 1
