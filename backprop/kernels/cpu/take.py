"""Entries along one axis, by their index: the axis of images where they are padded, the rows of an embedding.  (26)"""

from numba import prange

from backprop.kernels.cpu.jit import kernel


@kernel
def take(a, index, value, out):
    """out[b,i,d] = a[b, index[i], d], or `value` where index[i] is -1: an iteration owns one (b,i)"""
    count = index.size
    for row in prange(out.shape[0] * count):
        b, i = row // count, row % count
        if index[i] < 0:
            out[b, i] = value
        else:
            for d in range(out.shape[2]):
                out[b, i, d] = a[b, index[i], d]


ENTRIES = 32  # entries d that one iteration owns: neighbours in memory


@kernel
def take_backward(delta, index, out, accumulate):
    """out[b,h,d] = the sum of delta[b,i,d] over all i with index[i] = h: an iteration owns ENTRIES of out[b]"""
    strips = (out.shape[2] + ENTRIES - 1) // ENTRIES
    for strip in prange(out.shape[0] * strips):
        b, first = strip // strips, strip % strips * ENTRIES
        last = min(first + ENTRIES, out.shape[2])
        if not accumulate:
            out[b, :, first:last] = 0
        for i in range(index.size):
            if index[i] >= 0:
                for d in range(first, last):
                    out[b, index[i], d] += delta[b, i, d]
