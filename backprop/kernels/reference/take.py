"""Entries along one axis, by their index: along an axis of images to pad it, along the rows of an embedding.  (26)"""

import numpy as np

from backprop.kernels.reference.sums import put, wide


def take(a, index, value, out):
    """out[b,i,d] = a[b, index[i], d], or `value` where index[i] is -1: a (B, H, D), out (B, I, D)"""
    out[...] = np.where((index < 0)[:, None], value, a[:, np.maximum(index, 0)] if a.shape[1] else 0)


def take_backward(delta, index, out, accumulate):
    """out[b,h,d] = the sum of delta[b,i,d] over all i with index[i] = h: an entry taken twice gets both"""
    taken, total = index >= 0, np.zeros_like(wide(out))
    np.add.at(total, (slice(None), index[taken]), delta[:, taken])
    put(total, out, accumulate)
