"""Softmax and log-softmax over one axis of an array of any rank, and their adjoints.                (4s) (4l)"""

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.shapes import axis_of, split_at


def softmax(u, dim):
    """s[c] = e^u[c] / sum_k e^u[k] along axis `dim`"""
    return _along("softmax", dim, u)


def softmax_backward(delta, s, dim):
    """(4s) delta_u = s * (delta - sum(delta * s))"""
    return _along("softmax_backward", dim, delta, s)


def log_softmax(u, dim):
    """u[c] - log sum_k e^u[k] along axis `dim`"""
    return _along("log_softmax", dim, u)


def log_softmax_backward(delta, log_s, dim):
    """(4l) delta_u = delta - s * sum(delta)"""
    return _along("log_softmax_backward", dim, delta, log_s)


def _along(name, dim, *arrays):
    k = kernels.of(*arrays)
    shape = arrays[-1].shape
    if arrays[0].shape != shape:
        raise ShapeError(f"expects a delta of shape {shape}, got {arrays[0].shape}")
    if not shape:  # a number alone is a vector of one
        return _along(name, dim, *(array.reshape(1) for array in arrays)).reshape(shape)
    axis = axis_of(arrays[-1], dim)
    out = k.empty(shape, arrays[0].dtype)
    if out.size:
        getattr(k, name)(*[split_at(array, axis) for array in arrays], split_at(out, axis))
    return out
