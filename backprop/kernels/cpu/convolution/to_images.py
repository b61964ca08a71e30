"""From (position, filter), with a lane for each filter, to images (filter, position): transposed, or pooled first."""

import numpy as np

from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.pool import MOST, reaches, whole_windows
from backprop.kernels.cpu.simd import (
    LANES,
    add,
    keep_larger,
    lanes,
    load,
    load_part,
    maximum,
    splat,
    store,
    store_part,
    store_whole,
    transpose,
    zeros,
)
from backprop.kernels.cpu.views import scratch

SQUARE = LANES**2


@inner
def turn(a, i, width, rows, columns, out, o, o_row):
    """out[o + c o_row + r] = a[i + r width + c] for r < rows and c < columns; a holds whole registers of columns."""
    size = lanes(a)
    for c in range(0, columns, size):
        high = min(size, columns - c)
        for r in range(0, rows, size):
            at, to = i + r * width + c, o + c * o_row + r
            if rows - r >= size and high == size:
                store(transpose(load(a, at, width, 0, 1)), out, to, o_row)
            else:
                square = transpose(load_part(a, at, width, rows - r, size, 0, 1))
                store_part(square, out, to, o_row, high, rows - r)


@inner
def pool_and_turn(a, width, shape, window, outputs, relu, out, where, o, places):
    """`max_pool` of an image (position, filter) into images from out[o] on; then `relu`, if it is true.

    As many windows as a register has lanes are pooled one after the other, then transposed together.
    """
    size, stride, dilation, pad = window
    best, found = scratch(out, SQUARE), scratch(out, SQUARE)
    ahead, away = scratch(where, MOST), scratch(out, MOST)
    taps, windows = size[0] * size[1] * size[2], places[2] * places[3] * places[4]
    first, last = whole_windows(size[2], stride[2], dilation[2], pad[2], shape[4], places[4])
    if taps > MOST:
        last = first
    if last > first:
        reaches(size, dilation, width * shape[3] * shape[4], width * shape[4], width, ahead)
        reaches(size, dilation, shape[3] * shape[4], shape[4], 1, away)
    for c in range(0, outputs, lanes(out)):
        high, w = min(lanes(out), outputs - c), 0
        for t in range(places[2]):
            deep = stride[0] * t - pad[0]
            deep_inside = deep >= 0 and deep + dilation[0] * (size[0] - 1) < shape[2]
            for h in range(places[3]):
                tall = stride[1] * h - pad[1]
                inside = deep_inside and tall >= 0 and tall + dilation[1] * (size[1] - 1) < shape[3]
                for j in range(places[4]):
                    wide, row = stride[2] * j - pad[2], w % lanes(out)
                    corner = (deep * shape[3] + tall) * shape[4] + wide
                    if inside and first <= j < last:
                        look_inside(a, corner * width + c, ahead, away, taps, corner, best, found, row * lanes(out))
                    else:
                        look(a, c, width, shape, size, dilation, (deep, tall, wide), best, found, row * lanes(out))
                    w += 1
                    if row == lanes(out) - 1 or w == windows:
                        to = o + c * windows + w - 1 - row
                        put(best, found, row + 1, high, relu, out, where, to, windows)


@inlined
def look_inside(a, i, ahead, away, taps, corner, best, found, to):
    """Store the largest entries of a window at best[to ...], and their places at found[to ...].

    Its first tap is a[i], the others lie `ahead`; as places in the image these are `corner` and `away`.
    """
    largest, at = load(a, i, 0, 1, 1), splat(a, a.dtype.type(0), 1, 1)
    for tap in range(1, taps):
        largest, at = keep_larger(largest, at, load(a, i + ahead[tap], 0, 1, 1), splat(a, away[tap], 1, 1))
    store(largest, best, to, 0)
    store(add(at, splat(a, a.dtype.type(corner), 1, 1)), found, to, 0)


@inner
def look(a, c, width, shape, size, dilation, corner, best, found, to):
    """The same, by definition, from lane c on, for a window that may reach outside the image."""
    largest, at = splat(a, a.dtype.type(-np.inf), 1, 1), splat(a, a.dtype.type(-1), 1, 1)
    none = True
    for r in range(size[0]):
        z = corner[0] + dilation[0] * r
        for p in range(size[1]):
            y = corner[1] + dilation[1] * p
            for q in range(size[2]):
                x = corner[2] + dilation[2] * q
                if 0 <= z < shape[2] and 0 <= y < shape[3] and 0 <= x < shape[4]:
                    place = (z * shape[3] + y) * shape[4] + x
                    met, here = load(a, place * width + c, 0, 1, 1), splat(a, a.dtype.type(place), 1, 1)
                    if none:
                        largest, at, none = met, here, False
                    else:
                        largest, at = keep_larger(largest, at, met, here)
    store(largest, best, to, 0)
    store(at, found, to, 0)


@inner
def put(best, found, count, high, relu, out, where, o, o_row):
    """Transpose `count` windows of `high` filters into out and where."""
    square = transpose(load(best, 0, lanes(out), 0, 1))
    if relu:
        square = maximum(square, zeros(out, 0, 1))
    store_part(square, out, o, o_row, high, count)
    store(transpose(load(found, 0, lanes(out), 0, 1)), found, 0, lanes(out))
    for r in range(high):
        store_whole(load(found, r * lanes(out), 0, 1, 1), where, o + r * o_row, count, 0, 0)
