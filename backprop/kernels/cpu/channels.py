"""One number for each channel, and what is summed over a channel. Arrays are (B, C, D): images flattened behind C."""

import numpy as np

from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import SOME, share


@kernel
def add_channels(z, mu, out, part, parts):
    """out[b,c,d] = z[b,c,d] + mu[c]; out may be z: item b is out[b]               (10) (27) (30a) biases"""
    for b in share(z.shape[0], part, parts):
        for c in range(z.shape[1]):
            for d in range(z.shape[2]):
                out[b, c, d] = z[b, c, d] + mu[c]


@kernel
def scale_channels(z, gamma, out, part, parts):
    """out[b,c,d] = z[b,c,d] gamma[c]; out may be z: item b is out[b]              (30a)"""
    for b in share(z.shape[0], part, parts):
        for c in range(z.shape[1]):
            for d in range(z.shape[2]):
                out[b, c, d] = z[b, c, d] * gamma[c]


@kernel
def sum_channels(delta, out, accumulate, part, parts):
    """out[c] = sum_{b,d} delta[b,c,d]: item c is channel c                        (11) (30b)"""
    for c in share(delta.shape[1], part, parts):
        total = np.float64(out[c]) if accumulate else 0.0
        for b in range(delta.shape[0]):
            row = delta[b, c]
            for first in range(0, row.size, SOME):
                part, some = row[first : first + SOME], out.dtype.type(0)
                for d in range(part.size):  # from 0: no index can be negative, so the loop is vectorized
                    some += part[d]
                total += some
        out[c] = total


@kernel
def dot_channels(delta, z, out, accumulate, part, parts):
    """out[c] = sum_{b,d} delta[b,c,d] z[b,c,d]: item c is channel c               (30c)"""
    for c in share(delta.shape[1], part, parts):
        total = np.float64(out[c]) if accumulate else 0.0
        for b in range(delta.shape[0]):
            row, other = delta[b, c], z[b, c]
            for first in range(0, row.size, SOME):
                part, beside = row[first : first + SOME], other[first : first + SOME]
                some = out.dtype.type(0)
                for d in range(part.size):
                    some += part[d] * beside[d]
                total += some
        out[c] = total
