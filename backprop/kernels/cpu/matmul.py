"""Matrix products in the three forms that a linear layer needs, its bias, and the bias's gradient.

t marks the operand that is read transposed: nt is a b^T, tn is a^T b, nn is a b.
"""

from numba import prange

from backprop.kernels.cpu.jit import kernel


@kernel()
def matmul_nt(a, b, out, accumulate):
    """out (N, O) = a (N, I) b^T, b (O, I): iteration n owns row n, a dot product along i for each entry       (1)"""
    for n in prange(a.shape[0]):
        for o in range(b.shape[0]):
            dot = out.dtype.type(0)
            for i in range(a.shape[1]):
                dot += a[n, i] * b[o, i]
            out[n, o] = out[n, o] + dot if accumulate else dot


@kernel()
def matmul_tn(a, b, out, accumulate):
    """out (O, I) = a^T b, a (N, O), b (N, I): iteration o owns row o, to which each sample adds a row of b    (5)"""
    for o in prange(a.shape[1]):
        if not accumulate:
            out[o, :] = 0
        for n in range(a.shape[0]):
            weight = a[n, o]
            for i in range(b.shape[1]):
                out[o, i] += weight * b[n, i]


@kernel()
def matmul_nn(a, b, out, accumulate):
    """out (N, I) = a (N, O) b (O, I): iteration n owns row n, to which each output adds a row of b            (7)"""
    for n in prange(a.shape[0]):
        if not accumulate:
            out[n, :] = 0
        for o in range(b.shape[0]):
            weight = a[n, o]
            for i in range(b.shape[1]):
                out[n, i] += weight * b[o, i]


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
