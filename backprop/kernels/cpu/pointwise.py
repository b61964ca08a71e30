"""Element-wise functions and their local rule (4), delta_u = delta * sigma'(u), written in terms of a = sigma(u).

All arrays are flat and of one length; each iteration owns one block.
"""

import math

from numba import prange

from backprop.kernels.cpu.jit import BLOCK, blocks, kernel


@kernel
def relu(u, out):
    """(3) a = max(0, u); NaN stays NaN"""
    for block in prange(blocks(u.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, u.size)):
            out[i] = 0 if u[i] <= 0 else u[i]


@kernel
def relu_backward(delta, a, out):
    """(4) sigma' = 1 where a > 0, else 0"""
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = 0 if a[i] <= 0 else delta[i]


@kernel
def sigmoid(u, out):
    """(3) a = 1 / (1 + e^-u), with the exponential of a number <= 0 only, so that nothing overflows"""
    one = out.dtype.type(1)
    for block in prange(blocks(u.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, u.size)):
            e = math.exp(-abs(u[i]))
            out[i] = (one if u[i] >= 0 else e) / (one + e)


@kernel
def sigmoid_backward(delta, a, out):
    """(4) sigma' = a (1 - a)"""
    one = out.dtype.type(1)
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = delta[i] * a[i] * (one - a[i])


@kernel
def tanh(u, out):
    """(3) a = tanh u"""
    for block in prange(blocks(u.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, u.size)):
            out[i] = math.tanh(u[i])


@kernel
def tanh_backward(delta, a, out):
    """(4) sigma' = 1 - a^2"""
    one = out.dtype.type(1)
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = delta[i] * (one - a[i] * a[i])


@kernel
def multiply(a, b, out):
    """out = a * b; out may be a or b"""
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = a[i] * b[i]


@kernel
def add(a, b, out):
    """out = a + b; out may be a or b"""
    for block in prange(blocks(a.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
            out[i] = a[i] + b[i]


@kernel
def fill(value, out):
    """out = value, a single number"""
    for block in prange(blocks(out.size)):
        out[block * BLOCK : (block + 1) * BLOCK] = value
