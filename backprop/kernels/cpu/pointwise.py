"""Element-wise functions and their local rule (4), delta_u = delta * sigma'(u), written in terms of a = sigma(u).

All arrays are flat and of one length; each iteration owns one block.
"""

import math

from numba import prange

from backprop.kernels.cpu.jit import BLOCK, blocks, kernel, part, sized_kernel


@sized_kernel
def relu(u, out):
    """(3) a = max(0, u); NaN stays NaN"""
    for block in prange(blocks(u.size)):
        u_, out_ = part(u, block), part(out, block)
        for i in range(u_.size):
            out_[i] = 0 if u_[i] <= 0 else u_[i]


@sized_kernel
def relu_backward(delta, a, out):
    """(4) sigma' = 1 where a > 0, else 0"""
    for block in prange(blocks(a.size)):
        a_, delta_, out_ = part(a, block), part(delta, block), part(out, block)
        for i in range(a_.size):
            out_[i] = 0 if a_[i] <= 0 else delta_[i]


@kernel
def sigmoid(u, out):
    """(3) a = 1 / (1 + e^-u), with the exponential of a number <= 0 only, so that nothing overflows"""
    one = out.dtype.type(1)
    for block in prange(blocks(u.size)):
        u_, out_ = part(u, block), part(out, block)
        for i in range(u_.size):
            e = math.exp(-abs(u_[i]))
            out_[i] = (one if u_[i] >= 0 else e) / (one + e)


@kernel
def sigmoid_backward(delta, a, out):
    """(4) sigma' = a (1 - a)"""
    one = out.dtype.type(1)
    for block in prange(blocks(a.size)):
        delta_, a_, out_ = part(delta, block), part(a, block), part(out, block)
        for i in range(a_.size):
            out_[i] = delta_[i] * a_[i] * (one - a_[i])


@kernel
def tanh(u, out):
    """(3) a = tanh u"""
    for block in prange(blocks(u.size)):
        u_, out_ = part(u, block), part(out, block)
        for i in range(u_.size):
            out_[i] = math.tanh(u_[i])


@kernel
def tanh_backward(delta, a, out):
    """(4) sigma' = 1 - a^2"""
    one = out.dtype.type(1)
    for block in prange(blocks(a.size)):
        delta_, a_, out_ = part(delta, block), part(a, block), part(out, block)
        for i in range(a_.size):
            out_[i] = delta_[i] * (one - a_[i] * a_[i])


@kernel
def multiply(a, b, out):
    """out = a * b; out may be a or b"""
    for block in prange(blocks(a.size)):
        a_, b_, out_ = part(a, block), part(b, block), part(out, block)
        for i in range(a_.size):
            out_[i] = a_[i] * b_[i]


@kernel
def weigh(a, w, out):
    """out = a * w, but 0 where the weight w is 0, whatever a; out may be a or w"""
    for block in prange(blocks(a.size)):
        a_, w_, out_ = part(a, block), part(w, block), part(out, block)
        for i in range(a_.size):
            out_[i] = 0 if w_[i] == 0 else a_[i] * w_[i]


@kernel
def add(a, b, out):
    """out = a + b; out may be a or b"""
    for block in prange(blocks(a.size)):
        a_, b_, out_ = part(a, block), part(b, block), part(out, block)
        for i in range(a_.size):
            out_[i] = a_[i] + b_[i]


@kernel
def fill(value, out):
    """out = value, a single number"""
    for block in prange(blocks(out.size)):
        out[block * BLOCK : (block + 1) * BLOCK] = value
