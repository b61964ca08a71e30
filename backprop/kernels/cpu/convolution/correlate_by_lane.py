"""(10) and (13) for many filters: each lane belongs to a filter, and a tile is some runs of neighbouring positions.

A position reads single numbers of the field, each multiplied by a vector that holds one tap of all filters. So rows of
any length waste no lanes; but the sums are stored as (position, filter) and must be transposed to become images.
"""

from numba import types
from numba.extending import overload

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.convolution.runs import runs_of
from backprop.kernels.cpu.convolution.to_images import pool_and_turn, turn
from backprop.kernels.cpu.jit import inner, within_kernels
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.simd import LANES, indices, lanes, load, maximum, moved, prefetch, slide, store, zeros
from backprop.kernels.cpu.views import scratch


@kernel(work=4)
def convolve_by_lane(
    a, relu, groups, channel, copies, taps, offsets, tiles, places, used, length, vectors, neighbours, fields, packed,
    images, out, where, shape, size, stride, dilation, pad, part, parts, worker,
):  # fmt: skip
    """out[n,o] = mu[o] + the sum over the taps, for all images n: an item is an image

    a as in `convolve`. The result for an image, of `shape` (N, O, ...), is first stored in images[worker], as
    (position, filter), one group after the other. Then it, or the maxima of its windows unless `where` is empty, is
    transposed into out. neighbours is a tuple that stands for its own length, which is known when a kernel is compiled.
    """
    pictures, z, whence = a.reshape(a.size), out.reshape(out.size), where.reshape(where.size)
    inputs, outputs = a.shape[1] // groups, shape[1] // groups
    across = vectors * lanes(out)
    passes, positions = (outputs + across - 1) // across, shape[2] * shape[3] * shape[4]
    table = passes * (taps.size + 1) * across
    pooled, windows, mine = where.size > 0, out.size // (out.shape[0] * out.shape[1]), share(a.shape[0], part, parts)
    pixels = a.shape[2] * a.shape[3] * a.shape[4]
    field, image = fields[worker], images[worker]
    if len(mine) > 0:
        field[:] = 0
    for n in mine:
        fill(pictures, n * a.shape[1] * pixels, pixels, a.shape[1], copies, field, 0, channel)
        for g in range(groups):
            width, f = passes * across, g * inputs * channel
            to = (n * shape[1] + g * outputs) * windows
            ahead = (outputs * windows + passes * tiles.shape[0] - 1) // (passes * tiles.shape[0])
            for o in range(passes):
                x_at = g * table + o * (taps.size + 1) * across
                sum_taps(
                    packed, x_at, field, f, offsets, tiles, places, used, relu and not pooled,
                    length, vectors, neighbours, image, o * across, width,
                    z, to + o * tiles.shape[0] * ahead, ahead,
                )  # fmt: skip
            if pooled:
                window = size, stride, dilation, pad
                pool_and_turn(image, width, shape, window, outputs, relu, z, whence, to, out.shape)
            else:
                turn(image, 0, width, positions, outputs, z, to, positions)


@kernel
def pack_filters(x, x_row, mu, groups, outputs, taps, across, packed, part, parts):
    """`pack` for the filters of each group, `across` of them side by side: an item is a group."""
    filters, table = x.reshape(x.size), packed.size // groups
    for g in share(groups, part, parts):
        pack(filters, g * (x.size // groups), x_row, mu, g * outputs, outputs, taps, packed, g * table, across)


@inner
def pack(x, i, x_row, mu, m, height, taps, packed, start, across):
    """packed[start + (v (K + 1) + k) across + o] = x[i + (v across + o) x_row + taps[k - 1]]: `across` filters
    in the order in which a tile needs them; for k = 0 the bias mu[m + v across + o], or 0 without one.

    Lanes without a filter get 0: otherwise they would multiply arbitrary numbers, and denormals are slow.
    """
    deep = (taps.size + 1) * across
    for n in range(start, start + (height + across - 1) // across * deep):
        packed[n] = 0
    for o in range(height):
        to = start + o // across * deep + o % across
        packed[to] = mu[m + o] if mu.size > 0 else 0
        for k in range(taps.size):
            to += across
            packed[to] = x[i + o * x_row + taps[k]]


@inner
def sum_taps(
    x, i, field, f, offsets, tiles, places, used, relu, length, vectors, neighbours, out, o, width, z, ahead, share
):  # fmt: skip
    """out[o + place width + c] = x[i + c] + sum_{k,q} x[i + (k Q + q + 1) across + c] field[f + base + offsets[k] + q]

    for all places and the c of a register, or two. While a tile is computed, `share` numbers of z, into which out will
    be transposed, are prefetched, from `ahead` on.
    """
    for t in range(tiles.shape[0]):
        for line in range(ahead, ahead + share, lanes(out)):
            prefetch(z, line)
        ahead += share
        what, where = (x, i, field, f, offsets, tiles[t], used[t], relu, neighbours), (out, o, width, places[t])
        if vectors == 1:
            if length == 3:
                tile(3, 1, what, where)
            elif length == 4:
                tile(4, 1, what, where)
            elif length == 5:
                tile(5, 1, what, where)
            else:
                tile(7, 1, what, where)
        else:
            if length == 3:
                tile(3, 2, what, where)
            elif length == 4:
                tile(4, 2, what, where)
            elif length == 5:
                tile(5, 2, what, where)
            else:
                tile(7, 2, what, where)


def tile(length, vectors, what, where):
    """The same for some runs of `length` positions, one of LENGTHS; length and vectors are constants."""


@overload(tile, prefer_literal=True, jit_options=within_kernels)
def _tile(length, vectors, what, where):
    if not isinstance(length, types.IntegerLiteral) or not isinstance(vectors, types.IntegerLiteral):
        return None
    L, V, Q = length.literal_value, vectors.literal_value, len(what[-1])
    T = runs_of(L, V, Q)
    R, ALL = L * T, L * T * V * LANES
    if T < 1:
        return lambda length, vectors, what, where: None  # no Form is so

    def tile(length, vectors, what, where):
        x, i, field, f, offsets, bases, used, relu, _ = what
        out, o, width, places = where
        across = V * lanes(out)
        starts = moved(indices(bases, 0, T), f)
        sums = load(x, i, 0, R, V)  # the bias, in every row
        i += (used[0] * Q + 1) * across
        for k in range(used[0], used[1]):
            sums = slide(sums, field, moved(starts, offsets[k]), x, i, Q)
            i += Q * across
        if relu:
            sums = maximum(sums, zeros(out, R, V))
        found = scratch(out, ALL)
        store(sums, found, 0, across)  # from here rows go to their places: registers have no address
        for t in range(T):
            for n in range(L):
                store(load(found, (t * L + n) * across, 0, 1, V), out, o + (places[t] + n) * width, 0)

    return tile
