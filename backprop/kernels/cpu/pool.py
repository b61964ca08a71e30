"""Pooling: one number for each window of an image.                                                      (14)

Images of max_pool are (N, C, depth, height, width), of depth 1 where they are flat. Means are taken axis by axis: a is
(B, H, D) and H is that axis.
"""

import numpy as np
from numba import prange

from backprop.kernels.cpu.jit import kernel


@kernel
def max_pool(a, size, stride, dilation, pad, out, where):
    """out[n,c,i] = the largest entry of window i; where[n,c,i] = its place in the image, counted in C order.

    The first of equal entries is taken; NaN is larger than any number. A window that holds nothing gives -inf, -1.
    Iteration n owns image n.
    """
    depth, height, width = a.shape[2:]
    for n in prange(a.shape[0]):
        for c in range(a.shape[1]):
            for t in range(out.shape[2]):
                for i in range(out.shape[3]):
                    for j in range(out.shape[4]):
                        best, place = a.dtype.type(-np.inf), -1
                        for r in range(size[0]):
                            z = stride[0] * t + dilation[0] * r - pad[0]
                            if not 0 <= z < depth:
                                continue
                            for p in range(size[1]):
                                y = stride[1] * i + dilation[1] * p - pad[1]
                                if not 0 <= y < height:
                                    continue
                                for q in range(size[2]):
                                    x = stride[2] * j + dilation[2] * q - pad[2]
                                    if 0 <= x < width:
                                        met = a[n, c, z, y, x]
                                        if place < 0 or met > best or met != met:
                                            best, place = met, (z * height + y) * width + x
                        out[n, c, t, i, j] = best
                        where[n, c, t, i, j] = place


@kernel
def max_pool_backward(delta, where, out):
    """out[n,c,h] = the sum of delta[n,c,i] over the windows i whose largest entry is at h: delta (N,C,I), out (N,C,H);
    iteration n owns image n
    """
    for n in prange(out.shape[0]):
        out[n] = 0
        for c in range(delta.shape[1]):
            for i in range(delta.shape[2]):
                if where[n, c, i] >= 0:
                    out[n, c, where[n, c, i]] += delta[n, c, i]


@kernel
def window_mean(a, start, stop, scale, out):
    """out[b,i,d] = scale[i] sum of a[b,h,d] over h from start[i] to stop[i]: iteration b owns out[b]"""
    for b in prange(a.shape[0]):
        for i in range(start.size):
            out[b, i] = 0
            for h in range(start[i], stop[i]):
                for d in range(a.shape[2]):
                    out[b, i, d] += a[b, h, d]
            for d in range(a.shape[2]):
                out[b, i, d] *= scale[i]


@kernel
def window_mean_backward(delta, start, stop, scale, out):
    """out[b,h,d] = sum of scale[i] delta[b,i,d] over the windows i that hold h: iteration b owns out[b]"""
    for b in prange(out.shape[0]):
        out[b] = 0
        for i in range(start.size):
            for h in range(start[i], stop[i]):
                for d in range(out.shape[2]):
                    out[b, h, d] += scale[i] * delta[b, i, d]
