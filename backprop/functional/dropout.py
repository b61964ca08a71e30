"""Dropout: zero some entries at random and scale up the others, so that the mean stays.                       (25)"""

import math

import numpy as np

from backprop import kernels
from backprop.functional.shapes import contiguous
from backprop.kernels.device import is_array
from backprop.module.options import probability


def dropout(u, key, p, axes=0):
    """keep u / (1-p), keep = 1 with probability 1-p, else 0: drawn for each entry, or once for all of the last `axes`.

    `key` is a Stream's next_key(), or any non-negative integer. The same key draws the same keep, so the adjoint is
    this function applied to delta.
    """
    probability("p", p)
    key = key if is_array(key) else np.array([key], np.uint64)
    k = kernels.of(u)
    lead = u.ndim - axes
    out = k.empty(u.shape, u.dtype)
    each = (math.prod(u.shape[:lead]), math.prod(u.shape[lead:]))
    k.dropout(contiguous(u).reshape(each), key, float(p), out.reshape(each))  # (25)
    return out
