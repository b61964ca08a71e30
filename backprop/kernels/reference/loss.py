"""Losses element by element, and their first deltas, in one table: the loss of output a against target b, and under it
its derivative with respect to a, which `scale` multiplies by the reduction's factor (1/E for a mean over E terms).

All arrays are flat; `options` are a row's other numbers, as a tuple. For complex a the real part chooses the branch.
"""

import numpy as np
from numpy import exp, log, maximum, where

from backprop.kernels.reference.more_activations import magnitude, sigmoid, softplus, times
from backprop.kernels.reference.sums import wide


def gap(a, b):
    """|a - b|"""
    return magnitude(a - b)


def side(a, b):
    """The sign of a - b, 0 where they are equal"""
    return np.sign((a - b).real)


def log100(a):
    """log a, but no less than -100, as in PyTorch: a confident wrong answer costs 100, not infinity"""
    with np.errstate(divide="ignore"):
        return maximum(log(a), -100)


# fmt: off
TABLE = {
    "squared":         (lambda a, b: (a - b) ** 2,                                                             # (8)
                        lambda a, b: 2 * (a - b)),

    "absolute":        (lambda a, b: gap(a, b),                                                               # (21)
                        lambda a, b: side(a, b)),

    "huber":           (lambda a, b, d: where(gap(a, b).real <= d, (a - b) ** 2 / 2, d * (gap(a, b) - d / 2)),
                        lambda a, b, d: where(gap(a, b).real <= d, a - b, d * side(a, b))),                   # (22)

    "smooth_l1":       (lambda a, b, d: where(gap(a, b).real < d, (a - b) ** 2 / (2 * d), gap(a, b) - d / 2),
                        lambda a, b, d: where(gap(a, b).real < d, (a - b) / d, side(a, b))),                  # (37)

    "bce":             (lambda a, b: -b * log100(a) - (1 - b) * log100(1 - a),
                        lambda a, b: (a - b) / maximum(a * (1 - a), 1e-12)),                                  # (38)

    "bce_with_logits": (lambda a, b: times(magnitude(a), where(a.real < 0, b, 1 - b)) + softplus(-magnitude(a)),
                        lambda a, b: sigmoid(a) - b),                                                         # (24)

    "positives":       (lambda a, b: times(softplus(-a), b),
                        lambda a, b: -b * sigmoid(-a)),                                                       # (24)

    "kl_div":          (lambda a, b: times(log(where(b == 0, 1, b)) - a, b),
                        lambda a, b: -b),                                                                     # (39)

    "poisson":         (lambda a, b: exp(a) - a * b,
                        lambda a, b: exp(a) - b),

    "poisson_mean":    (lambda a, b, eps: a - log(a + eps) * b,
                        lambda a, b, eps: 1 - b / (a + eps)),

    "kl_div_log":      (lambda a, b: times(b - a, exp(b)),
                        lambda a, b: -exp(b)),                                                                # (39)
}
# fmt: on


def pair(loss, slope):
    """The forward and the backward kernel of one row."""

    def forward(a, b, options, out):
        """out[i] = the loss of a[i] against b[i]"""
        out[...] = loss(a, b, *options)

    def backward(a, b, options, scale, out):
        """delta = its derivative with respect to a, times scale"""
        out[...] = times(scale, slope(a, b, *options))

    return forward, backward


ERRORS = {name: pair(*row) for name, row in TABLE.items()}


def total(values, out):
    """out (1,) = the sum of a flat array"""
    out[0] = wide(values).sum()


def first_outside(values, low, high, out):
    """out (1,) = the first index of a flat array whose value is below low or above high, or -1; NaN passes"""
    bad = np.flatnonzero((values.real < low) | (values.real > high))
    out[0] = bad[0] if bad.size else -1
