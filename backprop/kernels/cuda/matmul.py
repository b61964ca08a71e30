"""Matrix products in the three forms that a linear layer needs, its bias, and the bias's gradient.

t marks the operand that is read transposed: nt is p q^T, tn is p^T q, nn is p q. How a product becomes fast is
explained in the folder `product`.
"""

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, real, u32
from backprop.kernels.cuda.machine import machine
from backprop.kernels.cuda.product.choice import nn, nt, product, tn


def matmul_nt(p, q, out, accumulate):
    """out[n,o] = sum_i p[n,i] q[o,i], p (N, I), q (O, I)                       (1) p = a, q = X"""
    product(*nt(p, q), out, accumulate)


def matmul_tn(p, q, out, accumulate):
    """out[o,i] = sum_n p[n,o] q[n,i], p (N, O), q (N, I)                       (5) p = delta, q = a"""
    product(*tn(p, q), out, accumulate)


def matmul_nn(p, q, out, accumulate):
    """out[n,i] = sum_o p[n,o] q[o,i], p (N, O), q (O, I)                       (7) p = delta, q = X"""
    product(*nn(p, q), out, accumulate)


def linear(a, X, mu, relu, out):
    """out[n,o] = sum_i a[n,i] X[o,i] + mu[o], a (N, I), X (O, I); `relu` makes negative numbers 0  (1) (2) (3)"""
    product(*nt(a, X), out, False, mu, relu)


@kernel
def add_bias_each(m, mu, out, O, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = m[i] + mu[i % O]


def add_bias(m, mu, out):
    """out (N, O) = m (N, O) + mu (O,), the same mu to every row; out may be m     (2)"""
    add_bias_each.each(m.size, m, mu, out, m.shape[1])


COLUMNS, ROWS = 32, 8  # threads of a block: neighbours in x read neighbours in memory


@kernel
def sum_rows_block(delta, out, accumulate, N, O):
    """Block x owns COLUMNS columns; threads (x, y) add up every ROWS-th row each, then threads (x, 0) their sums."""
    shared = cuda.shared.array(256, real)
    x, y, width = u32(cuda.threadIdx.x), u32(cuda.threadIdx.y), u32(cuda.blockDim.x)
    o, n, total = u32(cuda.blockIdx.x) * width + x, y, real(0)
    while n < N and o < O:
        total += delta[n * O + o]
        n = u32(n + u32(cuda.blockDim.y))
    shared[y * width + x] = total
    cuda.syncthreads()
    if y == 0 and o < O:
        total = out[o] if accumulate else real(0)
        for row in range(cuda.blockDim.y):
            total += shared[u32(row) * width + x]
        out[o] = total


def sum_rows(delta, out, accumulate):
    """out (O,) = sum_n delta[n,o], delta (N, O)                                   (6)"""
    N, O = delta.shape
    columns, rows = (2, 2) if machine().simulated else (COLUMNS, ROWS)
    if O:
        sum_rows_block(-(-O // columns), (columns, rows), delta, out, accumulate, N, O)
