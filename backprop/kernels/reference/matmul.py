"""Matrix products in the three forms that a linear layer needs, its bias, and the bias's gradient.

t marks the operand that is read transposed: nt is a b^T, tn is a^T b, nn is a b.
"""


def matmul_nt(a, b, out, accumulate):
    """out (N, O) = a (N, I) b^T, b (O, I):  out[n,o] = sum_i a[n,i] b[o,i]        (1)"""
    _put(a @ b.T, out, accumulate)


def matmul_tn(a, b, out, accumulate):
    """out (O, I) = a^T b, a (N, O), b (N, I):  out[o,i] = sum_n a[n,o] b[n,i]     (5)"""
    _put(a.T @ b, out, accumulate)


def matmul_nn(a, b, out, accumulate):
    """out (N, I) = a (N, O) b (O, I):  out[n,i] = sum_o a[n,o] b[o,i]             (7)"""
    _put(a @ b, out, accumulate)


def add_bias(m, mu, out):
    """out (N, O) = m (N, O) + mu (O,), the same mu to every row; out may be m     (2)"""
    out[...] = m + mu


def sum_rows(delta, out, accumulate):
    """out (O,) = sum_n delta[n,o], delta (N, O)                                   (6)"""
    _put(delta.sum(axis=0), out, accumulate)


def _put(value, out, accumulate):
    if accumulate:
        out += value
    else:
        out[...] = value
