"""The other activations: a = sigma(u), and under it the slope sigma'(u) by which (4) multiplies delta.

All arrays are flat. `options` are a row's other numbers, as a tuple. At a kink the slope is PyTorch's. For complex
numbers the real part chooses the branch, so that on either side of a kink the function is analytic and a complex step
works. NaN stays NaN: the last branch of each row passes it on. Where a slope is 0, delta_u is 0, whatever delta is.
"""

import numpy as np
from numpy import exp, expm1, log1p, tanh, where

from backprop.kernels.reference.sums import put, wide

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # these keep mean 0 and variance 1 (Klambauer, 2017)
ROOT_2, ROOT_2_PI = 2**0.5, (2 * np.pi) ** 0.5
BEND, CUBIC = (2 / np.pi) ** 0.5, 0.044715  # the tanh that approximates the normal distribution (Hendrycks, 2016)


def magnitude(u):
    """|u|, as an analytic function on each side of 0"""
    return where(u.real < 0, -u, u)


def low(u):
    """min(u, 0): an exponential of it cannot overflow"""
    return where(u.real <= 0, u, 0)


def sigmoid(u):
    e = exp(-magnitude(u))
    return where(u.real < 0, e, 1) / (1 + e)


def softplus(u):
    """log(1 + e^u)"""
    return where(u.real < 0, 0, u) + log1p(exp(-magnitude(u)))


def share(u):
    """The probability of a standard normal variable below u."""
    from scipy.special import erfc  # which takes longer to import than all else together

    return erfc(-u / ROOT_2) / 2


def density(u):
    """Its derivative."""
    return exp(-u * u / 2) / ROOT_2_PI


def bend(u):
    return tanh(BEND * (u + CUBIC * u**3))


def times(u, s):
    """u s, but 0 where s is 0, even if u is infinite: a branch that is not taken, or an exponential that has
    underflowed, contributes nothing"""
    return where(s == 0, 0, u) * s


# fmt: off
TABLE = {
    "leaky_relu":  (lambda u, s: where(u.real <= 0, s * u, u),
                    lambda u, s: where(u.real <= 0, s, 1)),

    "elu":         (lambda u, k: where(u.real <= 0, k * expm1(low(u)), u),
                    lambda u, k: where(u.real <= 0, k * exp(low(u)), 1)),

    "celu":        (lambda u, k: where(u.real <= 0, k * expm1(low(u) / k), u),
                    lambda u, k: where(u.real <= 0, exp(low(u) / k), 1)),

    "selu":        (lambda u: SELU_SCALE * where(u.real <= 0, SELU_ALPHA * expm1(low(u)), u),
                    lambda u: SELU_SCALE * where(u.real <= 0, SELU_ALPHA * exp(low(u)), 1)),

    "gelu":        (lambda u: times(u, share(u)),
                    lambda u: share(u) + times(u, density(u))),

    "gelu_tanh":   (lambda u: times(u, (1 + bend(u)) / 2),
                    lambda u: (1 + bend(u)) / 2 + times(u * BEND * (1 + 3 * CUBIC * u * u) / 2, 1 - bend(u) ** 2)),

    "silu":        (lambda u: times(u, sigmoid(u)),
                    lambda u: sigmoid(u) + times(u, sigmoid(u) * sigmoid(-u))),

    "mish":        (lambda u: times(u, tanh(softplus(u))),
                    lambda u: tanh(softplus(u)) + times(u, (1 - tanh(softplus(u)) ** 2) * sigmoid(u))),

    "softplus":    (lambda u, b, most: where(b * u.real <= most, softplus(b * u) / b, u),
                    lambda u, b, most: where(b * u.real <= most, sigmoid(b * u), 1)),

    "softsign":    (lambda u: where(np.isinf(u), np.sign(u.real), u / (1 + magnitude(u))),
                    lambda u: 1 / (1 + magnitude(u)) ** 2),

    "tanhshrink":  (lambda u: u - tanh(u),
                    lambda u: tanh(u) ** 2),

    "hardshrink":  (lambda u, t: where(magnitude(u).real <= t, 0, u),
                    lambda u, t: where(magnitude(u).real <= t, 0, 1)),

    "softshrink":  (lambda u, t: where(magnitude(u).real <= t, 0, u - t * np.sign(u.real)),
                    lambda u, t: where(magnitude(u).real <= t, 0, 1)),

    "hardtanh":    (lambda u, lo, hi: where(u.real <= lo, lo, where(u.real >= hi, hi, u)),
                    lambda u, lo, hi: where((u.real <= lo) | (u.real >= hi), 0, 1)),

    "hardsigmoid": (lambda u: where(u.real <= -3, 0, where(u.real >= 3, 1, u / 6 + 1 / 2)),
                    lambda u: where((u.real <= -3) | (u.real >= 3), 0, 1 / 6)),

    "hardswish":   (lambda u: where(u.real <= -3, 0, where(u.real >= 3, u, u * (u / 6 + 1 / 2))),
                    lambda u: where(u.real <= -3, 0, where(u.real >= 3, 1, u / 3 + 1 / 2))),

    "logsigmoid":  (lambda u: -softplus(-u),
                    lambda u: sigmoid(-u)),
}
# fmt: on


def pair(sigma, slope):
    """The forward and the backward kernel of one row."""

    def forward(u, options, out):
        """(3) out[i] = sigma(u[i])"""
        out[...] = sigma(u, *options)

    def backward(delta, u, options, out):
        """(4) out[i] = delta[i] sigma'(u[i])"""
        out[...] = times(delta, slope(u, *options))

    return forward, backward


ACTIVATIONS = {name: pair(*row) for name, row in TABLE.items()}


def prelu(u, w, out):
    """(28) out[b,c,d] = u, or w[c] u where u <= 0: u (B, C, D), w (C,)"""
    out[...] = where(u.real <= 0, w[:, None] * u, u)


def prelu_backward(delta, u, w, out):
    """(28) delta, times w[c] where u <= 0"""
    out[...] = where(u.real <= 0, w[:, None] * delta, delta)


def prelu_weight_grad(delta, u, out, accumulate):
    """(28) out[c] = the sum of delta u over b, d where u <= 0, for w[c] multiplied u there"""
    put(where(u.real <= 0, wide(delta) * u, 0).sum(axis=(0, 2)), out, accumulate)
