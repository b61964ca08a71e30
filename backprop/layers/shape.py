"""Layers that only reshape: nothing is computed, and delta is reshaped back."""

import math

from backprop.errors import OptionError
from backprop.module import Module
from backprop.module.options import whole


class Identity(Module):
    """Gives back what it is given, whatever it was made with: a place for a layer that is not there."""

    analytic = True
    recordable = True

    def __init__(self, *args, **options):
        pass

    def forward(self, a):
        self.cache = None
        return a

    def backward(self, delta):
        return delta


class Flatten(Module):
    """The axes from start_dim to end_dim become one: (N, C, H, W) -> (N, C H W).  Lecture A 29:50-32:41, 67:30.

    forward    output = a, in the same order
    backward   delta_a = delta, in a's shape
    """

    analytic = True
    recordable = True

    def __init__(self, start_dim=1, end_dim=-1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, a):
        wanted = f"an array with axes {self.start_dim} to {self.end_dim}"
        self.expect(all(-a.ndim <= dim < a.ndim for dim in (self.start_dim, self.end_dim)), wanted, got=a)
        first, last = self.start_dim % a.ndim, self.end_dim % a.ndim
        self.expect(first <= last, f"{wanted}, in this order", got=a)
        self.cache = shape = a.shape
        return a.reshape(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    def backward(self, delta):
        return delta.reshape(self.cache)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis becomes several: (N, C H W) -> (N, C, H, W) for Unflatten(1, (C, H, W)), the reverse of Flatten.

    forward    output = a, in the same order
    backward   delta_a = delta, in a's shape

    One of the sizes may be -1, and then follows from the others.
    """

    analytic = True
    recordable = True

    def __init__(self, dim, unflattened_size):
        if not isinstance(unflattened_size, (tuple, list)) or not unflattened_size:
            raise OptionError(f"unflattened_size must be the sizes that dim becomes, got {unflattened_size!r}")
        self.dim, self.unflattened_size = dim, tuple(whole("a size", size, -1) for size in unflattened_size)

    def forward(self, a):
        self.expect(-a.ndim <= self.dim < a.ndim, f"an array with an axis {self.dim}", got=a)
        axis, sizes = self.dim % a.ndim, self.unflattened_size
        known = math.prod(size for size in sizes if size != -1)
        fits = a.shape[axis] == known if -1 not in sizes else known > 0 and a.shape[axis] % known == 0
        self.expect(fits and sizes.count(-1) < 2, f"an axis {self.dim} that splits into {sizes}", got=a)
        sizes = [a.shape[axis] // known if size == -1 else size for size in sizes]
        self.cache = a.shape
        return a.reshape(*a.shape[:axis], *sizes, *a.shape[axis + 1 :])

    def backward(self, delta):
        return delta.reshape(self.cache)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
