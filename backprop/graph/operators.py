"""What one types to build a graph: Python's operators, and NumPy's names as methods and as functions."""

import numpy as np

from backprop.errors import ShapeError
from backprop.graph.operations import OPERATIONS


def _one(name):
    """The method of an operation of one value."""

    def method(self):
        return self.apply(name, self)

    method.__name__ = name
    method.__doc__ = f"{name} of each entry; its slope stands in the table of operations."
    return method


def _two(name):
    """The operator of an operation of two, and the one for a Value on its right side."""

    def operator(self, other):
        return self.apply(name, self, other)

    def reflected(self, other):
        return self.apply(name, other, self)

    return operator, reflected


class Operators:
    """The part of Value that one types. `self.apply(name, *operands, **options)` makes the new node."""

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
        return self.apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        """The mean over an axis, over several, or over all."""
        return self.apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        """The largest entry along one axis, or of all. Its adjoint goes to the first of equals, as in pooling (14)."""
        try:
            first = np.argmax(self.data.real, axis=axis)
        except (ValueError, TypeError) as error:
            raise ShapeError(f"max of shape {self.shape} along one axis, or of all: {error}") from None
        return self.apply("max", self, axis=axis, keepdims=keepdims, first=first)

    def reshape(self, *shape):
        """The same entries in another shape, of which one length may be -1."""
        return self.apply("reshape", self, shape=_tuple(shape))

    def transpose(self, *axes):
        """The axes in another order; without `axes` in reverse."""
        axes = _tuple(axes) if axes and axes[0] is not None else tuple(reversed(range(self.ndim)))
        return self.apply("transpose", self, axes=axes)

    @property
    def T(self):
        return self.transpose()

    @property
    def shape(self):
        return self.data.shape

    @property
    def ndim(self):
        return self.data.ndim

    @property
    def size(self):
        return self.data.size

    @property
    def dtype(self):
        return self.data.dtype

    def item(self):
        """The one number in it, as Python's own."""
        return self.data.item()

    def __float__(self):
        """Only of a constant: math.sin(v) would otherwise be a number that has forgotten v."""
        if self.requires_grad:
            raise TypeError("float(v) and functions of math cut the graph: use np.sin(v), or v.item() for the number")
        return float(self.data)

    def __bool__(self):
        return bool(self.data)

    def __format__(self, wanted):
        return format(self.item(), wanted) if wanted and self.size == 1 else format(str(self), wanted)

    def __lt__(self, other):
        return self.data < _plain(other)

    def __le__(self, other):
        return self.data <= _plain(other)

    def __gt__(self, other):
        return self.data > _plain(other)

    def __ge__(self, other):
        return self.data >= _plain(other)

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        """np.log(value), and array + value. A question, such as array < value, is answered by a plain array."""
        if all(types.endswith("->?") for types in ufunc.types if "O" not in types):
            return getattr(ufunc, method)(*map(_plain, operands), **options)
        if "out" in options:
            raise TypeError("an array cannot hold a Value: write a = a + v, not a += v, and no out=")
        if method != "__call__" or options or ufunc not in BY_UFUNC:
            raise TypeError(f"{_called(ufunc, method)} has no local rule here; there are {', '.join(OPERATIONS)}")
        return self.apply(BY_UFUNC[ufunc], *operands)

    def __array_function__(self, function, types, arguments, options):
        """np.where(condition, value, value), np.sum(value), ..."""
        if function not in BY_FUNCTION:
            raise TypeError(f"np.{function.__name__} has no local rule here; there are {', '.join(OPERATIONS)}")
        return BY_FUNCTION[function](self, *arguments, **options)

    def __array__(self, *args, **options):
        raise TypeError("a Value is no array, but has one: value.data")


def _where(value, condition, a, b):
    return value.apply("where", a, b, c=np.array(_plain(condition), bool))


def _concatenate(value, parts, axis=0):
    if axis is None:
        parts, axis = [part.reshape(-1) for part in value.alike(parts)], 0
    return value.apply("concatenate", *parts, axis=axis)


def _stack(value, parts, axis=0):
    """A new axis, of which each part is one entry: a reshape of each, put together."""
    parts = [part.reshape(np.expand_dims(part.data, axis).shape) for part in value.alike(parts)]
    return value.apply("concatenate", *parts, axis=axis)


def _fixed(at):
    """An index that stays what it is: lists and arrays are copied."""
    if isinstance(at, tuple):
        return tuple(map(_fixed, at))
    at = _plain(at)
    return np.array(at) if isinstance(at, (list, np.ndarray)) else at


def _plain(a):
    """The array of a Value; anything else as it is."""
    return a.data if isinstance(a, Operators) else a


def _called(ufunc, method):
    return f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")


def _tuple(given):
    """The numbers of f(1, 2) or f((1, 2))."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


BY_UFUNC = {getattr(np, name): name for name in OPERATIONS if isinstance(getattr(np, name, None), np.ufunc)}
BY_FUNCTION = {
    np.where: _where,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.shape: lambda value, a: a.shape,
    np.ndim: lambda value, a: a.ndim,
    np.size: lambda value, a: a.size,
    **{
        getattr(np, name): lambda value, a, *args, name=name, **options: getattr(a, name)(*args, **options)
        for name in ("sum", "mean", "max", "reshape", "transpose")
    },
}
