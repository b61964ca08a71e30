"""Convolution, which in deep learning is cross-correlation, and its two adjoints, over any number of spatial axes.

Arrays are (N, C, *image), filters (O, C/groups, *taps); group g of the filters reads only group g of the channels. In
the formulas i is a position of the output, p a tap of the filter, s the stride, d the dilation, pad the padding in
front of the image: one number for each spatial axis. Outside the image a is 0.
"""

import math

import numpy as np

from backprop.kernels.reference import pointwise
from backprop.kernels.reference.pool import max_pool
from backprop.kernels.reference.sums import product, put


def conv(a, X, mu, relu, stride, dilation, pad, groups, out):
    """out[n,o,i] = mu[o] + sum_{c,p} X[o,c,p] a[n,c, s i + d p - pad], without mu where it is empty (10)

    `relu` makes negative numbers 0                                                             (3)
    """
    padded, inside = _with_margin(a, X, out, stride, dilation, pad)
    padded[inside] = a
    out[...] = 0
    for p, met in _taps(padded, X, out, stride, dilation):
        for o, c in _groups(out, a, groups):
            out[:, o] += np.einsum("oc,nc...->no...", X[(o, slice(None), *p)], met[:, c])  # (10)
    if mu.size:
        out += mu.reshape(-1, *[1] * (a.ndim - 2))  # (10)
    if relu:
        pointwise.relu(out, out)  # (3)


def conv_max_pool(
    a, X, mu, relu, stride, dilation, pad, groups, positions, size, pool_stride, pool_dilation, pool_pad, out, where
):
    """`conv`, over `positions` places, then `max_pool`, then ReLU"""
    z = np.empty((*out.shape[:2], *positions), out.dtype)
    conv(a, X, mu, False, stride, dilation, pad, groups, z)
    max_pool(z, size, pool_stride, pool_dilation, pool_pad, out, where)
    if relu:
        pointwise.relu(out, out)


def conv_weight_grad(delta, a, stride, dilation, pad, groups, out, accumulate):
    """out[o,c,p] = sum_{n,i} delta[n,o,i] a[n,c, s i + d p - pad]                              (12)"""
    padded, inside = _with_margin(a, out, delta, stride, dilation, pad)
    padded[inside] = a
    total = np.zeros_like(out)
    for p, met in _taps(padded, out, delta, stride, dilation):
        for o, c in _groups(delta, a, groups):
            total[(o, slice(None), *p)] = product(_by_channel(delta[:, o]), _by_channel(met[:, c]).T)  # (12)
    put(total, out, accumulate)


def conv_input_grad(delta, X, stride, dilation, pad, groups, out):
    """out[n,c,h] = the sum over o and all taps with s i + d p - pad = h of delta[n,o,i] X[o,c,p]    (13)"""
    padded, inside = _with_margin(out, X, delta, stride, dilation, pad)
    for p, met in _taps(padded, X, delta, stride, dilation):
        for o, c in _groups(delta, out, groups):
            met[:, c] += np.einsum("oc,no...->nc...", X[(o, slice(None), *p)], delta[:, o])  # (13) (27)
    out[...] = padded[inside]


def _by_channel(array):
    """(N, C, *places) -> (C, N places): all that is summed over is in the rows."""
    rows = np.moveaxis(array, 1, 0)
    return rows.reshape(len(rows), math.prod(rows.shape[1:]))


def _with_margin(a, X, z, stride, dilation, pad):
    """Zeros, large enough for every tap of every output position, and the index of the image in them."""
    spans = [
        max(size + before, s * (positions - 1) + d * (taps - 1) + 1)
        for size, before, s, d, positions, taps in zip(
            a.shape[2:], pad, stride, dilation, z.shape[2:], X.shape[2:], strict=True
        )
    ]
    inside = tuple(slice(before, before + size) for before, size in zip(pad, a.shape[2:], strict=True))
    return np.zeros((*a.shape[:2], *spans), a.dtype), (..., *inside)


def _taps(padded, X, z, stride, dilation):
    """Each tap p of the filter, with a view of what it reads at all output positions: (N, C, *positions of z)."""
    for p in np.ndindex(X.shape[2:]):
        met = tuple(
            slice(d * tap, d * tap + s * positions, s)
            for tap, d, s, positions in zip(p, dilation, stride, z.shape[2:], strict=True)
        )
        yield p, padded[(..., *met)]


def _groups(z, a, groups):
    """The output channels of each group, and the input channels that they read."""
    outputs, inputs = z.shape[1] // groups, a.shape[1] // groups
    for g in range(groups):
        yield slice(g * outputs, (g + 1) * outputs), slice(g * inputs, (g + 1) * inputs)
