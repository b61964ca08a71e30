"""Sums and products, element by element."""

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.arrays import stretched
from backprop.functional.shapes import flat
from backprop.module.parameter import values


def multiply(a, b):
    """a * b, element by element; b may have axes of size 1, or lack leading ones, where a has more."""
    return _broadcast("multiply", a, b)


def weigh(a, weight):
    """The same, but 0 where the weight is 0, even if a is infinite or NaN: such an element does not count."""
    return _broadcast("weigh", a, weight)


def _broadcast(name, a, b):
    b = values(b)
    k = kernels.of(b, a)
    try:
        b = stretched(b, a.shape)
    except ValueError:
        raise ShapeError(f"expects {a.shape} or a shape that broadcasts to it, got {b.shape}") from None
    out = k.empty(a.shape, a.dtype)
    getattr(k, name)(flat(a), flat(b), flat(out))
    return out


def add(a, b):
    """a + b of the same shape, element by element."""
    k = kernels.of(b, a)
    if a.shape != b.shape:
        raise ShapeError(f"expects arrays of the same shape, got {a.shape} and {b.shape}")
    out = k.empty(a.shape, a.dtype)
    k.add(flat(a), flat(b), flat(out))
    return out
