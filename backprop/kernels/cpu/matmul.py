"""Matrix products in the three forms that a linear layer needs, its bias, and the bias's gradient.

t marks the operand that is read transposed: nt is p q^T, tn is p^T q, nn is p q. How a product is computed is
explained in `backprop.kernels.cpu.product`.
"""

import numpy as np

from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.product.threads import affine, product
from backprop.kernels.cpu.views import scratch


def matmul_nt(p, q, out, accumulate):
    """out[n,o] = sum_i p[n,i] q[o,i], p (N, I), q (O, I)                                    (1) p = a, q = X"""
    product(p, False, q, True, out, accumulate)


def matmul_tn(p, q, out, accumulate):
    """out[o,i] = sum_n p[n,o] q[n,i], p (N, O), q (N, I)                                    (5) p = delta, q = a"""
    product(p, True, q, False, out, accumulate)


def matmul_nn(p, q, out, accumulate):
    """out[n,i] = sum_o p[n,o] q[o,i], p (N, O), q (O, I)                                    (7) p = delta, q = X"""
    product(p, False, q, False, out, accumulate)


def linear(a, X, mu, relu, out):
    """out[n,o] = sum_i a[n,i] X[o,i] + mu[o], a (N, I), X (O, I); `relu` makes negative numbers 0        (1) (2) (3)"""
    affine(a, False, X, True, out, False, mu, relu)


@kernel
def add_bias(m, mu, out, part, parts):
    """out (N, O) = m (N, O) + mu (O,): item n is row n; out may be m                                          (2)"""
    for n in share(m.shape[0], part, parts):
        for o in range(m.shape[1]):
            out[n, o] = m[n, o] + mu[o]


FEW, MANY = 64, 512  # columns that are added up together: neighbours in memory, so a cache line is read once
LARGE = 1 << 18  # numbers that no cache keeps: then wide pieces of rows are what memory foresees


@kernel
def sum_rows(delta, out, accumulate, part, parts):
    """out (O,) = sum_n delta[n,o]: an item is some neighbouring columns                                       (6)"""
    columns, totals = delta.shape[1], scratch(np.float64, MANY)
    wide = MANY if delta.size > LARGE else FEW
    for item in share((columns + wide - 1) // wide, part, parts):
        first = item * wide
        sums = piece(out, first, min(wide, columns - first))
        for o in range(sums.size):
            totals[o] = sums[o] if accumulate else 0.0
        for n in range(delta.shape[0]):
            row = piece(delta, n * columns + first, sums.size)
            for o in range(row.size):
                totals[o] += row[o]
        for o in range(sums.size):
            sums[o] = totals[o]
