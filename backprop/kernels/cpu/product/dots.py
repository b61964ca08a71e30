"""Beside the ladder: a product with few columns, as dot products.

A strip of one or two registers that are a quarter empty wastes lanes. Where q is stored transposed, both operands run
along k in memory, so a register can take several k at a time instead of several columns, and no copy is needed.
"""

from backprop.kernels.cpu.jit import inner
from backprop.kernels.cpu.product.packed import finish
from backprop.kernels.cpu.simd import REGISTERS, dot, dot_part, lanes, total, zeros
from backprop.kernels.cpu.views import scratch

ROWS, COLUMNS = REGISTERS // 8, 5
TILE = ROWS * COLUMNS


@inner
def dots(a, b, out, rows, depth, columns, accumulate, mu, relu):
    """out[m,n] = sum_k a[m depth + k] b[n depth + k] for m < rows, with bias and ReLU as in the other forms

    There are at least ROWS rows. The last tile overlaps the one before; columns past the last one repeat it, and
    are not stored.
    """
    size = lanes(out)
    rest = depth % size
    found = scratch(out, TILE)
    for n in range(0, columns, COLUMNS):
        p, q, r = n * depth, min(n + 1, columns - 1) * depth, min(n + 2, columns - 1) * depth
        s, t = min(n + 3, columns - 1) * depth, min(n + 4, columns - 1) * depth
        for m in range(0, rows, ROWS):
            top = min(m, rows - ROWS)
            tile = zeros(out, ROWS, COLUMNS)
            for k in range(0, depth - rest, size):
                tile = dot(tile, a, top * depth + k, depth, b, (p + k, q + k, r + k, s + k, t + k))
            if rest > 0:
                k = depth - rest
                tile = dot_part(tile, a, top * depth + k, depth, b, (p + k, q + k, r + k, s + k, t + k), rest)
            if not accumulate and n + COLUMNS <= columns:
                total(tile, out, top * columns + n, columns)
            else:
                total(tile, found, 0, COLUMNS)
                for i in range(m - top, ROWS):
                    for v in range(min(COLUMNS, columns - n)):
                        at = (top + i) * columns + n + v
                        out[at] = found[i * COLUMNS + v] + (out[at] if accumulate else 0)
    if mu.size > 0 or relu:
        finish(out, rows, columns, 0, columns, mu, relu)
