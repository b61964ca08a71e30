"""Linear multiplies by a matrix and adds a vector."""

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.module import Module
from backprop.parameter import Parameter
from backprop.rng import generator


class Linear(Module):
    """u = a X^T + mu for N row vectors a.  Lecture A 8:34-13:33, 37:20; B.

        a (..., I)   weight X (O, I)   bias mu (O,) or None   u (..., O)     N = product of the leading axes

    forward   (1) (2)  u[n,o]       = sum_i a[n,i] X[o,i] + mu[o]
    backward  (5)      dL/dX[o,i]   = sum_n delta[n,o] a[n,i]      X[o,i] met a[n,i] once in every sample n
              (6)      dL/dmu[o]    = sum_n delta[n,o]             mu[o] was added to every sample
              (7)      delta_a[n,i] = sum_o delta[n,o] X[o,i]      a[n,i] went into every output o

    The text's y = A x + b has x as a column. Here samples are rows, the transpose of that: y^T = x^T A^T + b^T.
    X and mu start uniform in +-1/sqrt(I), as PyTorch's do: u begins at about 1/sqrt(3) of a's size, whatever I is.

    Raises ShapeError unless a's last axis has length I, DTypeError unless a has X's element type.

    >>> layer = Linear(in_features=4, out_features=3, bias=False)
    >>> layer.weight = Parameter([[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]])
    >>> layer(np.array([1, 2, 3, 4], dtype=np.float32))
    array([30., 40., 50.], dtype=float32)
    """

    analytic = True
    recordable = True

    def __init__(self, in_features, out_features, bias=True, dtype=np.float32):
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if not (isinstance(size, (int, np.integer)) and size >= 0):
                raise OptionError(f"{name} is a whole number, got {size}")
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / np.sqrt(in_features) if in_features else 0
        self.weight = Parameter(generator().uniform(-bound, bound, (out_features, in_features)).astype(dtype))
        self.bias = Parameter(generator().uniform(-bound, bound, out_features).astype(dtype)) if bias else None

    def forward(self, a):
        self.cache = a  # (5) needs it
        return F.linear(a, self.weight, self.bias)  # (1) (2)

    def backward(self, delta):
        a = self.cache
        self.weight.accumulate(F.linear_weight_grad, delta, a)  # (5)
        if self.bias is not None:
            self.bias.accumulate(F.linear_bias_grad, delta)  # (6)
        return F.linear_input_grad(delta, self.weight)  # (7)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
