"""The three kinds of operations, by what their local rule is made of. The table of them all is operations.py.

    phi     (16)  v       = phi(a, b)                              forward
    pull    (17)  abar   += vbar dphi/da,  bbar += vbar dphi/db    reverse: vbar is pulled back to the parents
    push    (18)  vdot    = dphi/da adot + dphi/db bdot            forward mode: the dots are pushed on to v

Others call pull the vector-Jacobian product, push the Jacobian-vector product. `pull` gives one share for each parent;
what is not `wanted`, it need not compute. In `push` the dot of a parent that does not move is None.
"""

import numpy as np

from backprop import functional as F
from backprop.functional.arrays import summed_to
from backprop.kernels.device import DeviceArray


def times(vbar, slope):
    """vbar * slope, but 0 where either is 0, though the other be infinite or NaN: what a branch that was not taken gets
    and hands down. So np.where(v > 0, np.log(v), 0) has the slope 0 at v = 0.
    """
    product = vbar * slope
    plain = isinstance(product, DeviceArray) or (type(slope) in (int, float) and slope != 0)
    if plain or not np.isnan(product).any():
        return product
    return np.where((vbar == 0) | (slope == 0), 0, product)


class Elementwise:
    """v = phi(a, b, ...), entry by entry, with one slope for each parent: a function of v and the parents."""

    def __init__(self, name, phi, *slopes):
        self.name, self.phi, self.slopes = name, phi, slopes

    def pull(self, vbar, v, parents, wanted, **options):
        """(17) An operand that was stretched to v's shape was used many times: its shares add up."""
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
    """v = a b, matrices or stacks of them: linear in each factor while the other stands still."""

    name, phi = "matmul", staticmethod(F.matmul)

    def pull(self, vbar, v, parents, wanted):
        """(17) abar += vbar b^T, bbar += a^T vbar"""
        return F.matmul_backward(vbar, *parents)

    def push(self, v, parents, tangents):
        """(18) vdot = adot b + a bdot"""
        (a, b), (adot, bdot) = parents, tangents
        terms = [F.matmul(*pair) for pair in ((adot, b), (a, bdot)) if pair[0] is not None and pair[1] is not None]
        return sum(terms)
