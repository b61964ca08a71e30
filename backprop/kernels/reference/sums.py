"""Sums that keep their digits: float32 is added up in float64, for a million rows would swallow half of them."""

import numpy as np

MOST_TERMS = 1 << 12  # that a float32 may add up


def wide(array):
    """The array in a type whose sums keep all digits that its elements have."""
    return array.astype(np.result_type(array, np.float64), copy=False)


def put(value, out, accumulate):
    """out = value, or out + value, rounded once"""
    out[...] = wide(out) + value if accumulate else value


def product(p, q):
    """p q, matrices; sums of very many terms in float64"""
    return p @ q if p.shape[-1] <= MOST_TERMS else wide(p) @ wide(q)
