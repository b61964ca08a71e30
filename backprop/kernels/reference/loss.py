"""Losses by element or by sample, their first deltas, and the checks of their targets.

Scores are (B, C, D) with the class axis in the middle, labels (B, D). `scale` carries what the reduction does to each
sample (1/N for a mean), so one backward serves every reduction.
"""

import numpy as np


def squared_error(a, b, out):
    """(a - b)^2, element by element                                               (8)"""
    out[...] = (a - b) ** 2


def squared_error_backward(a, b, scale, out):
    """delta = 2 (a - b) scale                                                     (8)"""
    out[...] = 2 * (a - b) * scale


def absolute_error(a, b, out):
    """|a - b|, element by element                                                (21)"""
    out[...] = (a - b) * np.sign((a - b).real)


def absolute_error_backward(a, b, scale, out):
    """delta = sign(a - b) scale, 0 where a = b                                   (21)"""
    out[...] = np.sign((a - b).real) * scale


def nll(log_s, y, out):
    """out[b,d] = -log_s[b, y[b,d], d]                                             (9)"""
    out[...] = -np.take_along_axis(log_s, y[:, None, :], axis=1)[:, 0, :]


def nll_softmax_backward(log_s, y, scale, out):
    """delta[b,c,d] = (s[b,c,d] - onehot(y[b,d])[c]) scale[b,d]                    (9)"""
    onehot = y[:, None, :] == np.arange(log_s.shape[1])[None, :, None]
    out[...] = (np.exp(log_s) - onehot) * scale[:, None, :]


def soft_nll(log_s, q, out):
    """out[b,d] = -sum_c q[b,c,d] log_s[b,c,d]: (9) with probabilities q for labels"""
    out[...] = -(q * log_s).sum(axis=1)


def soft_nll_softmax_backward(log_s, q, scale, out):
    """delta = (s sum_c q[b,c,d] - q) scale[b,d], where the sum is 1 up to rounding"""
    out[...] = (np.exp(log_s) * q.sum(axis=1, keepdims=True) - q) * scale[:, None, :]


def total(values, out):
    """out (1,) = the sum of a flat array"""
    out[0] = values.sum()


def first_bad_label(y, num_classes, out):
    """out (1,) = the first flat index whose label is not in [0, C), or -1"""
    bad = np.flatnonzero((y < 0) | (y >= num_classes))
    out[0] = bad[0] if bad.size else -1


def first_bad_probability(q, tolerance, out):
    """out (1,) = the first flat index into (B, D) where q is not a distribution over its C classes, or -1"""
    q = q.real
    fine = (q >= 0).all(axis=1) & (abs(q.sum(axis=1) - 1) <= tolerance)
    bad = np.flatnonzero(~fine)
    out[0] = bad[0] if bad.size else -1
