"""(12): a tile of some filters by some taps, each a register of sums along the images.

Both a filter's delta and what a tap read are laid out like the field, so that one register of each is multiplied at a
time; the lanes are added up once, after all images of a chunk. Between the rows of delta are zeros, which cancel what
the taps read there, unless it is infinite: 0 times infinity is NaN.
"""

import numpy as np
from numba import types
from numba.extending import overload

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.jit import inner, within_kernels
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.rows import copy_rows
from backprop.kernels.cpu.simd import REGISTERS, dot, lanes, load, moved, store, total
from backprop.kernels.cpu.views import scratch

# Filters of a tile: with 32 registers 8 by 3 taps, or 6 by 4.
MANY, FEWER = REGISTERS // 4, REGISTERS // 16 * 3
TILE = REGISTERS // 4 * 3
TAPS = 12  # a multiple of the taps of either tile
NEAR = 1 << 13  # numbers of delta that stay in the L1 cache while all taps use them


def fitting(filters, taps):
    """How many filters a tile should have, so that there are as few tiles as possible."""
    return min((MANY, FEWER), key=lambda size: -(-filters // size) * -(-taps // (TILE // size)))


@kernel(work=4, split=2)
def sum_over_images(
    delta, a, groups, plane, channel, copies, offsets, length, filters, fields, deltas, partials, sums,
    part, parts, worker,
):  # fmt: skip
    """sums[c,o,k] = the sum over images n and all positions of delta[n,o] times what tap k read of a[n]: an item is a
    chunk c of images, for which a thread has fields. How many images it has depends on sizes alone, and so do the bits.
    """
    images, deltas_in = a.reshape(a.size), delta.reshape(delta.size)
    channels, image = a.shape[1], a[0, 0].size
    chunks, chunk = sums.shape[0], fields.shape[1]
    size, laid_out, mine = fields.shape[2], deltas.shape[2], share(chunks, part, parts)
    field, spread = fields[worker].reshape(chunk * size), deltas[worker].reshape(chunk * laid_out)
    if len(mine) > 0:
        field[:] = 0
        spread[:] = 0
    for c in mine:
        first, last = c * chunk, min((c + 1) * chunk, a.shape[0])
        for n in range(first, last):
            f, d = (n - first) * size, (n - first) * laid_out
            fill(images, n * channels * image, image, channels, copies, field, f, channel)
            lay_out(deltas_in, n * delta[0].size, delta.shape, plane, length, filters, groups, spread, d)
        steps = size, laid_out, channels * channel // groups
        sum_over_chunk(field, spread, last - first, offsets, length, steps, filters, groups, partials[worker], sums[c])


@kernel
def add_chunks(sums, out, accumulate, part, parts):
    """out[o,k] = the sums of filter o from all chunks, added up: an item is a filter"""
    dx = out.reshape(sums.shape[1], sums.shape[2])
    for o in share(dx.shape[0], part, parts):
        for k in range(dx.shape[1]):
            total = np.float64(dx[o, k]) if accumulate else 0.0
            for c in range(sums.shape[0]):
                total += sums[c, o, k]
            dx[o, k] = total


@inner
def lay_out(delta, i, shape, plane, length, filters, groups, spread, d):
    """Copy a delta (O, T, I, J), from index i on, with its rows as far apart as those of the field.

    The filters of a group are padded to whole tiles.
    """
    outputs = shape[1] // groups
    for g in range(groups):
        for o in range(outputs):
            start = d + (g * rounded(outputs, filters) + o) * length
            for t in range(shape[2]):
                to = start + t * plane[1] * plane[2]
                copy_rows(delta, i, shape[4], spread, to, plane[2], shape[3], shape[4])
                i += shape[3] * shape[4]


@inner
def rounded(outputs, filters):
    """The number of filters of a group, rounded up to whole tiles."""
    return (outputs + filters - 1) // filters * filters


@inner
def sum_over_chunk(fields, deltas, images, offsets, length, steps, filters, groups, partial, sums):
    """sums[o,k] = the sum over images and positions of delta[o] times what tap k read

    steps: from image to image in fields and in deltas, from group to group in a field. `filters`: of a tile. Between
    some images and the next, all tiles of sums are stored in `partial`: so the part of delta that they share stays in
    the L1 cache.
    """
    outputs, taps = sums.shape[0] // groups, sums.shape[1]
    together, size = TILE // filters, TILE * lanes(sums)
    some = max(1, NEAR // (filters * length))
    partial[:] = 0
    for first in range(0, images, some):
        count, at = min(some, images - first), 0
        for g in range(groups):
            for o in range(0, outputs, filters):
                d = first * steps[1] + (g * rounded(outputs, filters) + o) * length
                f = first * steps[0] + g * steps[2]
                for k in range(0, taps, together):
                    a, b, c = f + offsets[k], f + offsets[k + 1], f + offsets[k + 2]
                    if filters == MANY:
                        tile(MANY, (a, b, c), fields, deltas, d, count, length, steps, partial, at)
                    else:
                        tile(FEWER, (a, b, c, f + offsets[k + 3]), fields, deltas, d, count, length, steps, partial, at)
                    at += size
    found, at = scratch(sums, TILE), 0
    for g in range(groups):
        for o in range(0, outputs, filters):
            for k in range(0, taps, together):
                total(load(partial, at, lanes(sums), TILE, 1), found, 0, 1)
                for m in range(min(filters, outputs - o)):
                    for t in range(min(together, taps - k)):
                        sums[g * outputs + o + m, k + t] = found[m * together + t]
                at += size


def tile(filters, away, fields, deltas, d, images, length, steps, partial, at):
    """Add `images` images to the sums of some filters and of the taps that lie `away` in the fields."""


@overload(tile, prefer_literal=True, jit_options=within_kernels)
def _tile(filters, away, fields, deltas, d, images, length, steps, partial, at):
    if not isinstance(filters, types.IntegerLiteral):
        return None
    F, T = filters.literal_value, len(away)

    def tile(filters, away, fields, deltas, d, images, length, steps, partial, at):
        across = T * lanes(partial)
        sums = load(partial, at, across, F, T)
        for n in range(images):
            delta = d + n * steps[1]
            for i in range(n * steps[0], n * steps[0] + length, lanes(partial)):
                sums = dot(sums, deltas, delta, length, fields, moved(away, i))
                delta += lanes(partial)
        store(sums, partial, at, across)

    return tile
