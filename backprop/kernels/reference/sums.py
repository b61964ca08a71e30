"""Sums that keep their digits: float32 is added up in float64, since a million rows would cost half of them."""

import numpy as np

MOST_TERMS = 1 << 12  # of a sum in float32


def wide(array):
    """The array in a type whose sums keep all digits of its elements."""
    return array.astype(np.result_type(array, np.float64), copy=False)


def put(value, out, accumulate):
    """out = value, or out + value, rounded once"""
    out[...] = wide(out) + value if accumulate else value


def product(p, q):
    """The matrix product p q; sums of very many terms in float64"""
    return p @ q if p.shape[-1] <= MOST_TERMS else wide(p) @ wide(q)
