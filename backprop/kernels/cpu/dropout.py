"""Counter-based dropout: whether an element is kept depends only on the step's key and the element's index.  (25)"""

import numpy as np

from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import BLOCK, blocks, piece, share


@kernel(work=8)
def dropout(u, key, p, out, part, parts):
    """out[b,d] = keep[b] u[b,d] / (1-p), keep[b] = 1 with probability 1-p, else 0: u (B, D); an item is a block

    One draw for each b: for an element where D = 1, for a whole channel where D is its size. The same key, an array
    (1,), draws the same keep, so backward is this function applied to delta.
    """
    grow, zero = growth(out, p), out.dtype.type(0)
    for block in share(blocks(u.shape[0]), part, parts):
        start, stop = block * BLOCK, min((block + 1) * BLOCK, u.shape[0])
        if u.shape[1] == 1:  # no inner loop: its branch would be mispredicted for every second element
            drop(piece(u, start, stop - start), key, start, p, piece(out, start, stop - start))
        else:
            for b in range(start, stop):
                keep = uniform(key[0], b) >= p
                for d in range(u.shape[1]):
                    out[b, d] = u[b, d] * grow if keep else zero


@inlined
def growth(out, p):
    """What those that are kept are multiplied by."""
    return out.dtype.type(1 / (1 - p) if p < 1 else 0.0)


@inner
def drop(x, key, first, p, out):
    """out = x / (1 - p), or 0, by the random numbers of a key from number `first` on; out may be x"""
    grow, zero = growth(out, p), out.dtype.type(0)
    for i in range(x.size):
        grown = x[i] * grow
        out[i] = grown if uniform(key[0], first + i) >= p else zero  # what is dropped is 0, even if it is infinite


@inner
def uniform(key, n):
    """Number n of a key, in [0, 1): SplitMix64 started at key, after n + 1 steps. Overflow wraps around on purpose."""
    x = key + np.uint64(n + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)) * 2.0**-53
