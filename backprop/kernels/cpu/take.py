"""Entries along one axis, by their index: along an axis of images to pad it, along the rows of an embedding.  (26)"""

import numpy as np
from numba import prange

from backprop.kernels.cpu.jit import kernel, maker


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


ENTRIES = 32  # entries d that are added up at a time: neighbours in memory


@kernel
def take_backward(delta, index, out, accumulate):
    """out[b,h,d] = the sum of delta[b,i,d] over all i with index[i] = h: an iteration owns one (b,h)"""
    height = out.shape[1]
    ends, places = by_row(index, height)
    for row in prange(out.shape[0] * height):
        b, h = row // height, row % height
        total = np.zeros(ENTRIES)
        for first in range(0, out.shape[2], ENTRIES):
            count = min(ENTRIES, out.shape[2] - first)
            for d in range(count):
                total[d] = out[b, h, first + d] if accumulate else 0.0
            for k in range(ends[h], ends[h + 1]):
                for d in range(count):
                    total[d] += delta[b, places[k], first + d]
            for d in range(count):
                out[b, h, first + d] = total[d]


@maker
def by_row(index, height):
    """(ends, places): the i with index[i] = h are places[ends[h] : ends[h + 1]], in their order"""
    ends, places = np.zeros(height + 2, np.int64), np.empty(index.size, np.int64)
    for h in index:
        if h >= 0:
            ends[h + 2] += 1
    for h in range(1, height + 1):
        ends[h + 1] += ends[h]
    for i in range(index.size):
        if index[i] >= 0:
            places[ends[index[i] + 1]] = i
            ends[index[i] + 1] += 1
    return ends, places
