"""Fifth rung: every core owns a part of out, in which it adds up all terms. All layers use this product.

A part is a strip of columns, or, where both matrices are large, half of some rows. The order in which the terms of
an element are added depends on the matrices' sizes alone, so its bits depend neither on the number of threads nor on
how the parts are shared among them.
"""

import numpy as np
from numba import prange

from backprop.kernels.buffers import empty
from backprop.kernels.cpu.jit import kernel, threads
from backprop.kernels.cpu.product.dots import ROWS as DOT_ROWS
from backprop.kernels.cpu.product.dots import dots
from backprop.kernels.cpu.product.packed import DEPTH, finish, pack, strip_of_product
from backprop.kernels.cpu.product.tile import ROWS, VECTORS, View, strip
from backprop.kernels.cpu.rows import copy_rows
from backprop.kernels.cpu.simd import WIDTH, lanes

FEW = 1 << 19  # multiplications that one thread finishes before a second one has started
HEIGHT = 256  # rows of p that are copied at a time: with DEPTH columns 256 KB of float32, for a core's L2 cache
LARGE = 384  # size from which on, in each direction, the copies pay
MOST_TERMS = 1 << 14  # of a sum in float32: DEPTH of them are added up at a time, then these sums


def product(p, p_transposed, q, q_transposed, out, accumulate):
    """out = p q, or out + p q; p is stored as (M, K) or transposed as (K, M), q as (K, N) or (N, K)."""
    affine(p, p_transposed, q, q_transposed, out, accumulate, NO_BIAS[out.dtype.char], False)


NO_BIAS = {char: np.empty(0, char) for char in "fd"}


