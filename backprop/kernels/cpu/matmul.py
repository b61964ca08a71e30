"""Matrix products in the three forms that a linear layer needs, its bias, and the bias's gradient.

t marks the operand that is read transposed: nt is p q^T, tn is p^T q, nn is p q.
"""

from numba import prange

from backprop.kernels.cpu.jit import kernel


@kernel()
def matmul_nt(p, q, out, accumulate):
    """out[n,o] = sum_i p[n,i] q[o,i], p (N, I), q (O, I): iteration n owns row n            (1) p = a, q = X"""
    for n in prange(p.shape[0]):
        for o in range(q.shape[0]):
            dot = out.dtype.type(0)
            for i in range(p.shape[1]):
                dot += p[n, i] * q[o, i]
            out[n, o] = out[n, o] + dot if accumulate else dot


@kernel()
def matmul_tn(p, q, out, accumulate):
    """out[o,i] = sum_n p[n,o] q[n,i], p (N, O), q (N, I): iteration o owns row o            (5) p = delta, q = a"""
    for o in prange(p.shape[1]):
        if not accumulate:
            out[o, :] = 0
        for n in range(p.shape[0]):
            factor = p[n, o]
            for i in range(q.shape[1]):
                out[o, i] += factor * q[n, i]


@kernel()
def matmul_nn(p, q, out, accumulate):
    """out[n,i] = sum_o p[n,o] q[o,i], p (N, O), q (O, I): iteration n owns row n            (7) p = delta, q = X"""
    for n in prange(p.shape[0]):
        if not accumulate:
            out[n, :] = 0
        for o in range(q.shape[0]):
            factor = p[n, o]
            for i in range(q.shape[1]):
                out[n, i] += factor * q[o, i]


@kernel()
def add_bias(m, mu, out):
    """out (N, O) = m (N, O) + mu (O,): iteration n owns row n; out may be m                                   (2)"""
    for n in prange(m.shape[0]):
        for o in range(m.shape[1]):
            out[n, o] = m[n, o] + mu[o]


WIDTH = 32  # columns that one iteration of sum_rows owns: neighbours in memory, so a cache line is read once


@kernel()
def sum_rows(delta, out, accumulate):
    """out (O,) = sum_n delta[n,o]: iteration k owns WIDTH columns                                             (6)"""
    columns = delta.shape[1]
    for k in prange((columns + WIDTH - 1) // WIDTH):
        start, stop = k * WIDTH, min((k + 1) * WIDTH, columns)
        if not accumulate:
            out[start:stop] = 0
        for n in range(delta.shape[0]):
            for o in range(start, stop):
                out[o] += delta[n, o]
