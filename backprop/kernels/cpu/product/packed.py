"""Fourth rung: the columns of q that a strip needs are copied side by side first, DEPTH rows at a time.

In q a row of a strip lies as far from the next as q is wide, which is bad for every cache. Copied into a panel, the
rows follow each other, the panel stays in a core's nearest caches while all tiles of the strip use it, and columns
beyond the edge of q are zeros there, so that tiles need no special case at the edge. A transposed q is read as such
while it is copied.
"""

import numpy as np

from backprop.kernels.cpu.jit import apart, inner, single
from backprop.kernels.cpu.product.tile import ROWS, VECTORS, View, strip
from backprop.kernels.cpu.simd import (
    LANES,
    add,
    lanes,
    load,
    load_part,
    maximum,
    splat,
    store,
    store_part,
    transpose,
    zeros,
)
from backprop.kernels.cpu.views import scratch

DEPTH = 256
PANEL = DEPTH * VECTORS * LANES


@inner
def strip_of_product(a, a_row, a_col, b, b_row, b_col, out, rows, depth, columns, first, vectors, accumulate, mu, relu):
    """`vectors` vectors of columns of out, from column `first` on: out[m,n] = sum_k a[m,k] b[k,n]

    a[m,k] is at m a_row + k a_col, b[k,n] at k b_row + n b_col; one stride of each is 1. out (rows, columns) is flat.
    While the strip is still in the cache, mu[n] is added, unless mu is empty, and negative numbers become 0, if `relu`.
    """
    panel = scratch(out, PANEL)
    across = vectors * lanes(out)
    width = min(across, columns - first)
    for k in range(0, max(depth, 1), DEPTH):  # at least once: a sum without terms is 0
        deep = min(DEPTH, depth - k)
        if b_col == 1 and width == across and rows <= 2 * ROWS:  # used too few times for a copy to pay
            panel_of_k = View(b, k * b_row + first, b_row, 1)
        else:
            pack(b, k * b_row + first * b_col, b_row, b_col, deep, width, panel, 0, vectors)
            panel_of_k = View(panel, 0, across, 1)
        left, more = View(a, k * a_col, a_row, a_col), accumulate or k > 0
        strip(vectors, left, panel_of_k, View(out, first, columns, 1), rows, deep, width, more, 0, 0)
    if mu.size > 0 or relu:
        finish(out, rows, columns, first, width, mu, relu)


@apart
def finish(out, rows, columns, first, width, mu, relu):
    """out[m,n] = out[m,n] + mu[n], then 0 where it is negative, for first <= n < first + width"""
    zero = zeros(out, 1, 1)
    least = splat(out, out.dtype.type(0 if relu else -np.inf), 1, 1)
    for n in range(first, first + width, lanes(out)):
        left = first + width - n
        bias = load_part(mu, n, 0, 1, left, 1, 1) if mu.size > 0 else zero
        for m in range(rows):
            x = add(load_part(out, m * columns + n, 0, 1, left, 1, 1), bias)
            store_part(maximum(x, least), out, m * columns + n, 0, 1, left)


@apart
def pack(b, j, b_row, b_col, depth, width, panel, start, vectors):
    """panel[start + k vectors lanes + n] = b[j + k b_row + n b_col] for k < depth and n < width, 0 for the other n"""
    size = lanes(panel)
    across = vectors * size
    for v in range(0, across, size):
        left = width - v
        if b_col == 1:
            for k in range(depth):
                if left >= size:
                    row = load(b, j + k * b_row + v, 0, 1, 1)
                else:
                    row = load_part(b, j + k * b_row + v, 0, 1, left, 1, 1)
                store(row, panel, start + k * across + v, 0)
        else:
            for k in range(0, depth, size):
                if left >= size and depth - k >= size:
                    store(transpose(load(b, j + v * b_col + k, b_col, 0, 1)), panel, start + k * across + v, across)
                else:
                    square = transpose(load_part(b, j + v * b_col + k, b_col, left, depth - k, 0, 1))
                    store_part(square, panel, start + k * across + v, across, depth - k, size)


@single
def product(p, q, out):
    """out[m,n] = sum_k p[m,k] q[k,n]"""
    rows, depth, columns = p.shape[0], p.shape[1], q.shape[1]
    a, b, z = p.reshape(p.size), q.reshape(q.size), out.reshape(out.size)
    across = VECTORS * lanes(out)
    for first in range(0, columns, across):
        strip_of_product(a, depth, 1, b, columns, 1, z, rows, depth, columns, first, VECTORS, False, z[:0], False)
