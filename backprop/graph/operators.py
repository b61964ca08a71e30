"""What you write to build a graph: Python's operators, and NumPy's names as methods and as functions."""

import numpy as np

from backprop.errors import ShapeError
from backprop.graph.numpy_names import NumPyNames
from backprop.kernels.recording import unseen
from backprop.module.parameter import plain


def _one(name):
    """The method of an operation of one value."""

    def method(self):
        return self.apply(name, self)

    method.__name__ = name
    method.__doc__ = f"{name} of each entry; its slope is in the table of operations."
    return method


def _two(name):
    """The operator of an operation of two values, and its reflected form, for a Value on the right."""

    def operator(self, other):
        return self.apply(name, self, other)

    def reflected(self, other):
        return self.apply(name, other, self)

    return operator, reflected


class Operators(NumPyNames):
    """The part of Value that you write in a formula. `self.apply(name, *operands, **options)` makes the new node."""

    __slots__ = ()

    __add__, __radd__ = _two("add")
    __sub__, __rsub__ = _two("subtract")
    __mul__, __rmul__ = _two("multiply")
    __truediv__, __rtruediv__ = _two("divide")
    __pow__, __rpow__ = _two("power")
    __matmul__, __rmatmul__ = _two("matmul")
    __neg__, __abs__ = _one("negative"), _one("abs")

    exp, log, sqrt = _one("exp"), _one("log"), _one("sqrt")
    sin, cos, tan = _one("sin"), _one("cos"), _one("tan")
    tanh, sigmoid, relu, abs = _one("tanh"), _one("sigmoid"), _one("relu"), _one("abs")

    def __pos__(self):
        return self

    def __getitem__(self, at):
        return self.apply("index", self, at=_fixed(at))

    def sum(self, axis=None, keepdims=False):
        """The sum over an axis, over several, or over all."""
        self._expect_axes("sum", axis)
        return self.apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        """The mean over an axis, over several, or over all."""
        self._expect_axes("mean", axis)
        return self.apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        """The largest entry along one axis, or of all. Its adjoint goes to the first of equals, as in pooling (14)."""
        unseen(self.data)
        try:
            first = np.argmax(self.data.real, axis=axis)
        except (ValueError, TypeError) as error:
            raise ShapeError(f"max of shape {self.shape} must be along one axis, or of all: {error}") from None
        return self.apply("max", self, axis=axis, keepdims=keepdims, first=first)

    def _expect_axes(self, name, axis):
        axes = () if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
        if not all(-self.ndim <= k < self.ndim for k in axes) or len({k % self.ndim for k in axes}) < len(axes):
            raise ShapeError(f"{name} of shape {self.shape} over axis {axis}, which it does not have")

    def reshape(self, *shape):
        """The same entries in another shape, of which one length may be -1."""
        return self.apply("reshape", self, shape=_tuple(shape))

    def transpose(self, *axes):
        """The axes in another order; reversed if no `axes` are given."""
        axes = _tuple(axes) if axes and axes[0] is not None else tuple(reversed(range(self.ndim)))
        return self.apply("transpose", self, axes=axes)

    @property
    def T(self):
        return self.transpose()


def _fixed(at):
    """An index that later changes do not affect: its lists and arrays are copied."""
    if isinstance(at, tuple):
        return tuple(map(_fixed, at))
    at = plain(at)
    return np.array(at) if isinstance(at, (list, np.ndarray)) else at


def _tuple(given):
    """The numbers of f(1, 2) or f((1, 2)), as a tuple."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
