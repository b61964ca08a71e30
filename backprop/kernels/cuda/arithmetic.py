"""Sums, products and the like of whole arrays on a GPU, under NumPy's names, for graphs of values.

Arrays must have one shape, and may be single numbers: nothing else is broadcast.
"""

import numpy as np

from backprop.errors import DeviceError, ShapeError
from backprop.kernels.cuda import pointwise
from backprop.kernels.cuda.classification import smooth_each
from backprop.kernels.cuda.machine import empty
from backprop.kernels.device import DeviceArray


def compute(ufunc, *operands):
    """NumPy's function `ufunc` of arrays on the GPU and numbers. DeviceError if it is not supported there."""
    name = ufunc.__name__
    if name not in FUNCTIONS:
        raise DeviceError(f"np.{name} is not supported on the GPU, only {', '.join(FUNCTIONS)}; use bp.to_host(x)")
    operands = [_operand(a) for a in operands]
    arrays = [a for a in operands if isinstance(a, DeviceArray)]
    for a in arrays:
        if a.shape != arrays[0].shape or a.dtype != arrays[0].dtype or a.dtype.kind != "f":
            kinds = " and ".join(f"{a.dtype} {a.shape}" for a in arrays)
            raise ShapeError(f"np.{name} on the GPU expects floats of one shape and type, got {kinds}")
    return FUNCTIONS[name](*operands)


def _operand(a):
    if isinstance(a, DeviceArray):
        return a
    if np.ndim(a) == 0:
        return float(a)
    raise DeviceError(f"got an array of shape {np.shape(a)} on 'cpu' with one on 'cuda'; use bp.to_device(x, 'cuda')")


def line(a, slope, shift):
    """slope * a + shift"""
    out = empty(a.shape, a.dtype)
    smooth_each.each(a.size, a, float(slope), float(shift), out)
    return out


def add(a, b):
    if not isinstance(b, DeviceArray):
        return line(a, 1, b)
    return _by(pointwise.add, a, b) if isinstance(a, DeviceArray) else line(b, 1, a)


def multiply(a, b):
    if not isinstance(b, DeviceArray):
        return line(a, b, 0)
    return _by(pointwise.multiply, a, b) if isinstance(a, DeviceArray) else line(b, a, 0)


def negative(a):
    return line(a, -1, 0)


def subtract(a, b):
    return add(a, negative(b)) if isinstance(b, DeviceArray) else line(a, 1, -b)


def _by(kernel, *arrays):
    out = empty(arrays[0].shape, arrays[0].dtype)
    kernel(*[a.reshape(-1) for a in arrays], out.reshape(-1))
    return out


FUNCTIONS = {
    **{function.__name__: function for function in (add, subtract, multiply, negative)},
    "tanh": lambda a: _by(pointwise.tanh, a),
}

DeviceArray.compute = staticmethod(compute)  # device.py cannot import this file
