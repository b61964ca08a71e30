"""Dropout: zero some entries at random and let the others grow, so that the mean stays.                       (25)"""

import math

from backprop import kernels
from backprop.errors import OptionError
from backprop.functional.shapes import contiguous


def dropout(u, key, p, axes=0):
    """keep u / (1-p), keep = 1 with probability 1-p, else 0: a draw for each entry, or for its last `axes` together.

    `key` is a Stream's next_key(). The same key draws the same keep, so the adjoint is this function, applied to delta.
    """
    if not 0 <= p <= 1:
        raise OptionError(f"p is a probability, from 0 to 1, got {p}")
    k = kernels.of(u)
    lead = u.ndim - axes
    out = k.empty(u.shape, u.dtype)
    each = (math.prod(u.shape[:lead]), math.prod(u.shape[lead:]))
    k.dropout(contiguous(u).reshape(each), key, float(p), out.reshape(each))  # (25)
    return out
