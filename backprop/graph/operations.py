"""The table of operations, each beside its local rule: formula = code.

a and b are what v is computed from; c, axis, shape and the like are options, which have no slope. A slope may use v
itself, so that exp' = v and tanh' = 1 - v^2 compute nothing twice. Where a rule has an exception, np.where has the
general case last, which is the one that a trace prints.

Where a slope or an adjoint is 0, so is their product, even if the other is infinite: a branch that was not taken gets 0
and passes on 0. The price: an adjoint that is 0 for another reason is treated the same, so that sqrt(v)**2 has the
slope 0 at v = 0, where PyTorch gives NaN and the true slope is 1.

At a kink a slope is PyTorch's: relu'(0) = abs'(0) = 0, and for two equal operands maximum gives each one half. For
complex numbers the real part chooses the branch, so that on either side of a kink phi is analytic and a complex step
works.

Names in the table that are not NumPy's are in words.py: ln, lower and above are log a, b - 1 and a > b with exceptions;
spread passes vbar to all entries that were summed, share in equal parts, put_back to the largest; cut takes it apart.

Below the table are three classes of operations, one for each kind of local rule. Each has:

    phi     (16)  v       = phi(a, b)                              forward
    pull    (17)  abar   += vbar dphi/da,  bbar += vbar dphi/db    reverse: vbar is pulled back to the parents
    push    (18)  vdot    = dphi/da adot + dphi/db bdot            forward mode: the dots are pushed on to v

pull is also known as the vector-Jacobian product, push as the Jacobian-vector product. `pull` returns one share for
each parent, and need not compute those that are not `wanted`. In `push` the dot of a parent that does not move is None.

v = a b at a = 2, b = 3, by hand:

>>> multiply = OPERATIONS["multiply"]
>>> a, b, v = np.array([2.]), np.array([3.]), np.array([6.])
>>> multiply.pull(np.array([10.]), v, [a, b], wanted=[True, True])          # (17) abar = 10 b, bbar = 10 a
[array([30.]), array([20.])]
>>> multiply.push(v, [a, b], [np.array([1.]), np.array([10.])])             # (18) vdot = 1 b + 10 a
array([23.])
"""

import numpy as np
from numpy import cos, exp, log, maximum, minimum, sign, sin, sqrt, tan, tanh, where

from backprop import functional as F
from backprop.functional.arrays import summed_to
from backprop.graph.words import above, cut, ln, lower, pick, put_back, share, spread, summed, times, undo
from backprop.kernels.reference.more_activations import magnitude, sigmoid
from backprop.kernels.reference.sums import wide

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


class Elementwise:
    """v = phi(a, b, ...), entry by entry, with one slope for each parent: a function of v and the parents."""

    by_kernels = False

    def __init__(self, name, phi, *slopes):
        self.name, self.phi, self.slopes = name, phi, slopes

    def pull(self, vbar, v, parents, wanted, **options):
        """(17) An operand that was broadcast to v's shape was used many times: its shares add up."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a slope may be infinite where vbar is 0
            return [
                summed_to(times(vbar, slope(v, *parents, **options)), a.shape) if want else None
                for slope, a, want in zip(self.slopes, parents, wanted, strict=True)
            ]

    def push(self, v, parents, tangents, **options):
        """(18)"""
        terms = zip(self.slopes, tangents, strict=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return sum(times(dot, slope(v, *parents, **options)) for slope, dot in terms if dot is not None)


class LinearMap:
    """v = phi(a, ...), linear in all its parents together, with the adjoint map: a share for each parent."""

    by_kernels = False

    def __init__(self, name, phi, adjoint):
        self.name, self.phi, self.adjoint = name, phi, adjoint

    def pull(self, vbar, v, parents, wanted, **options):
        """(17)"""
        shares = self.adjoint(vbar, *parents, **options)
        return shares if isinstance(shares, list) else [shares]

    def push(self, v, parents, tangents, **options):
        """(18) A linear map is its own derivative."""
        dots = [np.zeros_like(a) if dot is None else dot for a, dot in zip(parents, tangents, strict=True)]
        return self.phi(*dots, **options)


class Product:
    """v = a b, matrices or stacks of them: linear in each factor while the other is fixed."""

    name, phi = "matmul", staticmethod(F.matmul)
    by_kernels = True  # and by NumPy alone the others

    def pull(self, vbar, v, parents, wanted):
        """(17) abar += vbar b^T, bbar += a^T vbar"""
        return F.matmul_backward(vbar, *parents)

    def push(self, v, parents, tangents):
        """(18) vdot = adot b + a bdot"""
        (a, b), (adot, bdot) = parents, tangents
        terms = [F.matmul(*pair) for pair in ((adot, b), (a, bdot)) if pair[0] is not None and pair[1] is not None]
        return sum(terms)


OPERATIONS = {
    **{name: Elementwise(name, *row) for name, row in ELEMENTWISE.items()},
    **{name: LinearMap(name, *row) for name, row in LINEAR.items()},
    "matmul": Product(),
}
