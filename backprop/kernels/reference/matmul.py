"""Matrix products in the three forms that a linear layer needs, its bias, and the bias's gradient.

t marks the operand that is read transposed: nt is p q^T, tn is p^T q, nn is p q.
"""

from backprop.kernels.reference import pointwise
from backprop.kernels.reference.sums import product, put, wide


def matmul_nt(p, q, out, accumulate):
    """out[n,o] = sum_i p[n,i] q[o,i], p (N, I), q (O, I)                       (1) p = a, q = X"""
    put(product(p, q.T), out, accumulate)


def matmul_tn(p, q, out, accumulate):
    """out[o,i] = sum_n p[n,o] q[n,i], p (N, O), q (N, I)                       (5) p = delta, q = a"""
    put(product(p.T, q), out, accumulate)


def matmul_nn(p, q, out, accumulate):
    """out[n,i] = sum_o p[n,o] q[o,i], p (N, O), q (O, I)                       (7) p = delta, q = X"""
    put(product(p, q), out, accumulate)


def linear(a, X, mu, relu, out):
    """out[n,o] = sum_i a[n,i] X[o,i] + mu[o], a (N, I), X (O, I); `relu` makes negative numbers 0  (1) (2) (3)"""
    out[...] = product(a, X.T) + mu
    if relu:
        pointwise.relu(out, out)


def add_bias(m, mu, out):
    """out (N, O) = m (N, O) + mu (O,), the same mu to every row; out may be m     (2)"""
    out[...] = m + mu


def sum_rows(delta, out, accumulate):
    """out (O,) = sum_n delta[n,o], delta (N, O)                                   (6)"""
    put(wide(delta).sum(axis=0), out, accumulate)
