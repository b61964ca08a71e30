"""Formulas of Values that several layers and losses share."""

import numpy as np


def positive(x):
    """max(x, 0); its slope is 0 where x is 0, as PyTorch's"""
    return np.where(x.data > 0, x, 0)


def softplus(x):
    """log(1 + e^x), without overflow"""
    return positive(x) + np.log(1 + np.exp(-abs(x)))


def distance(x, p, eps, keepdims=False):
    """The p-norm of x + eps along the last axis."""
    x = abs(x + eps)
    if p == 1:
        return x.sum(-1, keepdims)
    if np.isinf(p):
        return x.max(-1, keepdims)
    return np.sqrt((x * x).sum(-1, keepdims)) if p == 2 else (x**p).sum(-1, keepdims) ** (1 / p)
