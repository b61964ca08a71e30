"""Element-wise functions a = sigma(u) of any shape, and delta_u = delta * sigma'(u) in terms of a.       (3) (4)"""

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.shapes import flat


def relu(u):
    """(3) max(0, u)"""
    return _map("relu", u)


def relu_backward(delta, a):
    """(4) sigma' = 1 where a > 0, else 0; at the kink 0, as PyTorch has it"""
    return _map("relu_backward", delta, a)


def sigmoid(u):
    """(3) 1 / (1 + e^-u)"""
    return _map("sigmoid", u)


def sigmoid_backward(delta, a):
    """(4) sigma' = a (1 - a)"""
    return _map("sigmoid_backward", delta, a)


def tanh(u):
    """(3) (e^u - e^-u) / (e^u + e^-u)"""
    return _map("tanh", u)


def tanh_backward(delta, a):
    """(4) sigma' = 1 - a^2"""
    return _map("tanh_backward", delta, a)


def _map(name, *arrays):
    k = kernels.of(*arrays)
    if arrays[0].shape != arrays[-1].shape:
        raise ShapeError(f"wants a delta of shape {arrays[-1].shape}, got {arrays[0].shape}")
    out = k.empty(arrays[0].shape, arrays[0].dtype)
    getattr(k, name)(*map(flat, arrays), flat(out))
    return out
