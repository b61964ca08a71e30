"""(10) and (13): a tile of some channels by some vectors of positions, in registers for the whole sum over the taps.

It is the tile of a matrix product whose second matrix is never made: its row k is the field, seen from tap k.
"""

from numba import prange, types
from numba.extending import overload

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.jit import inner, kernel
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import WIDTH, lanes, maximum, outer, scratch, store, store_between, zeros

VECTORS = 3
LANES = WIDTH // 4
SPREAD = ROWS * VECTORS * LANES


@kernel
def convolve(a, x, x_row, mu, relu, groups, channel, copies, taps, meetings, hop, out, fields, packed):
    """out[n,o] = mu[o] + the sum over the taps, for all images n: iteration `part` owns some images and a field

    a (N, C, ...), x the filters, whose channels lie x_row apart, out (N, O, ...). Group g sees a group of channels.
    """
    filters, images, z = x.reshape(x.size), a.reshape(a.size), out.reshape(out.size)
    channels, image = a.shape[1], a[0, 0].size
    outputs, positions = out.shape[1] // groups, out[0, 0].size
    tables = packed.size // groups
    for g in range(groups):
        pack(filters, g * (x.size // groups), x_row, outputs, taps, packed, g * tables)
    parts = fields.shape[0]
    for part in prange(parts):
        field = fields[part]
        field[:] = 0
        for n in range(part * a.shape[0] // parts, (part + 1) * a.shape[0] // parts):
            fill(images, n * channels * image, image, channels, copies, field, 0, channel)
            for g in range(groups):
                f, o = g * (channels // groups) * channel, g * outputs
                at = (n * out.shape[1] + o) * positions
                correlate(packed, g * tables, outputs, field, f, meetings, mu, o, relu, hop, z, at, positions)


@inner
def pack(x, i, x_row, height, taps, packed, start):
    """packed[start + (m // ROWS K + k) ROWS + m % ROWS] = x[i + m x_row + taps[k]]: what a tile needs of the filters in
    the order in which it needs it. Channels past `height` are left as they are.
    """
    for k in range(taps.size):
        for m in range(height):
            packed[start + (m // ROWS * taps.size + k) * ROWS + m % ROWS] = x[i + m * x_row + taps[k]]


@inner
def correlate(x, i, height, field, f, meetings, mu, m, relu, hop, out, o, o_row):
    """out[o + c o_row + place] = mu[m + c] + sum_k x[c,k] field[f + base + offsets[k]] for c < height

    for each vector of each class of the meetings; neighbours of a vector lie `hop` apart in out. x is packed, from i.
    `relu` turns negative sums into 0. For some positions all channels are computed before the next ones come: what they
    meet of the field is still in the first cache.
    """
    all_offsets, bases, places, begins, ends, classes = meetings
    whole = hop == 1 and begins.shape[0] == 1 and classes[:, 4].min() == lanes(out)
    for kind in range(classes.shape[0]):
        offsets = all_offsets[classes[kind, 0] : classes[kind, 1]]
        for v in range(classes[kind, 2], classes[kind, 3], VECTORS):
            where = (field, (f + bases[v], f + bases[v + 1], f + bases[v + 2]), offsets, mu, relu, out, o_row)
            to = (whole, hop, v, places, begins, ends)
            column, done = i + classes[kind, 0] * ROWS, 0
            while height - done >= ROWS:
                tile(ROWS, x, column, m + done, o + done * o_row, where, to)
                column, done = column + ROWS * all_offsets.size, done + ROWS
            if height - done >= 6:
                tile(6, x, column, m + done, o + done * o_row, where, to)
                column, done = column + 6, done + 6
            if height - done >= 4:
                tile(4, x, column, m + done, o + done * o_row, where, to)
                column, done = column + 4, done + 4
            if height - done >= 2:
                tile(2, x, column, m + done, o + done * o_row, where, to)
                column, done = column + 2, done + 2
            if height - done >= 1:
                tile(1, x, column, m + done, o + done * o_row, where, to)


def tile(count, x, i, m, o, where, to):
    """`count` channels at three vectors of positions."""


@overload(tile, prefer_literal=True, jit_options={"forceinline": True})
def _tile(count, x, i, m, o, where, to):
    if not isinstance(count, types.IntegerLiteral):
        return None
    C = count.literal_value

    def tile(count, x, i, m, o, where, to):
        field, (first, second, third), offsets, mu, relu, out, o_row = where
        sums = zeros(out, C, VECTORS)
        if mu.size > 0:
            one = scratch(out, LANES)
            one[:] = 1
            sums = outer(sums, mu, m, 1, one, (0, 0, 0))  # the bias is a tap that always meets 1
        for k in range(offsets.size):
            away = offsets[k]
            sums = outer(sums, x, i, 1, field, (first + away, second + away, third + away))
            i += ROWS
        if relu:
            sums = maximum(sums, zeros(out, C, VECTORS))
        whole, hop, v, places, begins, ends = to
        if whole:
            store(sums, out, (o + places[0, v], o + places[0, v + 1], o + places[0, v + 2]), o_row)
        elif hop == 1:
            for w in range(begins.shape[0]):
                at = (o + places[w, v], o + places[w, v + 1], o + places[w, v + 2])
                begin = (begins[w, v], begins[w, v + 1], begins[w, v + 2])
                end = (ends[w, v], ends[w, v + 1], ends[w, v + 2])
                store_between(sums, out, at, o_row, begin, end)
        else:
            across = VECTORS * lanes(out)
            spread = scratch(out, SPREAD)
            store(sums, spread, 0, across)
            for c in range(C):
                for n in range(VECTORS):
                    for j in range(ends[0, v + n]):
                        out[o + places[0, v + n] + c * o_row + j * hop] = spread[c * across + n * lanes(out) + j]

    return tile
