"""What layers and losses that are formulas of Values share."""

import inspect

import numpy as np

from backprop.errors import DeviceError
from backprop.graph.network import Graph
from backprop.kernels.device import device_of


class Shown(Graph):
    """A formula that shows its options as they were given."""

    def extra_repr(self):
        names = inspect.signature(type(self)).parameters
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names if hasattr(self, name))


class OnTheCPU(Shown):
    """A formula that uses operations which are not there on a GPU."""

    def forward(self, *inputs, **options):
        expect_on_cpu(inputs)
        return super().forward(*inputs, **options)


def expect_on_cpu(inputs):
    """Raise DeviceError for arrays on a GPU, which does not have all operations of a formula."""
    if any(device_of(a) != "cpu" for a in inputs if hasattr(a, "dtype")):
        raise DeviceError("does not run on a GPU; use bp.to_host(a)")


def positive(x):
    """max(x, 0); its slope is 0 where x is 0, as PyTorch's"""
    return np.where(x.data <= 0, 0, x)  # NaN stays NaN


def softplus(x):
    """log(1 + e^x), without overflow"""
    return positive(x) + np.log(1 + np.exp(-abs(x)))


def sigmoid(x):
    """1 / (1 + e^-x)"""
    return x.apply("sigmoid", x)


def cosine(a, b, eps):
    """a . b / sqrt((a . a + eps) (b . b + eps)) along the last axis"""
    return (a * b).sum(-1) / np.sqrt(((a * a).sum(-1) + eps) * ((b * b).sum(-1) + eps))


def distance(x, p, eps, keepdims=False):
    """The norm of order p of x + eps along the last axis; p is above 0."""
    x = abs(x + eps)
    if p == 1:
        return x.sum(-1, keepdims)
    return np.sqrt((x * x).sum(-1, keepdims)) if p == 2 else (x**p).sum(-1, keepdims) ** (1 / p)
