"""Pooling: one number for each window of an image.

Maxima are taken over windows of all spatial axes at once: a is (N, C, *image), and as in a convolution window i holds
the entries s i + d p - pad, except those outside the image. Means are taken axis by axis, since the mean
over a box is the mean along one axis of the means along the others: a is (B, H, D) and H is that axis.
"""

import math

import numpy as np

from backprop.kernels.reference.sums import wide


def max_pool(a, size, stride, dilation, pad, out, where):
    """out[n,c,i] = the largest entry of window i; where[n,c,i] = its place in the image, counted in C order.

    The first of equal entries is taken; NaN is larger than any number. An empty window gives -inf, -1.
    """
    places = np.arange(math.prod(a.shape[2:])).reshape(a.shape[2:])
    out[...], where[...] = -np.inf, -1
    for p in np.ndindex(*size):
        index = [
            s * np.arange(count) + d * tap - before
            for count, s, d, tap, before in zip(out.shape[2:], stride, dilation, p, pad, strict=True)
        ]
        inside = [(i >= 0) & (i < length) for i, length in zip(index, a.shape[2:], strict=True)]
        index = np.ix_(*[i[fine] for i, fine in zip(index, inside, strict=True)])
        windows = np.ix_(*inside)
        met = a[(..., *index)]
        best, best_where = out[(..., *windows)], where[(..., *windows)]
        better = (best_where < 0) | (met.real > best.real) | np.isnan(met)  # (14)
        out[(..., *windows)] = np.where(better, met, best)
        where[(..., *windows)] = np.where(better, places[index], best_where)


def largest(a, places, out, where):
    """out[m,k] = the largest of row m's entries places[k], the first of equal ones, or NaN; where[m,k] = its place"""
    seen = a[:, places]
    first = seen.real.argmax(-1)[..., None]
    out[...] = np.take_along_axis(seen, first, -1)[..., 0]
    where[...] = np.take_along_axis(np.broadcast_to(places, seen.shape), first, -1)[..., 0]


def max_pool_backward(delta, where, out):
    """out[n,c,h] = the sum of delta[n,c,i] over the windows i whose largest entry is at h: delta (N,C,I)"""
    out[...] = 0
    n, c, i = np.nonzero(where >= 0)
    np.add.at(out, (n, c, where[n, c, i]), delta[n, c, i])  # (14)


def window_mean(a, start, stop, scale, out):
    """out[b,i,d] = scale[i] sum of a[b,h,d] over h from start[i] to stop[i]; scale[i] is usually 1 / their number"""
    for i in range(len(start)):
        out[:, i] = scale[i] * wide(a[:, start[i] : stop[i]]).sum(axis=1)  # (14)


def window_mean_backward(delta, start, stop, scale, out):
    """out[b,h,d] = sum of scale[i] delta[b,i,d] over the windows i that hold h"""
    out[...] = 0
    for i in range(len(start)):
        out[:, start[i] : stop[i]] += scale[i] * delta[:, i : i + 1]  # (14)
