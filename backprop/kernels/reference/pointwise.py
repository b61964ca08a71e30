"""Element-wise functions and their local rule (4), delta_u = delta * sigma'(u), written in terms of a = sigma(u).

All arrays are flat and of one length. A kink follows PyTorch: relu'(0) = 0. For complex numbers the real part chooses
the branch, so that on either side of a kink the function is analytic and a complex step works.
"""

import numpy as np


def relu(u, out):
    """(3) a = max(0, u); NaN stays NaN"""
    out[...] = np.where(u.real <= 0, 0, u)


def relu_backward(delta, a, out):
    """(4) sigma' = 1 where u > 0, which is where a > 0, else 0"""
    out[...] = np.where(a.real <= 0, 0, delta)


def sigmoid(u, out):
    """(3) a = 1 / (1 + e^-u), with the exponential of a number <= 0 only, so that nothing overflows"""
    e = np.exp(np.where(u.real >= 0, -u, u))
    out[...] = np.where(u.real >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_backward(delta, a, out):
    """(4) sigma' = a (1 - a)"""
    out[...] = delta * a * (1 - a)


def tanh(u, out):
    """(3) a = tanh u"""
    out[...] = np.tanh(u)


def tanh_backward(delta, a, out):
    """(4) sigma' = 1 - a^2"""
    out[...] = delta * (1 - a * a)


def multiply(a, b, out):
    """out = a * b; out may be a or b"""
    out[...] = a * b


def weigh(a, w, out):
    """out = a * w, but 0 where the weight w is 0, whatever a; out may be a or w"""
    out[...] = np.where(w == 0, 0, a) * w


def add(a, b, out):
    """out = a + b; out may be a or b"""
    out[...] = a + b


def fill(value, out):
    """out = value, a single number"""
    out[...] = value
