"""Third rung: a tile of out lives in registers while the sum over k runs.

For each k the tile takes a column of p, ROWS numbers, and a row of q, some vectors, and adds their outer product:
ROWS + VECTORS loads for ROWS * VECTORS multiplications of whole vectors, none of which waits for another. Memory sees
out once. Three quarters of the registers hold the tile, the others what is multiplied.
"""

from numba import types
from numba.extending import overload

from backprop.kernels.cpu.jit import BORROWED, inlined, inner
from backprop.kernels.cpu.simd import REGISTERS, add, lanes, load, load_part, outer, prefetch, store, store_part, zeros

ROWS, VECTORS = REGISTERS // 4, 3


@inlined
def strip(vectors, a, i, a_row, a_col, height, b, j, b_row, depth, out, o, o_row, width, more, ahead, share):
    """out[o + m o_row + n] = sum_k a[i + m a_row + k a_col] b[j + k b_row + n] for m < height, k < depth, n < width

    n runs over `vectors` (1, 2 or 3) vectors, all of which b must hold; of out only `width` numbers are touched. `more`
    adds to what out holds. While a tile is computed, `share` numbers of b are asked into the cache, from `ahead` on.
    """
    where = (a_row, a_col, b, j, b_row, depth, out, o_row, width, more)
    if vectors == 3:
        rows_of(3, a, i, height, o, ahead, share, where)
    elif vectors == 2:
        rows_of(2, a, i, height, o, ahead, share, where)
    else:
        rows_of(1, a, i, height, o, ahead, share, where)


def rows_of(vectors, a, i, height, o, ahead, share, where):
    """Tiles from the top of a strip to its bottom, the last ones smaller."""


@overload(rows_of, prefer_literal=True, jit_options={"forceinline": True, **BORROWED})
def _rows_of(vectors, a, i, height, o, ahead, share, where):
    if not isinstance(vectors, types.IntegerLiteral):
        return None
    V = vectors.literal_value

    def rows_of(vectors, a, i, height, o, ahead, share, where):
        a_row, b, o_row = where[0], where[2], where[7]
        for _ in range(height // ROWS):
            for line in range(ahead, ahead + share, lanes(b)):
                prefetch(b, line)
            tile(ROWS, V, a, i, o, where)
            i, o, ahead = i + ROWS * a_row, o + ROWS * o_row, ahead + share
        for _ in range(height % ROWS // 2):
            tile(2, V, a, i, o, where)
            i, o = i + 2 * a_row, o + 2 * o_row
        if height % 2 == 1:
            tile(1, V, a, i, o, where)

    return rows_of


def tile(rows, vectors, a, i, o, where):
    """One tile, from zeros to out."""


@overload(tile, prefer_literal=True, jit_options={"forceinline": True, **BORROWED})
def _tile(rows, vectors, a, i, o, where):
    if not isinstance(rows, types.IntegerLiteral):
        return None
    R, V = rows.literal_value, vectors.literal_value

    def tile(rows, vectors, a, i, o, where):
        a_row, a_col, b, j, b_row, depth, out, o_row, width, more = where
        sums = zeros(out, R, V)
        for _ in range(depth):
            sums = outer(sums, a, i, a_row, b, j)
            i += a_col
            j += b_row
        if width == V * lanes(out):
            if more:
                sums = add(sums, load(out, o, o_row, R, V))
            store(sums, out, o, o_row)
        else:
            if more:
                sums = add(sums, load_part(out, o, o_row, R, width, R, V))
            store_part(sums, out, o, o_row, R, width)

    return tile


@inner
def product(p, q, out):
    """out[m,n] = sum_k p[m,k] q[k,n]: strips of VECTORS vectors; the rest of the columns one by one."""
    rows, depth, columns = p.shape[0], p.shape[1], q.shape[1]
    a, b, z = p.reshape(p.size), q.reshape(q.size), out.reshape(out.size)
    width = VECTORS * lanes(out)
    whole = columns // width * width
    for n in range(0, whole, width):
        strip(VECTORS, a, 0, depth, 1, rows, b, n, columns, depth, z, n, columns, width, False, 0, 0)
    for m in range(rows):
        for n in range(whole, columns):
            dot = out.dtype.type(0)
            for k in range(depth):
                dot += p[m, k] * q[k, n]
            out[m, n] = dot
