"""(10) and (13): a tile of some channels by some vectors of positions, in registers for the whole sum over the taps.

It is the tile of a matrix product whose second matrix is never stored: its row k is the field, seen from tap k.
"""

from numba import types
from numba.extending import overload

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.convolution.tap_tables import VECTORS
from backprop.kernels.cpu.jit import inner, within_kernels
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.pool import pool_image
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import LANES, lanes, maximum, outer, store, store_between, zeros
from backprop.kernels.cpu.views import scratch

SUMS = ROWS * VECTORS * LANES


@kernel(work=4)
def convolve(
    a, mu, relu, groups, packed, channel, copies, tap_tables, fields, hop,
    out, where, images, shape, steps, size, stride, dilation, pad, part, parts, worker,
):  # fmt: skip
    """out[n,o] = mu[o] + the sum over the taps, for all images n: an item is an image

    a is (N, C, ...), out (N, O, ...). Group g of the filters, which are packed, reads a group of channels.
    Unless `images` is empty, the result for an image, of `shape` (N, O, ...), goes to images[worker], where channels,
    planes and rows are `steps` apart, and the maxima of its windows to out and where; `relu` is then applied to them.
    """
    pictures, z, places = a.reshape(a.size), out.reshape(out.size), where.reshape(where.size)
    inputs, outputs, table = a.shape[1] // groups, shape[1] // groups, packed.size // groups
    pooled, mine = images.size > 0, share(a.shape[0], part, parts)
    pixels, places_in_all = a.shape[2] * a.shape[3] * a.shape[4], out.size // out.shape[0]
    field = fields[worker]
    if len(mine) > 0:
        field[:] = 0
    for n in mine:
        o = n * places_in_all
        to, at = (images[worker], 0) if pooled else (z, o)
        fill(pictures, n * a.shape[1] * pixels, pixels, a.shape[1], copies, field, 0, channel)
        for g in range(groups):
            f, m = g * inputs * channel, g * outputs
            correlate(
                packed, g * table, outputs, field, f, tap_tables, mu, m, relu and not pooled,
                hop, to, at + m * steps[0], steps[0],
            )  # fmt: skip
        if pooled:
            pool_image(to, 0, steps, shape, (size, stride, dilation, pad), relu, z, places, o, out.shape)


@kernel
def pack_groups(x, x_row, groups, outputs, taps, packed, part, parts):
    """`pack` for the filters x of each group: an item is a group.

    The numbers for one output channel, a filter in (10), a channel of all filters in (13), lie x_row from those for the
    next.
    """
    filters = x.reshape(x.size)
    for g in share(groups, part, parts):
        pack(filters, g * (x.size // groups), x_row, outputs, taps, packed, g * (packed.size // groups))


@inner
def pack(x, i, x_row, height, taps, packed, start):
    """packed[start + (m // ROWS K + k) ROWS + m % ROWS] = x[i + m x_row + taps[k]]: the filters in the
    order in which a tile needs them. Channels past `height` are left as they are.
    """
    for k in range(taps.size):
        for m in range(height):
            packed[start + (m // ROWS * taps.size + k) * ROWS + m % ROWS] = x[i + m * x_row + taps[k]]


@inner
def correlate(x, i, height, field, f, tap_tables, mu, m, relu, hop, out, o, o_row):
    """out[o + c o_row + place] = mu[m + c] + sum_k x[c,k] field[f + base + offsets[k]] for c < height

    for each vector of each class in the tables; neighbours in a vector lie `hop` apart in out. x is packed, from i on.
    `relu` turns negative sums into 0. For some positions all channels are computed before the next ones: what they read
    of the field is then still in the L1 cache.
    """
    all_offsets, bases, places, begins, ends, used, classes = tap_tables
    found = scratch(out, SUMS)
    whole = hop == 1 and begins.shape[0] == 1
    for kind in range(classes.shape[0]):
        whole = whole and classes[kind, 4] == lanes(out)
    for kind in range(classes.shape[0]):
        for v in range(classes[kind, 2], classes[kind, 3], VECTORS):
            first, last = classes[kind, 0] + used[v // VECTORS, 0], classes[kind, 0] + used[v // VECTORS, 1]
            offsets, column, done = all_offsets[first:last], i + first * ROWS, 0
            starts = f + bases[v], f + bases[v + 1], f + bases[v + 2]
            while done < height:
                what = (x, column, field, starts, offsets, mu, m + done, relu)
                to, count = o + done * o_row, 1
                where = (out, to, o_row, whole, hop, v, places, begins, ends, found)
                if height - done >= ROWS:
                    count = ROWS
                    tile(ROWS, what, where)
                elif height - done >= 6:
                    count = 6
                    tile(6, what, where)
                else:
                    tile(1, what, where)
                if hop > 1:
                    scatter(found, count, hop, v, places, ends, out, to, o_row)
                column, done = column + (ROWS * all_offsets.size if count == ROWS else count), done + count


def tile(count, what, where):
    """`count` channels at three vectors of positions."""


@overload(tile, prefer_literal=True, jit_options=within_kernels)
def _tile(count, what, where):
    if not isinstance(count, types.IntegerLiteral):
        return None
    C = count.literal_value

    def tile(count, what, where):
        x, i, field, (first, second, third), offsets, mu, m, relu = what
        out, o, o_row, whole, hop, v, places, begins, ends, found = where
        sums = zeros(out, C, VECTORS)
        if mu.size > 0:
            one = scratch(out, LANES)
            one[:] = 1
            sums = outer(sums, mu, m, 1, one, (0, 0, 0))  # the bias is a tap that always reads 1
        for k in range(offsets.size):
            away = offsets[k]
            sums = outer(sums, x, i, 1, field, (first + away, second + away, third + away))
            i += ROWS
        if relu:
            sums = maximum(sums, zeros(out, C, VECTORS))
        if whole:
            store(sums, out, (o + places[0, v], o + places[0, v + 1], o + places[0, v + 2]), o_row)
        elif hop == 1:
            for w in range(begins.shape[0]):
                at = (o + places[w, v], o + places[w, v + 1], o + places[w, v + 2])
                begin = (begins[w, v], begins[w, v + 1], begins[w, v + 2])
                end = (ends[w, v], ends[w, v + 1], ends[w, v + 2])
                store_between(sums, out, at, o_row, begin, end)
        else:
            store(sums, found, 0, VECTORS * lanes(out))

    return tile


@inner
def scatter(sums, count, hop, v, places, ends, out, o, o_row):
    """Store the tile `sums` in places that are `hop` apart."""
    for c in range(count):
        for n in range(VECTORS):
            for j in range(ends[0, v + n]):
                out[o + places[0, v + n] + c * o_row + j * hop] = sums[(c * VECTORS + n) * lanes(out) + j]