def affine(p, p_transposed, q, q_transposed, out, accumulate, mu, relu):
    """The same, then mu[n] is added to column n unless mu is empty, and negative numbers become 0 if `relu`."""
    if p.size > MOST_TERMS * len(out) and out.itemsize == 4:
        in_parts(p, p_transposed, q, q_transposed, out, accumulate)
        if mu.size or relu:
            finish_all(out, mu, relu)
    elif out.size > LARGE * LARGE and min(*out.shape, p.size // len(out)) >= LARGE:
        panel = VECTORS * WIDTH // out.itemsize
        p_copy = empty((-(-out.shape[0] // HEIGHT) * HEIGHT * DEPTH,), out.dtype)
        q_copy = empty((-(-out.shape[1] // panel) * panel * DEPTH,), out.dtype)
        by_blocks(p, p_transposed, q, q_transposed, out, accumulate, p_copy, q_copy)
        if mu.size or relu:
            finish_all(out, mu, relu)
    else:
        by_strips(p, p_transposed, q, q_transposed, out, accumulate, mu, relu, threads())


def in_parts(p, p_transposed, q, q_transposed, out, accumulate):
    """A sum of very many terms, MOST_TERMS at a time; the parts are added up in float64."""
    depth = p.size // len(out)
    total = np.array(out, np.float64) if accumulate else np.zeros(out.shape)
    for k in range(0, depth, MOST_TERMS):
        terms = slice(k, k + MOST_TERMS)
        some_p = np.ascontiguousarray(p[terms] if p_transposed else p[:, terms])
        some_q = np.ascontiguousarray(q[:, terms] if q_transposed else q[terms])
        affine(some_p, p_transposed, some_q, q_transposed, out, False, NO_BIAS[out.dtype.char], False)
        total += out
    out[...] = total


@kernel
def by_strips(p, p_transposed, q, q_transposed, out, accumulate, mu, relu, threads):
    """An iteration owns a strip of out, from top to bottom, and copies the columns of q that it needs.

    Where a strip would leave a quarter of its one or two registers empty, `dots` does it all, in one thread.
    """
    rows, columns = out.shape
    depth = p.size // max(rows, 1)
    a, b, z = p.reshape(p.size), q.reshape(q.size), out.reshape(out.size)
    a_row, a_col = (1, rows) if p_transposed else (depth, 1)
    b_row, b_col = (1, depth) if q_transposed else (columns, 1)
    vectors = (columns + lanes(out) - 1) // lanes(out)
    mostly_empty = 4 * columns <= 3 * vectors * lanes(out) and vectors <= 2
    if mostly_empty and q_transposed and not p_transposed and rows >= DOT_ROWS and depth >= lanes(out):
        dots(a, b, z, rows, depth, columns, accumulate, mu, relu)
        return
    strips = (vectors + VECTORS - 1) // VECTORS
    if threads == 1 or rows * depth * columns < FEW:
        for s in range(strips):
            first, last = s * vectors // strips, (s + 1) * vectors // strips
            start = first * lanes(out)
            strip_of_product(
                a, a_row, a_col, b, b_row, b_col, z, rows, depth, columns, start, last - first, accumulate, mu, relu
            )
    else:
        strips = min(vectors, (strips + threads - 1) // threads * threads)  # the same number for every thread
        for s in prange(strips):
            first, last = s * vectors // strips, (s + 1) * vectors // strips
            start = first * lanes(out)
            strip_of_product(
                a, a_row, a_col, b, b_row, b_col, z, rows, depth, columns, start, last - first, accumulate, mu, relu
            )


@kernel
def by_blocks(p, p_transposed, q, q_transposed, out, accumulate, p_copy, q_copy):
    """For large matrices: DEPTH columns of p and rows of q at a time are copied once for all threads; then an iteration
    owns half of the columns of HEIGHT rows of out.
    """
    rows, columns = out.shape
    depth = p.size // rows
    a, b, z = p.reshape(p.size), q.reshape(q.size), out.reshape(out.size)
    a_row, a_col = (1, rows) if p_transposed else (depth, 1)
    b_row, b_col = (1, depth) if q_transposed else (columns, 1)
    across = VECTORS * lanes(out)
    strips, blocks = (columns + across - 1) // across, (rows + HEIGHT - 1) // HEIGHT
    for k in range(0, depth, DEPTH):
        deep = min(DEPTH, depth - k)
        for s in prange(strips):
            n = s * across
            pack(b, k * b_row + n * b_col, b_row, b_col, deep, min(across, columns - n), q_copy, n * DEPTH, VECTORS)
        for block in prange(blocks):
            m = block * HEIGHT
            high = min(HEIGHT, rows - m)
            if p_transposed:
                copy_rows(a, m + k * a_col, a_col, p_copy, m * DEPTH, HEIGHT, deep, high)
            else:
                copy_rows(a, m * a_row + k, a_row, p_copy, m * DEPTH, DEPTH, high, deep)
        p_row, p_col = (1, HEIGHT) if p_transposed else (DEPTH, 1)
        for task in prange(2 * blocks):
            m, half = task // 2 * HEIGHT, task % 2
            high = min(HEIGHT, rows - m)
            share = (deep * across // max(high // ROWS, 1) + lanes(out) - 1) // lanes(out) * lanes(out)
            for s in range(half * strips // 2, (half + 1) * strips // 2):
                n = s * across
                width, ahead = min(across, columns - n), (n + across) * DEPTH
                left, panel = View(p_copy, m * DEPTH, p_row, p_col), View(q_copy, n * DEPTH, across, 1)
                part = View(z, m * columns + n, columns, 1)
                strip(VECTORS, left, panel, part, high, deep, width, accumulate or k > 0, ahead, share)


@kernel
def finish_all(out, mu, relu):
    """`finish` for the whole of out: an iteration owns HEIGHT rows."""
    rows, columns = out.shape
    z = out.reshape(out.size)
    for block in prange((rows + HEIGHT - 1) // HEIGHT):
        m = block * HEIGHT
        part = z[m * columns : min(m + HEIGHT, rows) * columns]
        finish(part, min(HEIGHT, rows - m), columns, 0, columns, mu, relu)
