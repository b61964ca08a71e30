"""(12) for many filters: each lane belongs to a filter, and a tile is some channels by some taps.

Delta is transposed first, so that what all filters say about a position is a row of registers. That row is multiplied
by single numbers of the field, which need not be loaded into registers of their own, and no lanes are added up.
"""

import math

from numba import prange, types
from numba.extending import overload

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.jit import BORROWED, inner, kernel
from backprop.kernels.cpu.product.packed import pack
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import WIDTH, lanes, load, moved, outer, scratch, store, zeros

LANES = WIDTH // 4
FEWER = ROWS * 3 // 4  # channels of a tile of four taps; one of ROWS channels has three


@kernel
def sum_by_lane(delta, a, groups, plane, channel, copies, offsets, out, accumulate, fields, deltas, sums):
    """out[o,k] = the sum over n and all positions of delta[n,o] times what tap k met of a[n]

    An iteration owns some chunks of images, fields and transposed deltas for one chunk, and the sums of each chunk, as
    (channel, tap, filter); then iteration o owns filter o.
    """
    images, deltas_in = a.reshape(a.size), delta.reshape(delta.size)
    positions = delta.shape[2] * delta.shape[3] * delta.shape[4]
    parts, chunks, chunk, width = fields.shape[0], sums.shape[0], fields.shape[1], sums.shape[3]
    size, outputs = fields.shape[2], delta.shape[1] // groups
    for part in prange(parts):
        field, turned = fields[part].reshape(chunk * size), deltas[part].reshape(chunk * groups * positions * width)
        field[:] = 0
        for c in range(part * chunks // parts, (part + 1) * chunks // parts):
            first, last = c * chunk, min((c + 1) * chunk, a.shape[0])
            for n in range(first, last):
                fill(images, n * a[0].size, a[0, 0].size, a.shape[1], copies, field, (n - first) * size, channel)
                for g in range(groups):
                    for o in range(0, width, lanes(out)):
                        at = ((n * groups + g) * outputs + o) * positions
                        to = (((n - first) * groups + g) * width + o) * positions
                        pack(deltas_in, at, 1, positions, positions, min(outputs - o, lanes(out)), turned, to, 1)
            sum_over_chunk(field, size, turned, last - first, groups, delta.shape, plane, channel, offsets, sums[c])
    dx = out.reshape(out.shape[0], out.size // out.shape[0])
    for o in prange(dx.shape[0]):
        taps = sums.shape[2]
        first = o // outputs * (sums.shape[1] // groups)
        for k in range(dx.shape[1]):
            dot = dx[o, k] if accumulate else out.dtype.type(0)
            for c in range(chunks):
                dot += sums[c, first + k // taps, k % taps, o % outputs]
            dx[o, k] = dot


@inner
def sum_over_chunk(fields, size, deltas, images, groups, shape, plane, channel, offsets, sums):
    """sums[c,k,o] = the sum over images and positions of delta[o] times what tap k met of channel c, group by group

    size: of an image's fields; shape: of delta. The last tile of channels, or of taps, overlaps the one before.
    """
    channels, taps, width = sums.shape[0] // groups, sums.shape[1], sums.shape[2]
    found = sums.reshape(sums.size)
    height, across = (ROWS, 3) if channels >= ROWS else (FEWER, 4)
    for g in range(groups):
        for o in range(0, width, lanes(sums)):
            for c in range(0, channels, height):
                top = g * channels + min(c, channels - height)
                for k in range(0, taps, across):
                    tap = min(k, taps - across)
                    d, to = (g * width + o) * shape[2] * shape[3] * shape[4], (top * taps + tap) * width + o
                    if height == ROWS:
                        away = moved((offsets[tap], offsets[tap + 1], offsets[tap + 2]), top * channel)
                        tile(
                            ROWS, away, fields, size, channel, deltas, d, groups, images, shape, plane, width,
                            found, to, taps,
                        )  # fmt: skip
                    else:
                        few = offsets[tap], offsets[tap + 1], offsets[tap + 2], offsets[tap + 3]
                        away = moved(few, top * channel)
                        tile(
                            FEWER, away, fields, size, channel, deltas, d, groups, images, shape, plane, width,
                            found, to, taps,
                        )  # fmt: skip


def tile(rows, away, field, size, channel, delta, d, groups, images, shape, plane, width, out, o, taps):
    """The sums for `rows` channels and as many taps as there are in `away`, where they lie in a field."""


@overload(tile, prefer_literal=True, jit_options={"forceinline": True, **BORROWED})
def _tile(rows, away, field, size, channel, delta, d, groups, images, shape, plane, width, out, o, taps):
    if not isinstance(rows, types.IntegerLiteral):
        return None
    R, T = rows.literal_value, len(away)
    ALL, SPREAD = R * T, R * T * LANES

    def tile(rows, away, field, size, channel, delta, d, groups, images, shape, plane, width, out, o, taps):
        sums, found = zeros(out, ALL, 1), scratch(out, SPREAD)
        image = groups * shape[2] * shape[3] * shape[4] * width
        for n in range(images):
            row = d + n * image
            for t in range(shape[2]):
                for i in range(shape[3]):
                    f = n * size + (t * plane[1] + i) * plane[2]
                    for j in range(f, f + shape[4]):
                        sums = outer(sums, field, moved(away, j), channel, delta, row)
                        row += lanes(out)
        store(sums, found, 0, lanes(out))
        for r in range(ALL):
            place = o + (r % R * taps + r // R) * width
            store(load(found, r * lanes(out), 0, 1, 1), out, place, 0)

    return tile


def suits_lanes(shape, groups, lanes):
    """Whether filters of this shape (O, C/groups, taps) fill the lanes and the rows of such tiles."""
    filters, channels, taps = shape[0] // groups, shape[1], math.prod(shape[2:])
    return channels >= FEWER and taps >= (3 if channels >= ROWS else 4) and -filters % lanes * 3 <= filters
