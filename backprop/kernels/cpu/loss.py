"""Losses by element or by sample, their first deltas, and the checks of their targets.

Scores are (B, C, D) with the class axis in the middle, labels (B, D). Iteration b owns out[b]; in flat loops
each iteration owns one block. `total` and the checks of targets run in one thread: their result is a single number.
"""

import math

from numba import njit, prange

from backprop.kernels.cpu.jit import BLOCK, blocks, kernel


@kernel()
def squared_error(a, b, out):
    """(a - b)^2, element by element                                               (8)"""
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = (a[i] - b[i]) * (a[i] - b[i])


@kernel()
def squared_error_backward(a, b, scale, out):
    """delta = 2 (a - b) scale                                                     (8)"""
    twice = out.dtype.type(2 * scale)
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = (a[i] - b[i]) * twice


@kernel()
def absolute_error(a, b, out):
    """|a - b|, element by element                                                (21)"""
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = abs(a[i] - b[i])


@kernel()
def absolute_error_backward(a, b, scale, out):
    """delta = sign(a - b) scale, 0 where a = b                                   (21)"""
    step = out.dtype.type(scale)
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            difference = a[i] - b[i]
            out[i] = step if difference > 0 else -step if difference < 0 else difference  # 0 or NaN is itself


@kernel()
def nll(log_s, y, out):
    """out[b,d] = -log_s[b, y[b,d], d]                                             (9)"""
    for b in prange(y.shape[0]):
        for d in range(y.shape[1]):
            out[b, d] = -log_s[b, y[b, d], d]


@kernel()
def nll_softmax_backward(log_s, y, scale, out):
    """delta[b,c,d] = (s[b,c,d] - onehot(y[b,d])[c]) scale[b,d]                    (9)"""
    for b in prange(y.shape[0]):
        for c in range(log_s.shape[1]):
            for d in range(y.shape[1]):
                out[b, c, d] = math.exp(log_s[b, c, d]) * scale[b, d]
        for d in range(y.shape[1]):
            out[b, y[b, d], d] -= scale[b, d]


@kernel()
def soft_nll(log_s, q, out):
    """out[b,d] = -sum_c q[b,c,d] log_s[b,c,d]: (9) with probabilities q for labels"""
    for b in prange(q.shape[0]):
        for d in range(q.shape[2]):
            dot = out.dtype.type(0)
            for c in range(q.shape[1]):
                dot -= q[b, c, d] * log_s[b, c, d]
            out[b, d] = dot


@kernel()
def soft_nll_softmax_backward(log_s, q, scale, out):
    """delta = (s sum_c q[b,c,d] - q) scale[b,d], where the sum is 1 up to rounding"""
    for b in prange(q.shape[0]):
        for d in range(q.shape[2]):
            sum_q = out.dtype.type(0)
            for c in range(q.shape[1]):
                sum_q += q[b, c, d]
            for c in range(q.shape[1]):
                out[b, c, d] = (math.exp(log_s[b, c, d]) * sum_q - q[b, c, d]) * scale[b, d]


@njit(cache=True, nogil=True)
def total(values, out):
    """out (1,) = the sum of a flat array, gathered in float64"""
    gathered = 0.0
    for i in range(values.size):
        gathered += values[i]
    out[0] = gathered


@njit(cache=True, nogil=True)
def first_bad_label(y, num_classes, out):
    """out (1,) = the first flat index whose label is not in [0, C), or -1"""
    out[0] = -1
    for i in range(y.size):
        if y[i] < 0 or y[i] >= num_classes:
            out[0] = i
            return


@njit(cache=True, nogil=True)
def first_bad_probability(q, tolerance, out):
    """out (1,) = the first flat index into (B, D) where q is not a distribution over its C classes, or -1"""
    out[0] = -1
    for b in range(q.shape[0]):
        for d in range(q.shape[2]):
            sum_q, fine = 0.0, True
            for c in range(q.shape[1]):
                fine = fine and q[b, c, d] >= 0
                sum_q += q[b, c, d]
            if not (fine and abs(sum_q - 1) <= tolerance):
                out[0] = b * q.shape[2] + d
                return
