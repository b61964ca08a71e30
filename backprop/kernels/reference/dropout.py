"""Counter-based dropout: whether an element is kept depends only on the step's key and the element's index.  (25)"""

import numpy as np


def dropout(u, key, p, out):
    """out[b,d] = keep[b] u[b,d] / (1-p), keep[b] = 1 with probability 1-p, else 0: u (B, D)

    One draw for each b: for an element where D = 1, for a whole channel where D is its size. The same key, an array
    (1,), draws the same keep, so backward is this function applied to delta.
    """
    keep = uniform(key[0], np.arange(len(u), dtype=np.uint64)) >= p
    out[...] = np.where(keep[:, None], u / (1 - p) if p < 1 else 0, 0)


def uniform(key, n):
    """Number n of a key, in [0, 1): SplitMix64 started at key, after n + 1 steps. Overflow wraps around on purpose."""
    x = key + (n + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)) * 2.0**-53
