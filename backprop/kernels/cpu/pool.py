"""Pooling: one number for each window of an image.                                                      (14)

Images of max_pool are (N, C, depth, height, width), with depth 1 if they are flat. Means are taken axis by axis: a is
(B, H, D) and H is that axis.
"""

import numpy as np

from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.simd import (
    keep_larger,
    lanes,
    load,
    load_even,
    maximum,
    splat,
    store_part,
    store_whole,
    zeros,
)
from backprop.kernels.cpu.sums import total_of
from backprop.kernels.cpu.views import scratch

MOST = 64  # the most taps of a window that is pooled in registers
LARGEST = 1 << 24  # the most entries of an image whose flat indices a float32 can hold


@kernel(work=4)
def max_pool(a, size, stride, dilation, pad, out, where, part, parts):
    """out[n,c,i] = the largest entry of window i; where[n,c,i] = its place in the image, counted in C order.

    The first of equal entries is taken; NaN is larger than any number. An empty window gives -inf, -1.
    Item n is image n.
    """
    images, z, places = a.reshape(a.size), out.reshape(out.size), where.reshape(where.size)
    for n in share(a.shape[0], part, parts):
        steps = a.shape[2] * a.shape[3] * a.shape[4], a.shape[3] * a.shape[4], a.shape[4]
        i, o = n * (a.size // a.shape[0]), n * (out.size // a.shape[0])
        pool_image(images, i, steps, a.shape, (size, stride, dilation, pad), False, z, places, o, out.shape)


@inner
def pool_image(a, i, steps, shape, window, relu, out, where, o, places):
    """One image, from a[i] on, of `shape` (N, C, depth, height, width), into `places` windows from out[o] on.

    `steps` are the distances between channels, planes and rows in a. `relu` makes negative maxima 0.
    """
    size, stride, dilation, pad = window
    taps = size[0] * size[1] * size[2]
    first, last = whole_windows(size[2], stride[2], dilation[2], pad[2], shape[4], places[4])
    if stride[2] > 2 or taps > MOST or shape[2] * shape[3] * shape[4] > LARGEST:
        first, last = 0, 0
    ahead, away = scratch(where, MOST), scratch(a, MOST)
    if last > first:
        reaches(size, dilation, steps[1], steps[2], 1, ahead)
        reaches(size, dilation, shape[3] * shape[4], shape[4], 1, away)
    for _ in range(shape[1]):
        for t in range(places[2]):
            deep = stride[0] * t - pad[0]
            deep_inside = deep >= 0 and deep + dilation[0] * (size[0] - 1) < shape[2]
            for h in range(places[3]):
                high = stride[1] * h - pad[1]
                done = first
                if last > first and deep_inside and high >= 0 and high + dilation[1] * (size[1] - 1) < shape[3]:
                    begin = i + deep * steps[1] + high * steps[2] - pad[2]
                    corner = (deep * shape[3] + high) * shape[4] - pad[2]
                    done = row_of_vectors(
                        a, begin, ahead, corner, away, taps, stride[2], first, last, relu, out, where, o
                    )  # fmt: skip
                for begin, end in ((0, first), (done, places[4])):
                    if begin < end:
                        row(a, i, steps, shape, (deep, high), window, begin, end, relu, out, where, o)
                o += places[4]
        i += steps[0]


@inner
def row(a, i, steps, shape, top, window, begin, end, relu, out, where, o):
    """Windows `begin` to `end` of a row of the output, by definition, from plane and row `top` of the image on."""
    size, stride, dilation, pad = window
    depth, height, width = shape[2], shape[3], shape[4]
    for j in range(begin, end):
        best, place = a.dtype.type(-np.inf), -1
        for r in range(size[0]):
            for p in range(size[1]):
                for q in range(size[2]):
                    z, y = top[0] + dilation[0] * r, top[1] + dilation[1] * p
                    x = stride[2] * j + dilation[2] * q - pad[2]
                    if 0 <= z < depth and 0 <= y < height and 0 <= x < width:
                        met = a[i + z * steps[1] + y * steps[2] + x]
                        if place < 0 or met > best or met != met:
                            best, place = met, (z * height + y) * width + x
        out[o + j] = 0 if relu and best <= 0 else best
        where[o + j] = place


@inner
def whole_windows(size, stride, dilation, pad, width, count):
    """The first window that lies inside a row of the image, and the one past the last."""
    first = min((pad + stride - 1) // stride, count)
    last = (width - 1 - dilation * (size - 1) + pad) // stride + 1
    return first, max(first, min(last, count))


@inner
def reaches(size, dilation, plane, row, step, away):
    """away[tap] = how far in memory the entry under a tap is from the one under the first"""
    tap = 0
    for r in range(size[0]):
        for p in range(size[1]):
            for q in range(size[2]):
                away[tap] = dilation[0] * r * plane + dilation[1] * p * row + dilation[2] * q * step
                tap += 1


@inlined
def row_of_vectors(a, i, ahead, corner, away, taps, stride, first, last, relu, out, where, o):
    """The same for windows inside the image, a register of them at a time, with another for the places of their maxima.

    The row's first window begins at a[i], its taps lie `ahead`; as places in the image these are `corner` and `away`.
    Whole registers are loaded: entries past the row are ignored, but must exist, so the very last windows are left to
    `row`. Returns the first of these.
    """
    furthest = i + ahead[taps - 1] + stride * lanes(a)
    for j in range(first, last, lanes(a)):
        if furthest + stride * j > a.size:
            return j
        begin = i + stride * j
        best, found = some(a, begin, stride), splat(a, a.dtype.type(0), 1, 1)
        for tap in range(1, taps):
            met = some(a, begin + ahead[tap], stride)
            best, found = keep_larger(best, found, met, splat(a, away[tap], 1, 1))
        if relu:
            best = maximum(best, zeros(a, 1, 1))
        count = min(lanes(a), last - j)
        store_part(best, out, o + j, 0, 1, count)
        store_whole(found, where, o + j, count, corner + stride * j, stride)
    return last


@inlined
def some(a, i, stride):
    """A register of a[i + n stride], for a stride of 1 or 2."""
    return load_even(a, i) if stride == 2 else load(a, i, 0, 1, 1)


@kernel(work=8)
def largest(a, places, out, where, part, parts):
    """out[m,k] = the largest of row m's entries places[k], the first of equal ones, or NaN; where[m,k] = its place;
    item m is row m
    """
    windows, entries, size = places.shape[0], places.shape[1], a.shape[1]
    for m in share(a.shape[0], part, parts):
        row, out_, where_ = (
            piece(a, m * size, size),
            piece(out, m * windows, windows),
            piece(where, m * windows, windows),
        )
        for k in range(windows):
            at = piece(places, k * entries, entries)
            best, place = row[at[0]], at[0]
            for e in range(1, entries):
                value = row[at[e]]
                if value > best or value != value and best == best:
                    best, place = value, at[e]
            out_[k], where_[k] = best, place


@kernel(work=4)
def max_pool_backward(delta, where, out, part, parts):
    """out[n,c,h] = the sum of delta[n,c,i] over the windows i whose largest entry is at h: delta (N,C,I), out (N,C,H);
    item n is image n
    """
    channels, windows, size = delta.shape[1], delta.shape[2], out.shape[2]
    for n in share(out.shape[0], part, parts):
        for image in range(n * channels, (n + 1) * channels):
            delta_, where_ = piece(delta, image * windows, windows), piece(where, image * windows, windows)
            out_ = piece(out, image * size, size)
            for h in range(size):
                out_[h] = 0
            for i in range(windows):
                if where_[i] >= 0:
                    out_[where_[i]] += delta_[i]


ENTRIES = 32  # means that are computed at a time: neighbours in memory


@exact_kernel(work=4)
def window_mean(a, start, stop, scale, out, part, parts):
    """out[b,i,d] = scale[i] sum of a[b,h,d] over h from start[i] to stop[i]: item b is out[b]"""
    height, after, total = a.shape[1], a.shape[2], scratch(np.float64, ENTRIES)
    for b in share(a.shape[0], part, parts):
        if after == 1:
            mean_of_windows(piece(a, b * height, height), start, stop, scale, piece(out, b * start.size, start.size))
            continue
        for i in range(start.size):
            for first in range(0, after, ENTRIES):
                means = piece(out, (b * start.size + i) * after + first, min(ENTRIES, after - first))
                for d in range(means.size):
                    total[d] = 0
                for h in range(start[i], stop[i]):
                    entries = piece(a, (b * height + h) * after + first, means.size)
                    for d in range(entries.size):
                        total[d] += entries[d]
                for d in range(means.size):
                    means[d] = scale[i] * total[d]


@inlined
def mean_of_windows(a, start, stop, scale, out):
    """The same for a flat array."""
    for i in range(out.size):
        if stop[i] - start[i] > lanes(a):
            out[i] = scale[i] * total_of(piece(a, start[i], stop[i] - start[i]))
        else:
            total = a.dtype.type(0)
            for h in range(start[i], stop[i]):
                total += a[h]
            out[i] = scale[i] * total


@exact_kernel(work=4)
def window_mean_backward(delta, start, stop, scale, out, part, parts):
    """out[b,h,d] = sum of scale[i] delta[b,i,d] over the windows i that hold h: item b is out[b]"""
    height, after, real = out.shape[1], out.shape[2], out.dtype.type
    for b in share(out.shape[0], part, parts):
        whole = piece(out, b * height * after, height * after)
        for k in range(whole.size):
            whole[k] = 0
        for i in range(start.size):
            delta_, factor = piece(delta, (b * start.size + i) * after, after), real(scale[i])
            if after == 1:
                for h in range(start[i], stop[i]):
                    whole[h] += factor * delta_[0]
                continue
            for h in range(start[i], stop[i]):
                entries = piece(whole, h * after, after)
                for d in range(after):
                    entries[d] += factor * delta_[d]
