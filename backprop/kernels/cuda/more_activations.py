"""The other activations: a = sigma(u), and under it the slope sigma'(u) by which (4) multiplies delta.

All arrays are flat; thread i owns out[i]. `options` are a row's other numbers, as a tuple. NaN stays NaN: the last
branch of each row passes it on. Where a slope is 0, delta_u is 0, whatever delta is.
"""

import math
from math import pi

from numba import cuda

from backprop.kernels.cuda.kernel import Part, flat, kernel, part, real, u32
from backprop.kernels.cuda.sums import channel_sums

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # these keep mean 0 and variance 1 (Klambauer, 2017)
ROOT_2, ROOT_2_PI = 2**0.5, (2 * pi) ** 0.5
BEND, CUBIC = (2 / pi) ** 0.5, 0.044715  # the tanh that approximates the normal distribution (Hendrycks, 2016)


@part
def sigmoid(u):
    e = math.exp(-abs(u))
    return (e if u < real(0) else real(1)) / (real(1) + e)


@part
def softplus(u):
    """log(1 + e^u)"""
    return (real(0) if u < real(0) else u) + math.log1p(math.exp(-abs(u)))


@part
def share(u):
    """The probability of a standard normal variable below u."""
    return math.erfc(-u / real(ROOT_2)) / real(2)


@part
def density(u):
    """Its derivative."""
    return math.exp(-u * u / real(2)) / real(ROOT_2_PI)


@part
def bend(u):
    return math.tanh(real(BEND) * (u + real(CUBIC) * u * u * u))


@part
def bend_slope(u):
    return times(u * real(BEND) * (real(1) + real(3 * CUBIC) * u * u), real(1) - bend(u) * bend(u))


@part
def times(u, s):
    """u s, but 0 where s is 0, even if u is infinite: a branch that is not taken, or an exponential that has
    underflowed, contributes nothing"""
    return u * s if s != real(0) else s


# fmt: off
TABLE = {
    "leaky_relu":  (lambda u, s: s * u if u <= real(0) else u,
                    lambda u, s: s if u <= real(0) else real(1)),

    "elu":         (lambda u, k: k * math.expm1(u) if u <= real(0) else u,
                    lambda u, k: k * math.exp(u) if u <= real(0) else real(1)),

    "celu":        (lambda u, k: k * math.expm1(u / k) if u <= real(0) else u,
                    lambda u, k: math.exp(u / k) if u <= real(0) else real(1)),

    "selu":        (lambda u: real(SELU_SCALE) * (real(SELU_ALPHA) * math.expm1(u) if u <= real(0) else u),
                    lambda u: real(SELU_SCALE) * (real(SELU_ALPHA) * math.exp(u) if u <= real(0) else real(1))),

    "gelu":        (lambda u: times(u, share(u)),
                    lambda u: share(u) + times(u, density(u))),

    "gelu_tanh":   (lambda u: times(u, (real(1) + bend(u)) / real(2)),
                    lambda u: (real(1) + bend(u)) / real(2) + bend_slope(u) / real(2)),

    "silu":        (lambda u: times(u, sigmoid(u)),
                    lambda u: sigmoid(u) + times(u, sigmoid(u) * sigmoid(-u))),

    "mish":        (lambda u: times(u, math.tanh(softplus(u))),
                    lambda u: math.tanh(softplus(u))
                              + times(u, (real(1) - math.tanh(softplus(u)) * math.tanh(softplus(u))) * sigmoid(u))),

    "softplus":    (lambda u, b, most: softplus(b * u) / b if b * u <= most else u,
                    lambda u, b, most: sigmoid(b * u) if b * u <= most else real(1)),

    "softsign":    (lambda u: math.copysign(real(1), u) if math.isinf(u) else u / (real(1) + abs(u)),
                    lambda u: real(1) / ((real(1) + abs(u)) * (real(1) + abs(u)))),

    "tanhshrink":  (lambda u: u - math.tanh(u),
                    lambda u: math.tanh(u) * math.tanh(u)),

    "hardshrink":  (lambda u, t: real(0) if abs(u) <= t else u,
                    lambda u, t: real(0) if abs(u) <= t else real(1)),

    "softshrink":  (lambda u, t: real(0) if abs(u) <= t else u - math.copysign(t, u),
                    lambda u, t: real(0) if abs(u) <= t else real(1)),

    "hardtanh":    (lambda u, lo, hi: lo if u <= lo else hi if u >= hi else u,
                    lambda u, lo, hi: real(0) if u <= lo or u >= hi else real(1)),

    "hardsigmoid": (lambda u: real(0) if u <= real(-3) else real(1) if u >= real(3) else u / real(6) + real(1 / 2),
                    lambda u: real(0) if u <= real(-3) or u >= real(3) else real(1 / 6)),

    "hardswish":   (lambda u: real(0) if u <= real(-3) else u if u >= real(3) else u * (u / real(6) + real(1 / 2)),
                    lambda u: real(0) if u <= real(-3) else real(1) if u >= real(3) else u / real(3) + real(1 / 2)),

    "logsigmoid":  (lambda u: -softplus(-u),
                    lambda u: sigmoid(-u)),
}
# fmt: on


sigma = slope = None  # placeholders for a row's own two functions


def forward(u, options, out, size):
    """(3) out[i] = sigma(u[i])"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = sigma(u[i], *options)


def backward(delta, u, options, out, size):
    """(4) out[i] = delta[i] sigma'(u[i])"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = times(delta[i], slope(u[i], *options))


def pair(sigma, slope):
    """The forward and the backward kernel of one row."""
    return flat(sigma=Part(sigma))(forward), flat(slope=Part(slope))(backward)


ACTIVATIONS = {name: pair(*row) for name, row in TABLE.items()}


@kernel
def prelu_each(u, w, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = w[i // D % C] * u[i] if u[i] <= real(0) else u[i]


def prelu(u, w, out):
    """(3) out[b,c,d] = u, or w[c] u where u <= 0: u (B, C, D), w (C,); each thread owns one number"""
    prelu_each.each(u.size, u, w, out, *u.shape[1:])


@kernel
def prelu_backward_each(delta, u, w, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = w[i // D % C] * delta[i] if u[i] <= real(0) else delta[i]


def prelu_backward(delta, u, w, out):
    """(4) sigma' = 1, or w[c] where u <= 0"""
    prelu_backward_each.each(u.size, delta, u, w, out, *u.shape[1:])


prelu_terms = channel_sums(lambda delta, u: delta * u if u <= real(0) else real(0))


def prelu_weight_grad(delta, u, out, accumulate):
    """(28) out[c] = the sum of delta u over b, d where u <= 0, for w[c] multiplied u there"""
    prelu_terms(delta, u, out, accumulate)
