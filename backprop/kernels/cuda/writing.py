"""What kernels are written with: parts that they call, and names that stand for something else in each compilation."""

import functools
import types

import numpy as np

from backprop.kernels.device import DeviceArray

THREADS = 256  # of a block, by default

real = np.float32  # stands for the element type; see kernel.py
u32, u64, i32 = np.uint32, np.uint64, np.int32


class Part:
    """A function that kernels call, compiled into each of them. `names` are what global names stand for in it."""

    def __init__(self, body, **names):
        self.body, self.names = body, names
        functools.update_wrapper(self, body)

    def __call__(self, *args):
        raise TypeError(f"{self.body.__name__} is a part of kernels and can only be called in one")


part = Part


class Word(Part):
    """What Python cannot express: `intrinsic(real)` returns Numba's intrinsic, `twin` is the simulator's function."""

    def __init__(self, name, twin, intrinsic):
        self.__name__, self.intrinsic = name, intrinsic
        self.body, self.names = twin, {}


def bound(body, names, compiled):
    """`body` with its global names bound to what they stand for: `names`, and each part to `compiled(part)`."""
    scope = {**body.__globals__, **names}
    for name in body.__code__.co_names:
        if isinstance(scope.get(name), Part):
            scope[name] = compiled(scope[name])
    twin = types.FunctionType(body.__code__, scope, body.__name__, body.__defaults__, body.__closure__)
    twin.__qualname__, twin.__module__ = body.__qualname__, body.__module__
    return twin


def element_type(args):
    """What `real` stands for in a call: the type of its first array of floating-point numbers."""
    for argument in args:
        if isinstance(argument, DeviceArray) and argument.dtype in (np.float32, np.float64):
            return argument.dtype.type
    return np.float32
