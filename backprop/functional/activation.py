"""Element-wise functions a = sigma(u) of any shape, and delta_u = delta * sigma'(u).                       (3) (4)"""

from backprop import kernels
from backprop.errors import OptionError, ShapeError
from backprop.functional.shapes import contiguous, destination, expect_delta, flat, numbers, split_at
from backprop.module.parameter import values


def relu(u):
    """(3) max(0, u)"""
    return _map("relu", u)


def relu_backward(delta, a):
    """(4) sigma' = 1 where a > 0, else 0; 0 at the kink, as in PyTorch"""
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


def activation(name, u, *options):
    """(3) sigma(u) for a row of the kernels' table: activation("leaky_relu", u, 0.01)"""
    k = kernels.of(u)
    out = k.empty(u.shape, u.dtype)
    _row(k, name)[0](flat(u), numbers(options, u), flat(out))  # (3)
    return out


def activation_backward(name, delta, u, *options):
    """(4) delta * sigma'(u) for a row of the kernels' table, from the input u"""
    k = kernels.of(delta, u)
    expect_delta(delta, u.shape)
    out = k.empty(u.shape, u.dtype)
    _row(k, name)[1](flat(delta), flat(u), numbers(options, u), flat(out))  # (4)
    return out


def prelu(u, weight):
    """u, or w u where u <= 0; w (1,) for all, or (C,) for the channels of axis 1."""
    weight = values(weight)
    k = kernels.of(u, weight)
    by_channel = _by_channel(u, weight.shape)
    out = k.empty(u.shape, u.dtype)
    k.prelu(by_channel(u), contiguous(weight), by_channel(out))  # (3)
    return out


def prelu_backward(delta, u, weight):
    """(4) sigma' = 1, or w where u <= 0"""
    weight = values(weight)
    k = kernels.of(delta, u, weight)
    expect_delta(delta, u.shape)
    by_channel = _by_channel(u, weight.shape)
    out = k.empty(u.shape, u.dtype)
    k.prelu_backward(by_channel(delta), by_channel(u), contiguous(weight), by_channel(out))  # (4)
    return out


def prelu_weight_grad(delta, u, count, out=None, accumulate=False):
    """dL/dw (count,): the sum of delta u over the entries u <= 0 that each w multiplied                     (28)"""
    k = kernels.of(delta, u)
    expect_delta(delta, u.shape)
    by_channel = _by_channel(u, (count,))
    out = destination(k, out, (count,), u)
    k.prelu_weight_grad(by_channel(delta), by_channel(u), out, accumulate)  # (28)
    return out


def _map(name, *arrays):
    k = kernels.of(*arrays)
    expect_delta(arrays[0], arrays[-1].shape)
    out = k.empty(arrays[0].shape, arrays[0].dtype)
    getattr(k, name)(*map(flat, arrays), flat(out))  # (3), or (4)
    return out


def _row(k, name):
    if name not in k.ACTIVATIONS:
        raise OptionError(f"no activation is called {name!r}; there are {', '.join(k.ACTIVATIONS)}")
    return k.ACTIVATIONS[name]


def _by_channel(u, shape):
    """A function that reshapes u to (B, C, D) for slopes of this shape: one channel, or those of axis 1."""
    if shape == (1,):
        return lambda array: contiguous(array).reshape(1, 1, array.size)
    if u.ndim < 2 or u.shape[1:2] != shape:
        raise ShapeError(f"expects {shape[0]} channels on axis 1, (N, {shape[0]}, ...), got {u.shape}")
    return lambda array: split_at(array, 1)
