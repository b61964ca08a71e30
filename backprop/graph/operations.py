"""The table of operations: each beside its local rule, formula = code.

a and b are what v is computed from; c, axis, shape and the like are options, which have no slope. A slope may use v
itself, so that exp' = v and tanh' = 1 - v^2 compute nothing twice. Where a rule has an exception, np.where has the
general case last, which is the one that a trace prints.

Where a slope or an adjoint is 0, so is what is handed down, though the other be infinite: a branch that was not taken
gets 0 and hands down 0. The price: an adjoint that is 0 for another reason is not told from it, so that sqrt(v)**2 has
the slope 0 at v = 0, where PyTorch's is NaN and the truth 1.

At a kink a slope is PyTorch's: relu'(0) = abs'(0) = 0, and of two equal operands maximum gives each one half. For
complex numbers the real part chooses the branch, so that on either side of a kink phi is analytic and a complex step
goes through.
"""

import math

import numpy as np
from numpy import cos, exp, log, maximum, minimum, sign, sin, sqrt, tan, tanh, where

from backprop import functional as F
from backprop.graph.rules import Elementwise, LinearMap, Product
from backprop.kernels.reference.more_activations import magnitude, sigmoid
from backprop.kernels.reference.sums import wide


def lower(b):
    """b - 1; but 0 where b is 0, for a^0 does not move, even at a = 0"""
    return where(b == 0, 0, b - 1)


def ln(a, v):
    """log a; but 0 where a is 0 and v = a^b is not infinite, for 0^b does not move while b is above 0"""
    return where(a == 0, where(v.real > 1, -np.inf, 0), log(where(a == 0, 1, a)))


def above(a, b):
    """1 where a is the larger one, 0 where b is, one half where they are equal; 1 where one is NaN, as v is then"""
    return where((a != a) | (b != b), 1, where(a.real == b.real, 0.5, a.real > b.real))


def summed(a, axis, keepdims):
    """sum of a; of float32 in float64"""
    return wide(a).sum(axis=axis, keepdims=keepdims)


def spread(vbar, a, axis, keepdims):
    """vbar to every entry of a that was summed into it"""
    if not keepdims and axis is not None:
        vbar = np.expand_dims(vbar, axis)
    return np.broadcast_to(vbar, a.shape)


def share(vbar, a, axis, keepdims):
    """vbar in equal parts to every entry of a that was averaged into it"""
    count = a.size if axis is None else math.prod(a.shape[k] for k in np.atleast_1d(axis))
    return spread(vbar / count, a, axis, keepdims)


def pick(a, axis, keepdims, first):
    """the entries at `first` along `axis` (None: of all of a), where the largest came first"""
    if axis is None:
        picked = a.reshape(-1)[first]
        return picked.reshape((1,) * a.ndim) if keepdims else picked
    picked = np.take_along_axis(a, np.expand_dims(first, axis), axis)
    return picked if keepdims else picked.squeeze(axis)


def put_back(vbar, a, axis, keepdims, first):
    """vbar to the entries that were picked, 0 to the others"""
    abar = np.zeros(a.shape, vbar.dtype)
    if axis is None:
        abar.reshape(-1)[first] = vbar.reshape(())
    else:
        vbar = vbar if keepdims else np.expand_dims(vbar, axis)
        np.put_along_axis(abar, np.expand_dims(first, axis), vbar, axis)
    return abar


def undo(vbar, axes):
    """vbar with its axes back in their places"""
    return F.transposed(vbar, tuple(map(int, np.argsort([axis % vbar.ndim for axis in axes]))))


def cut(vbar, *parts, axis):
    """vbar in pieces as long as the parts"""
    ends = np.cumsum([part.shape[axis] for part in parts]).tolist()
    return [F.cut(vbar, axis % vbar.ndim, *ends_of) for ends_of in zip([0, *ends], ends, strict=False)]


# fmt: off
ELEMENTWISE = {
    #            v = phi(a, b)                    dphi/da                              dphi/db
    "add":      (lambda a, b: a + b,              lambda v, a, b: 1,                   lambda v, a, b: 1),
    "subtract": (lambda a, b: a - b,              lambda v, a, b: 1,                   lambda v, a, b: -1),
    "multiply": (lambda a, b: a * b,              lambda v, a, b: b,                   lambda v, a, b: a),
    "divide":   (lambda a, b: a / b,              lambda v, a, b: 1 / b,               lambda v, a, b: -v / b),
    "power":    (lambda a, b: a**b,               lambda v, a, b: b * a ** lower(b),   lambda v, a, b: v * ln(a, v)),
    "maximum":  (maximum,                         lambda v, a, b: above(a, b),         lambda v, a, b: above(b, a)),
    "minimum":  (minimum,                         lambda v, a, b: above(b, a),         lambda v, a, b: above(a, b)),
    "where":    (lambda a, b, c: where(c, a, b),  lambda v, a, b, c: c,                lambda v, a, b, c: 1 - c),

    #            v = phi(a)                                dphi/da
    "negative": (lambda a: -a,                             lambda v, a: -1),
    "abs":      (magnitude,                                lambda v, a: sign(a.real)),
    "exp":      (exp,                                      lambda v, a: v),
    "log":      (log,                                      lambda v, a: 1 / a),
    "sqrt":     (sqrt,                                     lambda v, a: 1 / (2 * v)),
    "sin":      (sin,                                      lambda v, a: cos(a)),
    "cos":      (cos,                                      lambda v, a: -sin(a)),
    "tan":      (tan,                                      lambda v, a: 1 + v * v),
    "tanh":     (tanh,                                     lambda v, a: 1 - v * v),
    "sigmoid":  (sigmoid,                                  lambda v, a: v * (1 - v)),
    "relu":     (lambda a: where(a.real <= 0, 0, a),       lambda v, a: where(a != a, 1, a.real > 0)),
}

LINEAR = {  # max is linear once it has chosen `first`, the place of the largest entry
    #               v = phi(a), linear in a                             abar += the adjoint map of vbar
    "sum":         (summed,                                             spread),
    "mean":        (lambda a, axis, keepdims: wide(a).mean(axis=axis, keepdims=keepdims),
                                                                        share),
    "max":         (pick,                                               put_back),
    "index":       (lambda a, at: a[at],                                lambda vbar, a, at: F.put(vbar, a.shape, at)),
    "reshape":     (lambda a, shape: a.reshape(shape),                  lambda vbar, a, shape: vbar.reshape(a.shape)),
    "transpose":   (lambda a, axes: F.transposed(a, axes),              lambda vbar, a, axes: undo(vbar, axes)),
    "concatenate": (lambda *parts, axis: F.joined(parts, axis),         cut),
}
# fmt: on

OPERATIONS = {
    **{name: Elementwise(name, *row) for name, row in ELEMENTWISE.items()},
    **{name: LinearMap(name, *row) for name, row in LINEAR.items()},
    "matmul": Product(),
}
