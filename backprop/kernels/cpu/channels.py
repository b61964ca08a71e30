"""One number for each channel, and what is summed over a channel. Arrays are (B, C, D): images flattened behind C."""

import numpy as np

from backprop.kernels.cpu.jit import inlined
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.sums import ENTRIES, add_up, chunk, chunks
from backprop.kernels.cpu.views import scratch


@inlined
def rows(z):
    """(how many, of how many neighbours in memory): a sample's channels where D = 1, else a channel's places"""
    return (z.shape[0], z.shape[1]) if z.shape[2] == 1 else (z.shape[0] * z.shape[1], z.shape[2])


@kernel
def add_channels(z, mu, out, part, parts):
    """out[b,c,d] = z[b,c,d] + mu[c]; out may be z: an item is a row               (10) (27) biases"""
    count, size = rows(z)
    for row in share(count, part, parts):
        z_, out_ = piece(z, row * size, size), piece(out, row * size, size)
        if z.shape[2] == 1:
            for c in range(size):
                out_[c] = z_[c] + mu[c]
        else:
            number = mu[row % z.shape[1]]
            for d in range(size):
                out_[d] = z_[d] + number


@kernel
def sum_channels(delta, out, accumulate, part, parts):
    """out[c] = sum_{b,d} delta[b,c,d]: an item is a chunk of channels             (11) (30b)"""
    totals = scratch(np.float64, ENTRIES)
    for item in share(chunks(delta), part, parts):
        first, count = chunk(delta, item)
        add_up(delta, first, count, totals)
        for k in range(count):
            out[first + k] = out[first + k] + totals[k] if accumulate else totals[k]
