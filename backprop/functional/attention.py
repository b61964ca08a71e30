"""Scaled dot-product attention: each query takes a mean of the values, weighed by how well their keys fit.   (48)

q (N, L, D), k (N, S, D) and v (N, S, V) have `heads` heads, whose numbers are neighbours: E = D / heads of q and k. The
weights of all heads are (N, heads, S, L): those of a query are a column.
"""

import numpy as np

from backprop import kernels
from backprop.errors import DTypeError, ShapeError
from backprop.functional.arrays import transposed
from backprop.functional.linear import linear_bias_grad, linear_weight_grad
from backprop.functional.shapes import contiguous
from backprop.kernels.device import is_array

NO_KEY = np.zeros(1, np.uint64)


def attention(q, k, v, heads=1, mask=None, key=NO_KEY, p=0.0):
    """(out (N, L, V), weights): weights = softmax(k q^T / sqrt(E) + mask^T) over the keys, out = weights^T v, each head

    `mask` (M, L, S) is added to the scores: -inf where a query must not look. M is 1, N, or N times heads. Where a
    query may look at nothing, its weights are 0. With `p`, weights are dropped as by `dropout` with this key; those
    that are returned are not.
    """
    kernel = kernels.of(q, k, v) if mask is None else kernels.of(q, k, v, mask)
    shape = _expect(q, k, v, heads)
    if mask is None:
        mask = kernel.empty((0, shape[3], shape[2]), q.dtype)
    elif mask.shape[1:] != (shape[3], shape[2]) or len(mask) not in (1, shape[0], shape[0] * heads):
        counts = ", ".join(str(n) for n in sorted({1, shape[0], shape[0] * heads}))
        raise ShapeError(f"expects a mask (M, {shape[3]}, {shape[2]}), M one of {counts}, got {mask.shape}")
    weights, out = kernel.empty(shape, q.dtype), kernel.empty((*q.shape[:2], v.shape[2]), q.dtype)
    arrays = [contiguous(x) for x in (q, k, v, transposed(mask, (0, 2, 1)))]
    kernel.attention(*arrays, key, float(p), weights, out)  # (48a) (48b)
    return out, weights


def attention_backward(delta, q, k, v, weights, key=NO_KEY, p=0.0):
    """(delta_q, delta_k, delta_v)                                                                    (48c) - (48g)"""
    kernel = kernels.of(delta, q, k, v, weights)
    if delta.shape != (*q.shape[:2], v.shape[2]):
        raise ShapeError(f"expects a delta of shape {(*q.shape[:2], v.shape[2])}, got {delta.shape}")
    deltas = [kernel.empty(x.shape, x.dtype) for x in (q, k, v)]
    arrays = [contiguous(x) for x in (delta, q, k, v, weights)]
    kernel.attention_backward(*arrays, key, float(p), *deltas)  # (48c) - (48g)
    return tuple(deltas)


def stacked_weight_grad(deltas, inputs, out, accumulate=False):
    """dL/dW of linear layers whose weights are stacked: (5) of each, into its rows of `out`"""
    for delta, a, rows in zip(deltas, inputs, _stack(deltas), strict=True):
        linear_weight_grad(delta, a, out[rows], accumulate)
    return out


def stacked_bias_grad(deltas, out, accumulate=False):
    """dL/db of linear layers whose biases are stacked: (6) of each"""
    for delta, rows in zip(deltas, _stack(deltas), strict=True):
        linear_bias_grad(delta, out[rows], accumulate)
    return out


def _stack(deltas):
    """Which outputs each of them has."""
    ends = np.cumsum([0, *(delta.shape[-1] for delta in deltas)]).tolist()
    return [slice(start, stop) for start, stop in zip(ends, ends[1:], strict=False)]


def additive_mask(mask, dtype, name="mask"):
    """A mask as numbers that are added to scores: -inf where a mask of truth values says that nothing is to be seen.

    Raises DTypeError for a mask that is neither of truth values nor of real numbers.
    """
    mask = mask if is_array(mask) else np.asarray(mask)
    if mask.dtype.kind == "b":
        return np.where(mask, -np.inf, 0).astype(dtype)
    if mask.dtype.kind != "f":
        raise DTypeError(f"{name} must be of bool or float, got {mask.dtype}; use mask.astype(bool)")
    return mask.astype(dtype, copy=False) if isinstance(mask, np.ndarray) else mask


def causal_mask(steps, dtype=np.float32):
    """(steps, steps): -inf above the diagonal, so that step t sees the steps up to t."""
    return np.triu(np.full((steps, steps), -np.inf, dtype), 1)


def _expect(q, k, v, heads):
    """The shape of the weights; ShapeError unless q, k and v fit each other and can be cut into heads."""
    fits = q.ndim == k.ndim == v.ndim == 3 and len(q) == len(k) == len(v)
    if not (fits and k.shape[1] == v.shape[1] and q.shape[2] == k.shape[2]):
        raise ShapeError(f"expects q (N, L, D), k (N, S, D) and v (N, S, V), got {q.shape}, {k.shape} and {v.shape}")
    if q.shape[2] % heads or v.shape[2] % heads:
        raise ShapeError(f"expects {heads} heads of equal size, got queries of {q.shape[2]}, values of {v.shape[2]}")
    return len(q), heads, k.shape[1], q.shape[1]
