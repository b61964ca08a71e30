"""Layers that only rearrange: nothing is computed, and delta goes back the way it came."""

import math

import numpy as np

from backprop.errors import ShapeError
from backprop.module import Module


class Flatten(Module):
    """The axes from start_dim to end_dim become one: (N, C, H, W) -> (N, C H W).  Lecture A 30:30.

    forward    output = a, in the same order
    backward   delta_a = delta, in a's shape
    """

    analytic = True

    def __init__(self, start_dim=1, end_dim=-1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, a):
        ndim = np.ndim(a)
        if not (-ndim <= self.start_dim < ndim and -ndim <= self.end_dim < ndim):
            raise ShapeError(f"wants an array with axes {self.start_dim} to {self.end_dim}, got {np.shape(a)}")
        first, last = self.start_dim % ndim, self.end_dim % ndim
        if first > last:
            raise ShapeError(f"start_dim {self.start_dim} lies behind end_dim {self.end_dim} for shape {np.shape(a)}")
        self.cache = shape = a.shape
        return a.reshape(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    def backward(self, delta):
        return delta.reshape(self.cache)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
