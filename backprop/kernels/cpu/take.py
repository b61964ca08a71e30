"""Entries along one axis, by their index: along an axis of images to pad it, along the rows of an embedding.  (26)"""

import numpy as np

from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.team.calls import scratch as scratch_memory
from backprop.kernels.cpu.views import scratch


@kernel(of="out")
def take(a, index, value, out, part, parts):
    """out[b,i,d] = a[b, index[i], d], or `value` where index[i] is -1: an item is one (b,i)"""
    count = index.size
    for row in share(out.shape[0] * count, part, parts):
        b, i = row // count, row % count
        if index[i] < 0:
            out[b, i] = value
        else:
            for d in range(out.shape[2]):
                out[b, i, d] = a[b, index[i], d]


ENTRIES = 32  # entries d that are added up at a time: neighbours in memory


def take_backward(delta, index, out, accumulate):
    """out[b,h,d] = the sum of delta[b,i,d] over all i with index[i] = h"""
    ends, places = scratch_memory((out.shape[1] + 2,), np.int64), scratch_memory(index.shape, np.int64)
    by_row(index, ends, places)
    add_up(delta, ends, places, out, accumulate)


@kernel
def add_up(delta, ends, places, out, accumulate, part, parts):
    """The same, where the i with index[i] = h are places[ends[h] : ends[h + 1]]: an item is one (b,h)"""
    height, total = out.shape[1], scratch(np.float64, ENTRIES)
    for row in share(out.shape[0] * height, part, parts):
        b, h = row // height, row % height
        for first in range(0, out.shape[2], ENTRIES):
            count = min(ENTRIES, out.shape[2] - first)
            for d in range(count):
                total[d] = out[b, h, first + d] if accumulate else 0.0
            for k in range(ends[h], ends[h + 1]):
                for d in range(count):
                    total[d] += delta[b, places[k], first + d]
            for d in range(count):
                out[b, h, first + d] = total[d]


@kernel
def by_row(index, ends, places):
    """The i with index[i] = h become places[ends[h] : ends[h + 1]], in their order, for h < len(ends) - 2"""
    height = ends.size - 2
    for h in range(ends.size):
        ends[h] = 0
    for i in range(index.size):
        if index[i] >= 0:
            ends[index[i] + 2] += 1
    for h in range(1, height + 1):
        ends[h + 1] += ends[h]
    for i in range(index.size):
        if index[i] >= 0:
            places[ends[index[i] + 1]] = i
            ends[index[i] + 1] += 1
