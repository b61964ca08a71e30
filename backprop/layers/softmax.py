"""Softmax turns scores into shares that sum to 1; LogSoftmax gives the logarithms of those shares."""

from backprop import functional as F
from backprop.module import Module


class Softmax(Module):
    """s = softmax(u) along one axis: u, s (..., C, ...). 1[k=c] is 1 where k = c, else 0.

    forward   (3)   s[c]       = e^u[c] / sum_k e^u[k]
    backward  (4s)  delta_u[c] = s[c] (delta[c] - sum_k delta[k] s[k])      ds[k]/du[c] = s[k] (1[k=c] - s[c])

    `dim` is the last axis unless it is given; PyTorch guesses it from the rank, with a warning.
    """

    analytic = True
    recordable = True

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, u):
        dim = self.dim
        self.cache = s = F.softmax(u, dim)  # (3) exp(u) / exp(u).sum(dim, keepdims=True)
        return s

    def backward(self, delta):
        s, dim = self.cache, self.dim
        return F.softmax_backward(delta, s, dim)  # (4s) s * (delta - (delta * s).sum(dim, keepdims=True))

    def extra_repr(self):
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log softmax(u) along one axis: u, output (..., C, ...). 1[k=c] is 1 where k = c, else 0.

    forward   (3)   log s[c]   = u[c] - log sum_k e^u[k]
    backward  (4l)  delta_u[c] = delta[c] - s[c] sum_k delta[k]             d log s[k]/du[c] = 1[k=c] - s[c]

    `dim` is the last axis unless it is given.
    """

    analytic = True
    recordable = True

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, u):
        dim = self.dim
        self.cache = log_s = F.log_softmax(u, dim)  # (3) u - log(exp(u).sum(dim, keepdims=True))
        return log_s

    def backward(self, delta):
        log_s, dim = self.cache, self.dim
        return F.log_softmax_backward(delta, log_s, dim)  # (4l) delta - exp(log_s) * delta.sum(dim, keepdims=True)

    def extra_repr(self):
        return f"dim={self.dim}"
