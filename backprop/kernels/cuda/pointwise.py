"""Element-wise functions and their local rule (4), delta_u = delta * sigma'(u), written in terms of a = sigma(u).

All arrays are flat and of one length; thread i owns out[i]. NaN stays NaN: the last branch passes it on.
"""

import math

from numba import cuda

from backprop.kernels.cuda.kernel import flat, real, u32


@flat
def relu(u, out, size):
    """(3) a = max(0, u); NaN stays NaN"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = real(0) if u[i] <= real(0) else u[i]


@flat
def relu_backward(delta, a, out, size):
    """(4) sigma' = 1 where u > 0, which is where a > 0, else 0"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = real(0) if a[i] <= real(0) else delta[i]


@flat
def sigmoid(u, out, size):
    """(3) a = 1 / (1 + e^-u), with the exponential of a number <= 0 only, so that nothing overflows"""
    i = u32(cuda.grid(1))
    if i < size:
        e = math.exp(-abs(u[i]))
        out[i] = (e if u[i] < real(0) else real(1)) / (real(1) + e)


@flat
def sigmoid_backward(delta, a, out, size):
    """(4) sigma' = a (1 - a)"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = delta[i] * a[i] * (real(1) - a[i])


@flat
def tanh(u, out, size):
    """(3) a = tanh u"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = math.tanh(u[i])


@flat
def tanh_backward(delta, a, out, size):
    """(4) sigma' = 1 - a^2"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = delta[i] * (real(1) - a[i] * a[i])


@flat
def multiply(a, b, out, size):
    """out = a * b; out may be a or b"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = a[i] * b[i]


@flat
def weigh(a, w, out, size):
    """out = a * w, but 0 where the weight w is 0, whatever a; out may be a or w"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = real(0) if w[i] == real(0) else a[i] * w[i]


@flat
def add(a, b, out, size):
    """out = a + b; out may be a or b"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = a[i] + b[i]


@flat
def fill(value, out, size):
    """out = value, a single number"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = value
