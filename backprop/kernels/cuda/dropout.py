"""Counter-based dropout: whether an element is kept depends only on the step's key and the element's index.  (25)"""

import numpy as np
from numba import cuda

from backprop.kernels.cuda.kernel import kernel, part, real, u32, u64
from backprop.kernels.device import DeviceArray


@kernel
def dropout_each(u, key, p, left, out, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = u[i] / left if uniform(u64(key), u64(i // D)) >= p else real(0)


@kernel
def dropout_by_kept_key(u, key, p, left, out, D, size):
    """The same with a key that is on the GPU, as in a recorded step."""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = u[i] / left if uniform(key[0], u64(i // D)) >= p else real(0)


def dropout(u, key, p, out):
    """out[b,d] = keep[b] u[b,d] / (1-p), keep[b] = 1 with probability 1-p, else 0: u (B, D)

    One draw for each b: for an element where D = 1, for a whole channel where D is its size. The same key, an array
    (1,), draws the same keep, so backward is this function applied to delta.
    """
    args = np.float64(p), 1.0 - p, out, u.shape[1]
    if isinstance(key, DeviceArray):
        dropout_by_kept_key.each(u.size, u, key, *args)
    else:
        dropout_each.each(u.size, u, key[0], *args)


@part
def uniform(key, n):
    """Number n of a key, in [0, 1): SplitMix64 started at key, after n + 1 steps. Overflow wraps around on purpose."""
    x = key + (n + u64(1)) * u64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> u64(27))) * u64(0x94D049BB133111EB)
    x = x ^ (x >> u64(31))
    return (x >> u64(11)) * 2.0**-53
