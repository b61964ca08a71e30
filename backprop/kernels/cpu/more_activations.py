"""The other activations: a = sigma(u), and under it the slope sigma'(u) by which (4) multiplies delta.

All arrays are flat; an item is a block. `options` are a row's other numbers, as a tuple. NaN stays NaN: the
last branch of each row passes it on. Where a slope is 0, delta_u is 0, whatever delta is.
"""

import math
from math import exp, expm1, tanh

import numpy as np

from backprop.kernels.cpu.jit import inner, with_words
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import block_of, blocks, share

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # these keep mean 0 and variance 1 (Klambauer, 2017)
ROOT_2, ROOT_2_PI = math.sqrt(2), math.sqrt(2 * math.pi)
BEND, CUBIC = math.sqrt(2 / math.pi), 0.044715  # the tanh that approximates the normal distribution (Hendrycks, 2016)


@inner
def sigmoid(u):
    e = exp(-abs(u))
    return (e if u < 0 else 1.0) / (1.0 + e)


@inner
def softplus(u):
    """log(1 + e^u)"""
    return (0.0 if u < 0 else u) + math.log1p(exp(-abs(u)))


@inner
def below(u):
    """The probability of a standard normal variable below u."""
    return math.erfc(-u / ROOT_2) / 2


@inner
def density(u):
    """Its derivative."""
    return exp(-u * u / 2) / ROOT_2_PI


@inner
def bend(u):
    return tanh(BEND * (u + CUBIC * u * u * u))


@inner
def times(u, s):
    """u s, but 0 where s is 0, even if u is infinite: a branch that is not taken, or an exponential that has
    underflowed, contributes nothing"""
    return u * s if s != 0 else 0.0 * s


# fmt: off
TABLE = {
    "leaky_relu":  (lambda u, s: s * u if u <= 0 else u,
                    lambda u, s: s if u <= 0 else 1.0),

    "elu":         (lambda u, k: k * expm1(u) if u <= 0 else u,
                    lambda u, k: k * exp(u) if u <= 0 else 1.0),

    "celu":        (lambda u, k: k * expm1(u / k) if u <= 0 else u,
                    lambda u, k: exp(u / k) if u <= 0 else 1.0),

    "selu":        (lambda u: SELU_SCALE * (SELU_ALPHA * expm1(u) if u <= 0 else u),
                    lambda u: SELU_SCALE * (SELU_ALPHA * exp(u) if u <= 0 else 1.0)),

    "gelu":        (lambda u: times(u, below(u)),
                    lambda u: below(u) + times(u, density(u))),

    "gelu_tanh":   (lambda u: times(u, (1 + bend(u)) / 2),
                    lambda u: (1 + bend(u)) / 2 + times(u * BEND * (1 + 3 * CUBIC * u * u) / 2, 1 - bend(u) ** 2)),

    "silu":        (lambda u: times(u, sigmoid(u)),
                    lambda u: sigmoid(u) + times(u, sigmoid(u) * sigmoid(-u))),

    "mish":        (lambda u: times(u, tanh(softplus(u))),
                    lambda u: tanh(softplus(u)) + times(u, (1 - tanh(softplus(u)) ** 2) * sigmoid(u))),

    "softplus":    (lambda u, b, most: softplus(b * u) / b if b * u <= most else u,
                    lambda u, b, most: sigmoid(b * u) if b * u <= most else 1.0),

    "softsign":    (lambda u: math.copysign(1.0, u) if math.isinf(u) else u / (1 + abs(u)),
                    lambda u: 1 / (1 + abs(u)) ** 2),

    "tanhshrink":  (lambda u: u - tanh(u),
                    lambda u: tanh(u) ** 2),

    "hardshrink":  (lambda u, t: 0.0 if abs(u) <= t else u,
                    lambda u, t: 0.0 if abs(u) <= t else 1.0),

    "softshrink":  (lambda u, t: 0.0 if abs(u) <= t else u - math.copysign(t, u),
                    lambda u, t: 0.0 if abs(u) <= t else 1.0),

    "hardtanh":    (lambda u, lo, hi: lo if u <= lo else hi if u >= hi else u,
                    lambda u, lo, hi: 0.0 if u <= lo or u >= hi else 1.0),

    "hardsigmoid": (lambda u: 0.0 if u <= -3 else 1.0 if u >= 3 else u / 6 + 1 / 2,
                    lambda u: 0.0 if u <= -3 or u >= 3 else 1 / 6),

    "hardswish":   (lambda u: 0.0 if u <= -3 else u if u >= 3 else u * (u / 6 + 1 / 2),
                    lambda u: 0.0 if u <= -3 else 1.0 if u >= 3 else u / 3 + 1 / 2),

    "logsigmoid":  (lambda u: -softplus(-u),
                    lambda u: sigmoid(-u)),
}
# fmt: on


def forward(u, options, out, part, parts):
    """(3) out[i] = sigma(u[i])"""
    for block in share(blocks(u.size), part, parts):
        u_, out_ = block_of(u, block), block_of(out, block)
        for i in range(u_.size):
            out_[i] = sigma(u_[i], *options)  # noqa: F821


def backward(delta, u, options, out, part, parts):
    """(4) out[i] = delta[i] sigma'(u[i])"""
    for block in share(blocks(u.size), part, parts):
        delta_, u_, out_ = block_of(delta, block), block_of(u, block), block_of(out, block)
        for i in range(u_.size):
            out_[i] = times(delta_[i], slope(u_[i], *options))  # noqa: F821


def pair(name, **row):
    """The forward and the backward kernel of one row, whose `sigma` and `slope` they call."""
    row = {word: inner(function) for word, function in row.items()}
    return tuple(exact_kernel(work=16)(with_words(way, f"{name}_{way.__name__}", **row)) for way in (forward, backward))


ACTIVATIONS = {name: pair(name, sigma=sigma, slope=slope) for name, (sigma, slope) in TABLE.items()}


@kernel
def prelu(u, w, out, part, parts):
    """(3) out[b,c,d] = u, or w[c] u where u <= 0: u (B, C, D), w (C,); item b is out[b]"""
    for b in share(u.shape[0], part, parts):
        for c in range(u.shape[1]):
            for d in range(u.shape[2]):
                out[b, c, d] = w[c] * u[b, c, d] if u[b, c, d] <= 0 else u[b, c, d]


@kernel
def prelu_backward(delta, u, w, out, part, parts):
    """(4) sigma' = 1, or w[c] where u <= 0"""
    for b in share(u.shape[0], part, parts):
        for c in range(u.shape[1]):
            for d in range(u.shape[2]):
                out[b, c, d] = w[c] * delta[b, c, d] if u[b, c, d] <= 0 else delta[b, c, d]


@kernel
def prelu_weight_grad(delta, u, out, accumulate, part, parts):
    """(28) out[c] = the sum of delta u over b, d where u <= 0, for w[c] multiplied u there: item c is out[c]"""
    for c in share(u.shape[1], part, parts):
        total = np.float64(out[c]) if accumulate else 0.0
        for b in range(u.shape[0]):
            for d in range(u.shape[2]):
                if u[b, c, d] <= 0:
                    total += np.float64(delta[b, c, d]) * u[b, c, d]
        out[c] = total
