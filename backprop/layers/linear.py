"""Linear multiplies by a matrix and adds a vector.

Two samples of two numbers, and one output, by hand:

>>> import numpy as np, backprop as bp
>>> layer = bp.Linear(in_features=2, out_features=1, dtype=np.float64)
>>> layer.weight, layer.bias = bp.Parameter(np.array([[2., 3]])), bp.Parameter(np.array([1.]))
>>> layer(np.array([[1., 0], [4, 1]]))            # (1) 2*1 + 3*0 = 2 and 2*4 + 3*1 = 11   (2) + 1 to each
array([[ 3.],
       [12.]])
>>> delta_a = layer.backward(np.array([[1.], [-2]]))
>>> layer.weight.grad                             # (5) 1*(1, 0) - 2*(4, 1): each sample's a, weighted by its delta
array([[-7., -2.]])
>>> layer.bias.grad                               # (6) 1 - 2
array([-1.])
>>> delta_a                                       # (7) 1*(2, 3) and -2*(2, 3)
array([[ 2.,  3.],
       [-4., -6.]])
"""

import numpy as np

from backprop import functional as F
from backprop.module import Module, Parameter
from backprop.module.options import whole
from backprop.module.rng import generator


class Linear(Module):
    """u = a X^T + mu for N row vectors a.  Lecture A 8:34-13:33, 37:20; B.

        a (..., I)   weight X (O, I)   bias mu (O,) or None   u (..., O)     N = product of the leading axes

    forward   (1) (2)  u[n,o]       = sum_i a[n,i] X[o,i] + mu[o]
    backward  (5)      dL/dX[o,i]   = sum_n delta[n,o] a[n,i]      X[o,i] multiplied a[n,i] in every sample n
              (6)      dL/dmu[o]    = sum_n delta[n,o]             mu[o] was added to every sample
              (7)      delta_a[n,i] = sum_o delta[n,o] X[o,i]      a[n,i] went into every output o

    The comments in the code are for a (N, I); X is `self.weight`, mu `self.bias`. B's y = A x + b has x as a column.
    Here samples are rows, the transpose of that: y^T = x^T A^T + b^T.
    X and mu start uniform in +-1/sqrt(I), as PyTorch's do: u starts at about 1/sqrt(3) of a's size, for any I.

    Raises ShapeError unless a's last axis has length I, DTypeError unless a has X's element type.

    >>> layer = Linear(in_features=4, out_features=3, bias=False)
    >>> layer.weight = Parameter([[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]])
    >>> layer(np.array([1, 2, 3, 4], dtype=np.float32))
    array([30., 40., 50.], dtype=float32)
    """

    analytic = True  # also for complex numbers: gradcheck then takes a complex step, too
    recordable = True  # calls kernels alone: bp.compile can replay them

    def __init__(self, in_features, out_features, bias=True, dtype=np.float32):
        self.in_features, self.out_features = whole("in_features", in_features), whole("out_features", out_features)
        bound = 1 / np.sqrt(in_features) if in_features else 0
        self.weight = Parameter(generator().uniform(-bound, bound, (out_features, in_features)).astype(dtype))
        self.bias = Parameter(generator().uniform(-bound, bound, out_features).astype(dtype)) if bias else None

    def forward(self, a):
        self.cache = a  # (5) needs it
        return F.linear(a, self.weight, self.bias)  # (1) m = a @ X.T  (2) m + mu

    def backward(self, delta):
        a = self.cache
        self.weight.accumulate(F.linear_weight_grad, delta, a)  # (5) delta.T @ a
        if self.bias is not None:
            self.bias.accumulate(F.linear_bias_grad, delta)  # (6) delta.sum(axis=0)
        return F.linear_input_grad(delta, self.weight)  # (7) delta @ X

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
