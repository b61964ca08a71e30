"""NumPy's functions, called with Values: np.log(value), array + value, np.where(condition, value, 0)."""

import numpy as np

from backprop.graph.operations import OPERATIONS
from backprop.module.parameter import plain


class NumPyNames:
    """NumPy looks for these methods on its arguments before it converts them to arrays."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        """np.log(value), and array + value. A test, such as array < value, gives a plain array."""
        if all(types.endswith("->?") for types in ufunc.types if "O" not in types):
            return getattr(ufunc, method)(*map(plain, operands), **options)
        if "out" in options:
            raise TypeError("an array cannot hold a Value: write a = a + v, not a += v, and no out=")
        if method != "__call__" or options or ufunc not in BY_UFUNC:
            raise TypeError(f"{_called(ufunc, method)} has no local rule here, unlike {', '.join(OPERATIONS)}")
        return self.apply(BY_UFUNC[ufunc], *operands)

    def __array_function__(self, function, types, arguments, options):
        """np.where(condition, value, value), np.sum(value), ..."""
        if function not in BY_FUNCTION:
            raise TypeError(f"np.{function.__name__} has no local rule here, unlike {', '.join(OPERATIONS)}")
        return BY_FUNCTION[function](self, *arguments, **options)

    def __array__(self, *args, **options):
        raise TypeError("a Value is not an array; its array is value.data")


def _where(value, condition, a, b):
    return value.apply("where", a, b, c=np.array(plain(condition), bool))


def _concatenate(value, parts, axis=0):
    if axis is None:
        parts, axis = [part.reshape(-1) for part in value.alike(parts)], 0
    return value.apply("concatenate", *parts, axis=axis)


def _stack(value, parts, axis=0):
    """Stacking along a new axis: each part is reshaped, then all are concatenated."""
    parts = [part.reshape(np.expand_dims(np.broadcast_to(0, part.shape), axis).shape) for part in value.alike(parts)]
    return value.apply("concatenate", *parts, axis=axis)


def _called(ufunc, method):
    return f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")


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
