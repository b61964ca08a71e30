"""Element-wise functions and their local rule (4), delta_u = delta * sigma'(u), written in terms of a = sigma(u).

All arrays are flat and of one length; an item is a block.
"""

from backprop.kernels.cpu import elementary
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import block_of, blocks, share
from backprop.kernels.cpu.simd import lanes, put_some, some_of


@kernel
def relu(u, out, part, parts):
    """(3) a = max(0, u); NaN stays NaN"""
    for block in share(blocks(u.size), part, parts):
        u_, out_ = block_of(u, block), block_of(out, block)
        for i in range(u_.size):
            out_[i] = 0 if u_[i] <= 0 else u_[i]


@kernel
def relu_backward(delta, a, out, part, parts):
    """(4) sigma' = 1 where a > 0, else 0"""
    for block in share(blocks(a.size), part, parts):
        a_, delta_, out_ = block_of(a, block), block_of(delta, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = 0 if a_[i] <= 0 else delta_[i]


@kernel(work=8)
def sigmoid(u, out, part, parts):
    """(3) a = 1 / (1 + e^-u)"""
    for block in share(blocks(u.size), part, parts):
        u_, out_ = block_of(u, block), block_of(out, block)
        for i in range(0, u_.size, lanes(u_)):
            put_some(elementary.sigmoid(some_of(u_, i)), out_, i)


@kernel
def sigmoid_backward(delta, a, out, part, parts):
    """(4) sigma' = a (1 - a)"""
    one = out.dtype.type(1)
    for block in share(blocks(a.size), part, parts):
        delta_, a_, out_ = block_of(delta, block), block_of(a, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = delta_[i] * a_[i] * (one - a_[i])


@kernel(work=8)
def tanh(u, out, part, parts):
    """(3) a = tanh u"""
    for block in share(blocks(u.size), part, parts):
        u_, out_ = block_of(u, block), block_of(out, block)
        for i in range(0, u_.size, lanes(u_)):
            put_some(elementary.tanh(some_of(u_, i)), out_, i)


@kernel
def tanh_backward(delta, a, out, part, parts):
    """(4) sigma' = 1 - a^2"""
    one = out.dtype.type(1)
    for block in share(blocks(a.size), part, parts):
        delta_, a_, out_ = block_of(delta, block), block_of(a, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = delta_[i] * (one - a_[i] * a_[i])


@kernel
def multiply(a, b, out, part, parts):
    """out = a * b; out may be a or b"""
    for block in share(blocks(a.size), part, parts):
        a_, b_, out_ = block_of(a, block), block_of(b, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = a_[i] * b_[i]


@kernel
def weigh(a, w, out, part, parts):
    """out = a * w, but 0 where the weight w is 0, whatever a; out may be a or w"""
    for block in share(blocks(a.size), part, parts):
        a_, w_, out_ = block_of(a, block), block_of(w, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = 0 if w_[i] == 0 else a_[i] * w_[i]


@kernel
def add(a, b, out, part, parts):
    """out = a + b; out may be a or b"""
    for block in share(blocks(a.size), part, parts):
        a_, b_, out_ = block_of(a, block), block_of(b, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = a_[i] + b_[i]


@kernel
def fill(value, out, part, parts):
    """out = value, a single number"""
    for block in share(blocks(out.size), part, parts):
        out_ = block_of(out, block)
        for i in range(out_.size):
            out_[i] = value
