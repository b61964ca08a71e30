"""Dropout by counting: whether an element is kept follows from the step's key and the element's number alone.  (25)"""

import numpy as np


def dropout(u, key, p, out):
    """out[b,d] = keep[b] u[b,d] / (1-p), keep[b] = 1 with probability 1-p, else 0: u (B, D)

    One draw for each b: for an element where D = 1, for a whole channel where D is its size. The same key draws the
    same keep, so backward is this function applied to delta.
    """
    keep = uniform(key, len(u)) >= p
    out[...] = np.where(keep[:, None], u / (1 - p) if p < 1 else 0, 0)


def uniform(key, count):
    """The first `count` numbers in [0, 1) of a key: SplitMix64 at the places key + 1, key + 2, ..."""
    with np.errstate(over="ignore"):  # 64 bits wrap around on purpose
        x = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)) * 2.0**-53
