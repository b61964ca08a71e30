"""Pooling: one number for each window of an image.                                                      (14)

Images of max_pool are (N, C, depth, height, width), of depth 1 where they are flat. Means are taken axis by axis: a is
(B, H, D) and H is that axis.
"""

import numpy as np
from numba import prange

from backprop.kernels.cpu.jit import inner, kernel
from backprop.kernels.cpu.simd import WIDTH, keep_larger, lanes, load, load_even, scratch, splat, store, store_part

MOST = 64  # taps of a window that are counted in vectors
LANES = WIDTH // 4


@kernel
def max_pool(a, size, stride, dilation, pad, out, where):
    """out[n,c,i] = the largest entry of window i; where[n,c,i] = its place in the image, counted in C order.

    The first of equal entries is taken; NaN is larger than any number. A window that holds nothing gives -inf, -1.
    Iteration n owns image n.
    """
    images, z, places = a.reshape(a.size), out.reshape(out.size), where.reshape(where.size)
    first, last = whole_windows(size[2], stride[2], dilation[2], pad[2], a.shape[4], out.shape[4])
    if stride[2] > 2 or size[0] * size[1] * size[2] > MOST:
        first, last = 0, 0
    for n in prange(a.shape[0]):
        away = scratch(where, MOST)
        if last > first:
            reaches(size, dilation, a.shape, away)
        for c in range(a.shape[1]):
            start = (n * a.shape[1] + c) * a[0, 0].size
            o = (n * a.shape[1] + c) * out[0, 0].size
            for t in range(out.shape[2]):
                for i in range(out.shape[3]):
                    top = stride[0] * t - pad[0], stride[1] * i - pad[1]
                    done = first
                    if last > first:
                        corner = (top[0] * a.shape[3] + top[1]) * a.shape[4] - pad[2]
                        rows = inside(top, size, dilation, a.shape)
                        done = row_of_vectors(
                            images, start, corner, away, rows, size, stride[2], first, last, z, places, o
                        )
                    for begin, end in ((0, first), (done, out.shape[4])):
                        if begin < end:
                            row(images, start, a.shape, top, size, stride, dilation, pad, begin, end, z, places, o)
                    o += out.shape[4]


@inner
def row(a, start, shape, top, size, stride, dilation, pad, begin, end, out, where, o):
    """Windows `begin` to `end` of a row of the output, by definition. `top` is where the row's windows begin."""
    depth, height, width = shape[2], shape[3], shape[4]
    for j in range(begin, end):
        best, place = a.dtype.type(-np.inf), -1
        for r in range(size[0]):
            for p in range(size[1]):
                for q in range(size[2]):
                    z, y = top[0] + dilation[0] * r, top[1] + dilation[1] * p
                    x = stride[2] * j + dilation[2] * q - pad[2]
                    if 0 <= z < depth and 0 <= y < height and 0 <= x < width:
                        at = (z * height + y) * width + x
                        met = a[start + at]
                        if place < 0 or met > best or met != met:
                            best, place = met, at
        out[o + j] = best
        where[o + j] = place


@inner
def whole_windows(size, stride, dilation, pad, width, count):
    """The first and the past-the-last window that lies inside a row of the image."""
    first = min((pad + stride - 1) // stride, count)
    last = (width - 1 - dilation * (size - 1) + pad) // stride + 1
    return first, max(first, min(last, count))


@inner
def reaches(size, dilation, shape, away):
    """away[tap] = how far in the image the entry under a tap is from the one under the first"""
    tap = 0
    for r in range(size[0]):
        for p in range(size[1]):
            for q in range(size[2]):
                away[tap] = (dilation[0] * r * shape[3] + dilation[1] * p) * shape[4] + dilation[2] * q
                tap += 1


@inner
def inside(top, size, dilation, shape):
    """The rows of taps that lie inside the image: from and to on the depth axis, from and to on the height axis."""
    r, r_end, p, p_end = 0, size[0], 0, size[1]
    while r < r_end and top[0] + dilation[0] * r < 0:
        r += 1
    while r_end > r and top[0] + dilation[0] * (r_end - 1) >= shape[2]:
        r_end -= 1
    while p < p_end and top[1] + dilation[1] * p < 0:
        p += 1
    while p_end > p and top[1] + dilation[1] * (p_end - 1) >= shape[3]:
        p_end -= 1
    return r, r_end, p, p_end


@inner
def row_of_vectors(a, start, corner, away, rows, size, stride, first, last, out, where, o):
    """The same for windows inside the row, a register of them at a time: which tap was largest is counted along.

    The image begins at `start`, the row's first window at `corner` behind that. Registers are loaded whole: what lies
    behind the row is not looked at, but must be there, so the last windows of all are left to `row`. Returns which.
    """
    taps = scratch(a, LANES)
    r_begin, r_end, p_begin, p_end = rows
    if r_begin == r_end or p_begin == p_end:
        return first
    some_tap = (r_begin * size[1] + p_begin) * size[2]  # the answer where all entries are -inf
    furthest = start + corner + away[size[0] * size[1] * size[2] - 1] + stride * lanes(a)
    for j in range(first, last, lanes(a)):
        if furthest + stride * j > a.size:
            return j
        count, begin = min(lanes(a), last - j), corner + stride * j
        best, found = splat(a, a.dtype.type(-np.inf), 1, 1), splat(a, a.dtype.type(some_tap), 1, 1)
        for r in range(r_begin, r_end):
            for p in range(p_begin, p_end):
                tap = (r * size[1] + p) * size[2]
                for q in range(size[2]):
                    i = start + begin + away[tap + q]
                    met = load_even(a, i) if stride == 2 else load(a, i, 0, 1, 1)
                    best, found = keep_larger(best, found, met, splat(a, a.dtype.type(tap + q), 1, 1))
        store_part(best, out, o + j, 0, 1, count)
        store(found, taps, 0, 0)
        for n in range(count):
            where[o + j + n] = begin + n * stride + away[np.uint32(taps[n])]
    return last


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
