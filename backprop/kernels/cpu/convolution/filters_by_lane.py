"""(12) for many filters: each lane belongs to a filter, and a tile is some channels by some neighbouring taps.

Delta is transposed first, so that the deltas of all filters at a position are a row of registers, and no lanes need to
be added up. Several positions are taken at a time: each tap pairs a number of the field with one of them.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.jit import inner, within_kernels
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.product.packed import pack
from backprop.kernels.cpu.simd import LANES, REGISTERS, add, lanes, load, slide_sum, store, zeros
from backprop.kernels.cpu.views import scratch

MOST, LEAST = REGISTERS * 3 // 4, 10  # registers of a tile; with fewer sums, each waits for the one before it
POSITIONS = REGISTERS // 8  # positions at a time: with the sums and a number of the field they fill the registers
ROWS = 1, 2, 3, 4, 6, 8, 12  # channels of a tile
TERMS = 1 << 11  # positions that a register adds up before it is added to the sum so far


@kernel(work=4, split=2)
def sum_by_lane(
    delta, a, groups, plane, channel, copies, offsets, rows, neighbours, fields, deltas, sums,
    part, parts, worker,
):  # fmt: skip
    """sums[c,k,o] = the sum over images n and all positions of delta[n,o] times what tap k read of a[n]

    An item is a chunk c of images, for which a thread has fields and transposed deltas. offsets: of the first of some
    neighbouring taps. deltas: for each group and each register of filters one such register for each position. rows: of
    a tile; neighbours is a tuple that stands for its own length, for which a kernel is compiled.
    """
    images, deltas_in = a.reshape(a.size), delta.reshape(delta.size)
    positions = delta.shape[2] * delta.shape[3] * delta.shape[4]
    chunks, chunk, width = sums.shape[0], fields.shape[1], sums.shape[3]
    size, outputs, mine = fields.shape[2], delta.shape[1] // groups, share(chunks, part, parts)
    field, turned = fields[worker].reshape(chunk * size), deltas[worker].reshape(chunk * groups * positions * width)
    if len(mine) > 0:
        field[:] = 0
    for c in mine:
        first, last = c * chunk, min((c + 1) * chunk, a.shape[0])
        for n in range(first, last):
            fill(images, n * a[0].size, a[0, 0].size, a.shape[1], copies, field, (n - first) * size, channel)
            for g in range(groups):
                for o in range(0, width, lanes(sums)):
                    at = ((n * groups + g) * outputs + o) * positions
                    to = (((n - first) * groups + g) * width + o) * positions
                    pack(deltas_in, at, 1, positions, positions, min(outputs - o, lanes(sums)), turned, to, 1)
        sum_over_chunk(
            field, size, turned, last - first, groups, delta.shape, plane, channel, offsets, rows, neighbours,
            sums[c],
        )  # fmt: skip


@kernel
def add_chunks(sums, outputs, out, accumulate, part, parts):
    """out[o,k,t] = the sums of filter o from all chunks, added up: an item is filter o, of `outputs` in a group"""
    dx = out.reshape(out.shape[0], out.shape[1], sums.shape[2])
    for o in share(dx.shape[0], part, parts):
        first = o // outputs * dx.shape[1]
        for k in range(dx.shape[1]):
            for t in range(dx.shape[2]):
                total = np.float64(dx[o, k, t]) if accumulate else 0.0
                for c in range(sums.shape[0]):
                    total += sums[c, first + k, t, o % outputs]
                dx[o, k, t] = total


@inner
def sum_over_chunk(fields, size, deltas, images, groups, shape, plane, channel, offsets, rows, neighbours, sums):
    """sums[c,k,o] = the sum over images and positions of delta[o] times what tap k read of channel c, group by group

    size: of an image's fields; shape: of delta. The last tile of channels overlaps the one before.
    """
    channels, taps, width = sums.shape[0] // groups, sums.shape[1], sums.shape[2]
    found = sums.reshape(sums.size)
    for g in range(groups):
        for o in range(0, width, lanes(sums)):
            d = (g * width + o) * shape[2] * shape[3] * shape[4]
            for c in range(0, channels, rows):
                top = g * channels + min(c, channels - rows)
                for k in range(offsets.size):
                    to = (top * taps + k * len(neighbours)) * width + o
                    what = fields, top * channel + offsets[k], size, channel, deltas, d, groups, images, shape, plane
                    where = width, found, to, taps, neighbours
                    if rows == 1:
                        tile(1, what, where)
                    elif rows == 2:
                        tile(2, what, where)
                    elif rows == 3:
                        tile(3, what, where)
                    elif rows == 4:
                        tile(4, what, where)
                    elif rows == 6:
                        tile(6, what, where)
                    elif rows == 8:
                        tile(8, what, where)
                    else:
                        tile(12, what, where)


def tile(rows, what, where):
    """The sums for `rows` channels, one of ROWS, and some neighbouring taps, the first of which is at f in a field."""


@overload(tile, prefer_literal=True, jit_options=within_kernels)
def _tile(rows, what, where):
    if not isinstance(rows, types.IntegerLiteral):
        return None
    R, Q, B = rows.literal_value, len(where[-1]), POSITIONS
    ALL, SPREAD = R * Q, R * Q * LANES
    if not LEAST <= ALL <= MOST:
        return lambda rows, what, where: None  # `tile_of` chooses no such tile

    def tile(rows, what, where):
        field, f, size, channel, delta, d, groups, images, shape, plane = what
        width, out, o, taps, _ = where
        found = scratch(out, SPREAD)  # from here rows go to their places: registers have no address
        store(zeros(out, ALL, 1), found, 0, lanes(out))
        plane_of_delta, blocks = shape[3] * shape[4] * lanes(out), shape[4] // B
        image = groups * shape[2] * shape[3] * shape[4] * width
        together, high = max(1, TERMS // (shape[2] * shape[3] * shape[4])), max(1, TERMS // shape[4])
        for part in range(0, images, together):  # some terms at a time, so that each sum keeps its digits
            for top in range(0, shape[3], high):
                sums = zeros(out, ALL, 1)
                for n in range(part, min(part + together, images)):
                    for t in range(shape[2]):
                        row = d + n * image + t * plane_of_delta + top * shape[4] * lanes(out)
                        for i in range(top, min(top + high, shape[3])):
                            at = f + n * size + (t * plane[1] + i) * plane[2]
                            for _ in range(blocks):
                                sums = slide_sum(sums, field, at, channel, delta, row, Q, B)
                                at, row = at + B, row + B * lanes(out)
                            for _ in range(shape[4] - blocks * B):
                                sums = slide_sum(sums, field, at, channel, delta, row, Q, 1)
                                at, row = at + 1, row + lanes(out)
                store(add(load(found, 0, lanes(out), ALL, 1), sums), found, 0, lanes(out))
        for r in range(R):
            for q in range(Q):
                store(load(found, (r * Q + q) * lanes(out), 0, 1, 1), out, o + (r * taps + q) * width, 0)

    return tile


class Size(NamedTuple):
    """A tile of `rows` channels and `neighbours` neighbouring taps."""

    rows: int
    neighbours: int


@functools.lru_cache(256)
def tile_of(filters, channels, offsets, lanes):
    """The Size of tiles, or None if more than a quarter of the lanes would be empty, or fewer than LEAST registers
    needed.

    offsets: where a row of taps lies.
    """
    neighbours = len(offsets) if all(b - a == 1 for a, b in itertools.pairwise(offsets)) else 1
    if neighbours > MOST:
        neighbours = 1
    sizes = [rows for rows in ROWS if LEAST <= rows * neighbours <= MOST and rows <= channels]
    if not sizes or -filters % lanes * 3 > filters:
        return None
    return Size(min(sizes, key=lambda rows: (-(-channels // rows) * rows, -rows)), neighbours)
