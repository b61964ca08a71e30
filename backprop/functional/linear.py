"""The linear map u = a X^T + mu and its three adjoints; a bias alone.

a is (..., I), X (O, I), mu (O,), u and delta (..., O). The leading axes are N samples, however they are arranged.
"""

import math

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.shapes import contiguous, destination, rows
from backprop.module.parameter import values


def linear(a, weight, bias=None):
    """u[n,o] = sum_i a[n,i] X[o,i] + mu[o].  Raises ShapeError where the sizes do not fit.

    >>> import numpy as np
    >>> linear(np.array([1., 2, 3, 4]), np.array([[1., 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]))
    array([30., 40., 50.])
    """
    weight, bias = values(weight), values(bias)
    k = kernels.of(a, bias, weight)
    if weight.ndim != 2:
        raise ShapeError(f"a weight must be (out_features, in_features), got {weight.shape}")
    features_out, features_in = weight.shape
    if bias is not None and bias.shape != (features_out,):
        raise ShapeError(f"a bias for a weight of shape {weight.shape} must be ({features_out},), got {bias.shape}")
    if a.shape[-1:] != (features_in,):
        raise ShapeError(f"expects (..., {features_in}), got {a.shape}{_cure(a, features_in, features_out)}")
    u = k.empty((*a.shape[:-1], features_out), a.dtype)
    if bias is None:
        k.matmul_nt(rows(a), contiguous(weight), rows(u), False)  # (1) m = a X^T
    else:
        k.linear(rows(a), contiguous(weight), contiguous(bias), False, rows(u))  # (1) m = a X^T   (2) u = m + mu
    return u


def linear_weight_grad(delta, a, out=None, accumulate=False):
    """dL/dX[o,i] = sum_n delta[n,o] a[n,i], into `out` or a new array."""
    k = kernels.of(delta, a)
    if delta.ndim == 0 or a.ndim == 0 or delta.shape[:-1] != a.shape[:-1]:
        raise ShapeError(f"expects a delta (..., O) for each sample of a (..., I), got {delta.shape} and {a.shape}")
    out = destination(k, out, (delta.shape[-1], a.shape[-1]), a)
    k.matmul_tn(rows(delta), rows(a), out, accumulate)  # (5)
    return out


def linear_bias_grad(delta, out=None, accumulate=False):
    """dL/dmu[o] = sum_n delta[n,o], into `out` or a new array."""
    k = kernels.of(delta)
    if delta.ndim == 0:
        raise ShapeError("expects a delta (..., O), got ()")
    out = destination(k, out, delta.shape[-1:], delta)
    k.sum_rows(rows(delta), out, accumulate)  # (6)
    return out


def linear_input_grad(delta, weight):
    """delta_a[n,i] = sum_o delta[n,o] X[o,i]"""
    weight = values(weight)
    k = kernels.of(delta, weight)
    if weight.ndim != 2 or delta.shape[-1:] != weight.shape[:1]:
        raise ShapeError(f"expects a delta of shape (..., {weight.shape[0]}), got {delta.shape}")
    delta_a = k.empty((*delta.shape[:-1], weight.shape[1]), delta.dtype)
    k.matmul_nn(rows(delta), contiguous(weight), rows(delta_a), False)  # (7)
    return delta_a


def add_bias(a, mu):
    """u[n,o] = a[n,o] + mu[o].  Its adjoints are `linear_bias_grad` for mu and the identity for a."""
    mu = values(mu)
    k = kernels.of(a, mu)
    if mu.ndim != 1 or a.shape[-1:] != mu.shape:
        raise ShapeError(f"expects (..., {mu.size}), got {a.shape}{_cure(a, mu.size)}")
    u = k.empty(a.shape, a.dtype)
    k.add_bias(rows(a), contiguous(mu), rows(u))  # (2)
    return u


def _cure(a, wanted, outputs=None):
    """The fix for the likeliest mistake."""
    per_sample = math.prod(a.shape[1:]) if a.ndim > 1 else 0
    if a.ndim > 2 and per_sample == wanted:
        return "; insert Flatten() before it"
    if a.ndim > 1 and a.shape[0] == wanted:
        return "; if your samples are columns, use x.T"
    if a.ndim > 3 and outputs is not None:
        return f"; insert Flatten() before it, and make it Linear({per_sample}, {outputs})"
    return f"; make it Linear({a.shape[-1]}, {outputs})" if a.ndim and outputs is not None else ""
