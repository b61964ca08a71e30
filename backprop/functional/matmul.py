"""Two matrix products: `mm` is strict; `matmul` broadcasts, which may hide a mistake.

There is no function that resizes an array in place: it could drop or invent data. NumPy's `reshape` may copy.
"""

import math

import numpy as np

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.arrays import stretched, summed_to
from backprop.functional.shapes import contiguous
from backprop.module.parameter import values


def mm(a, b):
    """(N, K) times (K, M) -> (N, M).  Raises ShapeError, with both sizes, for anything else.

    >>> mm(np.ones((1, 5)), np.ones((1, 5)))
    Traceback (most recent call last):
    backprop.errors.ShapeError: mm expects (N, K) times (K, M), got (1, 5) times (1, 5); use mm(a, b.T) to multiply rows
    """
    a, b = values(a), values(b)
    k = kernels.of(a, b)
    _expect_mm(a, b)
    out = k.empty((a.shape[0], b.shape[1]), a.dtype)
    k.matmul_nn(contiguous(a), contiguous(b), out, False)
    return out


def mm_backward(delta, a, b):
    """(dL/da, dL/db) = (delta b^T, a^T delta)"""
    a, b = values(a), values(b)
    k = kernels.of(delta, a, b)
    _expect_mm(a, b)
    _expect_delta(delta, (a.shape[0], b.shape[1]))
    delta, a, b = contiguous(delta), contiguous(a), contiguous(b)
    delta_a, delta_b = k.empty(a.shape, a.dtype), k.empty(b.shape, b.dtype)
    k.matmul_nt(delta, b, delta_a, False)
    k.matmul_tn(a, delta, delta_b, False)
    return delta_a, delta_b


def matmul(a, b):
    """Like `a @ b` in NumPy and torch.matmul: the last two axes multiply, the axes before them broadcast.

    A vector counts as a row on the left and as a column on the right; that axis is dropped from the result.
    """
    a, b = values(a), values(b)
    k = kernels.of(a, b)
    a3, b3, lead = _stacks(a, b)
    out = k.empty((*lead, a3.shape[1], b3.shape[2]), a.dtype)
    for a2, b2, out2 in zip(a3, b3, out.reshape(len(a3), *out.shape[-2:]), strict=True):
        k.matmul_nn(contiguous(a2), contiguous(b2), out2, False)
    return out.reshape(_result_shape(a3, b3, a, b, lead))


def matmul_backward(delta, a, b):
    """(dL/da, dL/db): the adjoint of broadcasting is a sum over the copies."""
    a, b = values(a), values(b)
    k = kernels.of(delta, a, b)
    a3, b3, lead = _stacks(a, b)
    _expect_delta(delta, _result_shape(a3, b3, a, b, lead))
    delta3 = contiguous(delta).reshape(len(a3), a3.shape[1], b3.shape[2])
    delta_a, delta_b = k.empty(a3.shape, a.dtype), k.empty(b3.shape, b.dtype)
    for delta2, a2, b2, out_a, out_b in zip(delta3, a3, b3, delta_a, delta_b, strict=True):
        k.matmul_nt(delta2, contiguous(b2), out_a, False)
        k.matmul_tn(contiguous(a2), delta2, out_b, False)
    return _sum_copies(delta_a, lead, a), _sum_copies(delta_b, lead, b)


def _expect_mm(a, b):
    if not (a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]):
        alike = a.ndim == b.ndim == 2 and a.shape[1] == b.shape[1]
        cure = "; use mm(a, b.T) to multiply rows" if alike else ""
        raise ShapeError(f"mm expects (N, K) times (K, M), got {a.shape} times {b.shape}{cure}")


def _stacks(a, b):
    """a and b as stacks of matrices (S, N, K) and (S, K, M) of equal length, and the axes that S replaces."""
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul expects at least one axis each, got {a.shape} times {b.shape}")
    a2, b2 = (a[None, :] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b)
    try:
        if a2.shape[-1] != b2.shape[-2]:
            raise ValueError
        lead = np.broadcast_shapes(a2.shape[:-2], b2.shape[:-2])
    except ValueError:
        raise ShapeError(f"matmul expects (..., N, K) times (..., K, M), got {a.shape} times {b.shape}") from None
    count = math.prod(lead)
    stacks = [stretched(m, (*lead, *m.shape[-2:])).reshape(count, *m.shape[-2:]) for m in (a2, b2)]
    return *stacks, lead


def _result_shape(a3, b3, a, b, lead):
    """(..., N, M), without the axis that a vector does not have."""
    return (*lead, *(a3.shape[1:2] if a.ndim > 1 else ()), *(b3.shape[2:3] if b.ndim > 1 else ()))


def _expect_delta(delta, shape):
    if delta.shape != shape:
        raise ShapeError(f"expects a delta of the product's shape {shape}, got {delta.shape}")


def _sum_copies(delta, lead, operand):
    """Undo the broadcasting of `operand` to the leading axes `lead`."""
    matrix = delta.shape[1:]
    return summed_to(delta.reshape(*lead, *matrix), (*operand.shape[:-2], *matrix)).reshape(operand.shape)
