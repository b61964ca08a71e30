"""Fifth rung: every core owns a part of out, in which it adds up all terms. All layers use this product.

A part is a strip of columns, or, where both matrices are large, half of some rows. The order in which the terms of
an element are added depends on the matrices' sizes alone, so its bits depend neither on the number of threads nor on
how the parts are shared among them.
"""

import numpy as np

from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.product.dots import ROWS as DOT_ROWS
from backprop.kernels.cpu.product.dots import dots
from backprop.kernels.cpu.product.packed import DEPTH, finish, pack, strip_of_product
from backprop.kernels.cpu.product.tile import ROWS, VECTORS, View, strip
from backprop.kernels.cpu.rows import copy_rows
from backprop.kernels.cpu.simd import WIDTH, lanes
from backprop.kernels.cpu.team.calls import computes_in_python, scratch

HEIGHT = 256  # rows of p that are copied at a time: with DEPTH columns 256 KB of float32, for a core's L2 cache
LARGE = 384  # size from which on, in each direction, the copies pay
MANY = 1 << 19  # numbers of a transposed p
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
    elif suits_blocks(p_transposed, *out.shape, p.size // max(len(out), 1)):
        by_blocks(p, p_transposed, q, q_transposed, out, accumulate)
        if mu.size or relu:
            finish_all(out, mu, relu)
    elif (
        q_transposed and not p_transposed and suits_dots(*out.shape, p.size // max(len(out), 1), WIDTH // out.itemsize)
    ):
        by_dots(p, q, out, accumulate, mu, relu)
    else:
        by_strips(p, p_transposed, q, q_transposed, out, accumulate, mu, relu)


def suits_blocks(p_transposed, rows, columns, depth):
    """Whether copies of both matrices pay: where all is large, or where p is read across many pages of memory."""
    return min(rows, columns, depth) >= LARGE or p_transposed and rows * depth >= MANY and rows >= HEIGHT // 2


def suits_dots(rows, columns, depth, lanes):
    """Whether a strip would leave a quarter of its one or two registers empty, and `dots` has enough to do."""
    vectors = -(-columns // lanes)
    return vectors <= 2 and 4 * columns <= 3 * vectors * lanes and rows >= DOT_ROWS and depth >= lanes


@kernel
def by_dots(p, q, out, accumulate, mu, relu):
    """All of out in one part: it has few columns."""
    rows, columns = out.shape
    dots(p.reshape(p.size), q.reshape(q.size), out.reshape(out.size), rows, p.shape[1], columns, accumulate, mu, relu)


def in_parts(p, p_transposed, q, q_transposed, out, accumulate):
    """A sum of very many terms, MOST_TERMS at a time; the parts are added up in float64."""
    computes_in_python()
    depth = p.size // len(out)
    total = np.array(out, np.float64) if accumulate else np.zeros(out.shape)
    for k in range(0, depth, MOST_TERMS):
        terms = slice(k, k + MOST_TERMS)
        some_p = np.ascontiguousarray(p[terms] if p_transposed else p[:, terms])
        some_q = np.ascontiguousarray(q[:, terms] if q_transposed else q[terms])
        affine(some_p, p_transposed, some_q, q_transposed, out, False, NO_BIAS[out.dtype.char], False)
        total += out
    out[...] = total


@kernel(work=2, split=1)
def by_strips(p, p_transposed, q, q_transposed, out, accumulate, mu, relu, part, parts):
    """An item is a strip of out, from top to bottom; its thread copies the columns of q that it needs."""
    rows, columns = out.shape
    depth = p.size // max(rows, 1)
    a, b, z = p.reshape(p.size), q.reshape(q.size), out.reshape(out.size)
    a_row, a_col = (1, rows) if p_transposed else (depth, 1)
    b_row, b_col = (1, depth) if q_transposed else (columns, 1)
    vectors = (columns + lanes(out) - 1) // lanes(out)
    strips = (vectors + VECTORS - 1) // VECTORS
    strips = min(vectors, (strips + parts - 1) // parts * parts)  # the same number in every part
    for s in share(strips, part, parts):
        first, last = s * vectors // strips, (s + 1) * vectors // strips
        start = first * lanes(out)
        strip_of_product(
            a, a_row, a_col, b, b_row, b_col, z, rows, depth, columns, start, last - first, accumulate, mu, relu
        )


def by_blocks(p, p_transposed, q, q_transposed, out, accumulate):
    """For large matrices: DEPTH columns of p and rows of q at a time are copied for all threads, then multiplied."""
    across = VECTORS * WIDTH // out.itemsize
    p_copy = scratch((-(-out.shape[0] // HEIGHT) * HEIGHT * DEPTH,), out.dtype)
    q_copy = scratch((-(-out.shape[1] // across) * across * DEPTH,), out.dtype)
    for k in range(0, p.size // len(out), DEPTH):
        deep = min(DEPTH, p.size // len(out) - k)
        copy_strips(q, q_transposed, k, deep, out.shape[1], q_copy)
        copy_blocks(p, p_transposed, k, deep, len(out), p_copy)
        multiply_blocks(p_copy, p_transposed, q_copy, deep, out, accumulate or k > 0)


@kernel
def copy_strips(q, q_transposed, k, deep, columns, q_copy, part, parts):
    """Rows k to k + deep of q, strip by strip."""
    b, across = q.reshape(q.size), VECTORS * lanes(q)
    b_row, b_col = (1, q.size // columns) if q_transposed else (columns, 1)
    for s in share((columns + across - 1) // across, part, parts):
        n = s * across
        pack(b, k * b_row + n * b_col, b_row, b_col, deep, min(across, columns - n), q_copy, n * DEPTH, VECTORS)


@kernel
def copy_blocks(p, p_transposed, k, deep, rows, p_copy, part, parts):
    """Columns k to k + deep of p, HEIGHT rows at a time."""
    a = p.reshape(p.size)
    for block in share((rows + HEIGHT - 1) // HEIGHT, part, parts):
        m = block * HEIGHT
        high = min(HEIGHT, rows - m)
        if p_transposed:
            copy_rows(a, m + k * rows, rows, p_copy, m * DEPTH, HEIGHT, deep, high)
        else:
            copy_rows(a, m * (p.size // rows) + k, p.size // rows, p_copy, m * DEPTH, DEPTH, high, deep)


@kernel
def multiply_blocks(p_copy, p_transposed, q_copy, deep, out, more, part, parts):
    """Their product, or with `more` added to out: an item is half of the columns of HEIGHT rows of out."""
    rows, columns = out.shape
    z, across = out.reshape(out.size), VECTORS * lanes(out)
    strips, blocks = (columns + across - 1) // across, (rows + HEIGHT - 1) // HEIGHT
    p_row, p_col = (1, HEIGHT) if p_transposed else (DEPTH, 1)
    for task in share(2 * blocks, part, parts):
        m, half = task // 2 * HEIGHT, task % 2
        high = min(HEIGHT, rows - m)
        ahead_of_each = (deep * across // max(high // ROWS, 1) + lanes(out) - 1) // lanes(out) * lanes(out)
        for s in range(half * strips // 2, (half + 1) * strips // 2):
            n = s * across
            width, ahead = min(across, columns - n), (n + across) * DEPTH
            left, panel = View(p_copy, m * DEPTH, p_row, p_col), View(q_copy, n * DEPTH, across, 1)
            strip(
                VECTORS,
                left,
                panel,
                View(z, m * columns + n, columns, 1),
                high,
                deep,
                width,
                more,
                ahead,
                ahead_of_each,
            )


@kernel
def finish_all(out, mu, relu, part, parts):
    """`finish` for the whole of out: an item is HEIGHT rows."""
    rows, columns = out.shape
    z = out.reshape(out.size)
    for block in share((rows + HEIGHT - 1) // HEIGHT, part, parts):
        m = block * HEIGHT
        some = z[m * columns : min(m + HEIGHT, rows) * columns]
        finish(some, min(HEIGHT, rows - m), columns, 0, columns, mu, relu)
