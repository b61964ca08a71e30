"""Softmax and its logarithm over one axis. u is (B, C, D): C is that axis, B and D all the axes before and after it.

Subtracting the largest entry first changes nothing, as e^(u-t) / sum e^(u-t) is the same for every t, but keeps the
exponentials from overflowing.
"""

import numpy as np

from backprop.kernels.reference.sums import wide


def softmax(u, out):
    """s[c] = e^u[c] / sum_k e^u[k]"""
    e = np.exp(u - _largest(u))
    out[...] = e / wide(e).sum(axis=1, keepdims=True)


def softmax_backward(delta, s, out):
    """(4s) delta_u = s * (delta - sum(delta * s)): every score moves every share, so sigma' is a matrix"""
    out[...] = s * (delta - (wide(delta) * s).sum(axis=1, keepdims=True))


def log_softmax(u, out):
    """log s[c] = u[c] - log sum_k e^u[k]"""
    shifted = u - _largest(u)
    out[...] = shifted - np.log(wide(np.exp(shifted)).sum(axis=1, keepdims=True))


def log_softmax_backward(delta, log_s, out):
    """(4l) delta_u = delta - s * sum(delta)"""
    out[...] = delta - np.exp(log_s) * wide(delta).sum(axis=1, keepdims=True)


def _largest(u):
    if u.shape[1] == 0:
        return 0
    return u.real.max(axis=1, keepdims=True)
