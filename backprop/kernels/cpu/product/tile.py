"""Third rung: a tile of out stays in registers while the sum over k runs.

             n -->  VECTORS registers                       for each k of the sum
                 +-----+-----+-----+                            for each row m of the tile
          b[k]   |     |     |     |    a row of b                  for each column n of it
                 +-----+-----+-----+                                    out[m,n] += a[m,k] b[k,n]
       +---+     +-----+-----+-----+
    m  |   |     |     |     |     |    the two inner loops are one call, `outer`:
    |  |   |     |     |     |     |    a column of a times a row of b, added to the tile
    v  |   |     |     |     |     |
       +---+     +-----+-----+-----+
       a[:,k]    a tile of out: ROWS x VECTORS registers

So each k takes ROWS + VECTORS loads for ROWS * VECTORS multiplications of whole vectors, none of which waits for
another, and out is stored once. Three quarters of the registers hold the tile, the others the factors: with AVX-512,
32 registers of 16 floats, a tile of 8 x 48 numbers, and 11 loads for 24 multiplications.

How many registers a tile has must be known when it is compiled. So `rows_of` and `tile` have no body of their own:
Numba compiles the functions under @overload in their place, once for each number of rows and vectors.
"""

from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from backprop.kernels.cpu.jit import apart, inlined, single, within_kernels
from backprop.kernels.cpu.simd import (
    LANES,
    REGISTERS,
    add,
    lanes,
    load,
    load_part,
    outer,
    prefetch,
    store,
    store_part,
    zeros,
)
from backprop.kernels.cpu.views import scratch

ROWS, VECTORS = REGISTERS // 4, 3


class View(NamedTuple):
    """A matrix within a flat array: its entry m, n is data[start + m row + n col]."""

    data: np.ndarray
    start: int
    row: int
    col: int


@inlined
def strip(vectors, a, b, out, height, depth, width, more, ahead, share):
    """out[m,n] = sum_k a[m,k] b[k,n] for m < height, k < depth, n < width: one tile below the other.

    a, b and out are Views; neighbours in a row of b and of out are neighbours in memory. n runs over `vectors` (1, 2 or
    3) vectors, all of which b must hold; of out only `width` numbers are touched. `more` adds to what out holds. While
    a tile is computed, `share` numbers of b are prefetched, from `ahead` on.
    """
    if vectors == 3:
        rows_of(3, a, b, out, height, depth, width, more, ahead, share)
    elif vectors == 2:
        rows_of(2, a, b, out, height, depth, width, more, ahead, share)
    else:
        rows_of(1, a, b, out, height, depth, width, more, ahead, share)


def rows_of(vectors, a, b, out, height, depth, width, more, ahead, share):
    """Tiles from the top of a strip to its bottom, the last ones smaller."""


@overload(rows_of, prefer_literal=True, jit_options=within_kernels)
def _rows_of(vectors, a, b, out, height, depth, width, more, ahead, share):
    if not isinstance(vectors, types.IntegerLiteral):
        return None
    V = vectors.literal_value

    def rows_of(vectors, a, b, out, height, depth, width, more, ahead, share):
        i, o = a.start, out.start
        for _ in range(height // ROWS):
            for line in range(ahead, ahead + share, lanes(b.data)):
                prefetch(b.data, line)
            tile(ROWS, V, a, i, b, out, o, depth, width, more)
            i, o, ahead = i + ROWS * a.row, o + ROWS * out.row, ahead + share
        for _ in range(height % ROWS // 2):
            tile(2, V, a, i, b, out, o, depth, width, more)
            i, o = i + 2 * a.row, o + 2 * out.row
        if height % 2 == 1:
            tile(1, V, a, i, b, out, o, depth, width, more)

    return rows_of


def tile(rows, vectors, a, i, b, out, o, depth, width, more):
    """One tile, from zeros to out: its first row begins at i in a, its first entry is at o in out."""


@overload(tile, prefer_literal=True, jit_options=within_kernels)
def _tile(rows, vectors, a, i, b, out, o, depth, width, more):
    if not isinstance(rows, types.IntegerLiteral):
        return None
    R, V = rows.literal_value, vectors.literal_value
    SIZE = R * V * LANES

    def tile(rows, vectors, a, i, b, out, o, depth, width, more):
        sums, j = zeros(out.data, R, V), b.start
        for _ in range(depth):
            sums = outer(sums, a.data, i, a.row, b.data, j)
            i += a.col
            j += b.row
        if width == V * lanes(out.data):
            if more:
                sums = add(sums, load(out.data, o, out.row, R, V))
            store(sums, out.data, o, out.row)
        else:
            found = scratch(out.data, SIZE)
            store(sums, found, 0, V * lanes(out.data))
            store_columns(found, V * lanes(out.data), out.data, o, out.row, R, width, more)

    return tile


@apart
def store_columns(tile, across, out, o, o_row, rows, width, more):
    """Store, or add, the first `width` of `across` columns of a tile that lies in memory."""
    for m in range(rows):
        for n in range(0, width, lanes(out)):
            at, left, x = o + m * o_row + n, width - n, load(tile, m * across + n, 0, 1, 1)
            if more:
                x = add(x, load_part(out, at, 0, 1, left, 1, 1))
            store_part(x, out, at, 0, 1, left)


@single
def product(p, q, out):
    """out[m,n] = sum_k p[m,k] q[k,n]: strips of VECTORS vectors; the rest of the columns one by one."""
    rows, depth, columns = p.shape[0], p.shape[1], q.shape[1]
    a, b, z = p.reshape(p.size), q.reshape(q.size), out.reshape(out.size)
    width = VECTORS * lanes(out)
    whole = columns // width * width
    for n in range(0, whole, width):
        panel, part = View(b, n, columns, 1), View(z, n, columns, 1)
        strip(VECTORS, View(a, 0, depth, 1), panel, part, rows, depth, width, False, 0, 0)
    for m in range(rows):
        for n in range(whole, columns):
            dot = out.dtype.type(0)
            for k in range(depth):
                dot += p[m, k] * q[k, n]
            out[m, n] = dot
