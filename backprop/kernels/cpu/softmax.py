"""Softmax and its logarithm over one axis. u is (B, C, D): C is that axis, B and D all the axes before and after it.

item b is out[b]. Subtracting the largest entry changes nothing but keeps the exponentials from overflowing. It
must come first: (u - largest) - log_sum is exact where u and largest are large, u - (largest + log_sum) is not.
"""

import math

import numpy as np

from backprop.kernels.cpu.jit import inner
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import share


@exact_kernel(work=8)
def softmax(u, out, part, parts):
    """s[c] = e^u[c] / sum_k e^u[k]"""
    for b in share(u.shape[0], part, parts):
        for d in range(u.shape[2]):
            largest = u[b, 0, d]
            for c in range(u.shape[1]):
                largest = max(largest, u[b, c, d])
            total = 0.0
            for c in range(u.shape[1]):
                e = math.exp(u[b, c, d] - largest)
                out[b, c, d] = e
                total += e
            sum_e = out.dtype.type(total)
            for c in range(u.shape[1]):
                out[b, c, d] /= sum_e


@kernel(work=2)
def softmax_backward(delta, s, out, part, parts):
    """(4s) delta_u = s * (delta - sum(delta * s))"""
    for b in share(s.shape[0], part, parts):
        for d in range(s.shape[2]):
            total = 0.0
            for c in range(s.shape[1]):
                total += np.float64(delta[b, c, d]) * s[b, c, d]
            dot = out.dtype.type(total)
            for c in range(s.shape[1]):
                out[b, c, d] = s[b, c, d] * (delta[b, c, d] - dot)


@exact_kernel(work=8)
def log_softmax(u, out, part, parts):
    """log s[c] = u[c] - log sum_k e^u[k]"""
    for b in share(u.shape[0], part, parts):
        for d in range(u.shape[2]):
            log_softmax_of(u, b, d, out)


@inner
def log_softmax_of(u, b, d, out):
    """log s of one sample."""
    largest = u[b, 0, d]
    for c in range(u.shape[1]):
        largest = max(largest, u[b, c, d])
    total = 0.0
    for c in range(u.shape[1]):
        total += math.exp(u[b, c, d] - largest)
    log_sum = math.log(out.dtype.type(total))
    for c in range(u.shape[1]):
        out[b, c, d] = u[b, c, d] - largest - log_sum


@kernel(work=8)
def log_softmax_backward(delta, log_s, out, part, parts):
    """(4l) delta_u = delta - s * sum(delta)"""
    for b in share(log_s.shape[0], part, parts):
        for d in range(log_s.shape[2]):
            total = 0.0
            for c in range(log_s.shape[1]):
                total += delta[b, c, d]
            sum_delta = out.dtype.type(total)
            for c in range(log_s.shape[1]):
                out[b, c, d] = delta[b, c, d] - math.exp(log_s[b, c, d]) * sum_delta
