"""Bias adds a vector: the first module of the lecture, and the smallest layer that learns."""

import numpy as np

from backprop import functional as F
from backprop.module import Module, Parameter


class Bias(Module):
    """u = a + mu.  Lecture A 32:50-37:00.

        a (..., O)   mu (O,)   u (..., O)     N = product of the leading axes, of which there are at most two

    forward   (2)  u[n,o]       = a[n,o] + mu[o]
    backward  (6)  dL/dmu[o]    = sum_n delta[n,o]    mu[o] was added to every sample
                   delta_a[n,o] = delta[n,o]          a[n,o] went through unchanged: (7) with no X

    mu starts at zero. Images (N, C, H, W) raise ShapeError, even if W fits: their bias belongs to a channel, and a
    convolution has its own (71:09).
    """

    analytic = True
    recordable = True

    def __init__(self, num_features, dtype=np.float32):
        self.num_features = num_features
        self.bias = Parameter(np.zeros(num_features, dtype))

    def forward(self, a):
        cure = "insert Flatten() before it, or use a convolution's bias"
        self.expect(a.ndim <= 3, f"(..., {self.num_features}) with at most 3 axes", got=a, cure=cure)
        return F.add_bias(a, self.bias)  # (2) a + mu

    def backward(self, delta):
        self.bias.accumulate(F.linear_bias_grad, delta)  # (6) delta.sum(axis=0)
        return delta

    def extra_repr(self):
        return f"num_features={self.num_features}"
