"""The other activations: a = sigma(u), and under it the slope sigma'(u) by which (4) multiplies delta.

All arrays are flat; an item is a block. `options` are a row's other numbers, as a tuple. NaN stays NaN: what `where`
chooses if nothing holds passes it on. Where a slope is 0, delta_u is 0, whatever delta is.
"""

import math

import numpy as np

from backprop.kernels.cpu import elementary
from backprop.kernels.cpu.elementary.functions import between, exp, expm1, normal, sigmoid, softplus, tanh, times
from backprop.kernels.cpu.elementary.traced import copysign, where, word
from backprop.kernels.cpu.jit import with_words
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import block_of, blocks, share
from backprop.kernels.cpu.simd import lanes, put_some, some_of

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # these keep mean 0 and variance 1 (Klambauer, 2017)
BEND, CUBIC = math.sqrt(2 / math.pi), 0.044715  # the tanh that approximates the normal distribution (Hendrycks, 2016)


def rise(u):
    """(1 + tanh v) / 2 with v = BEND (u + CUBIC u^3)"""
    return sigmoid(2 * BEND * (u + CUBIC * u**3))


def squares(u):
    """(u, e, n) with e = e^u and n = (1 + e)^2 - 1, from which tanh(log(1 + e)) = n / (n + 2); no more of u than it
    takes to make that 1"""
    u = between(u, -math.inf, u.digits * math.log(2))
    e = exp(u)
    return u, e, e * (e + 2)


def mish(u):
    _, _, n = squares(u)
    return times(u, n / (n + 2))


def mish_slope(u):
    u, e, n = squares(u)
    return n / (n + 2) + times(u, 4 * e * (1 + e) / (n + 2) ** 2)


# fmt: off
TABLE = {
    "leaky_relu":  (lambda u, s: where(u <= 0, s * u, u),
                    lambda u, s: where(u <= 0, s, 1)),

    "elu":         (lambda u, k: where(u <= 0, k * expm1(u), u),
                    lambda u, k: where(u <= 0, k * exp(u), 1)),

    "celu":        (lambda u, k: where(u <= 0, k * expm1(u / k), u),
                    lambda u, k: where(u <= 0, exp(u / k), 1)),

    "selu":        (lambda u: SELU_SCALE * where(u <= 0, SELU_ALPHA * expm1(u), u),
                    lambda u: SELU_SCALE * where(u <= 0, SELU_ALPHA * exp(u), 1)),

    "gelu":        (lambda u: times(u, normal(u)[0]),
                    lambda u: normal(u)[0] + times(u, normal(u)[1])),

    "gelu_tanh":   (lambda u: times(u, rise(u)),
                    lambda u: rise(u) + times(2 * BEND * (u + 3 * CUBIC * u**3), rise(u) * rise(-u))),

    "silu":        (lambda u: times(u, sigmoid(u)),
                    lambda u: sigmoid(u) + times(u, sigmoid(u) * sigmoid(-u))),

    "mish":        (mish,
                    mish_slope),

    "softplus":    (lambda u, b, most: where(b * u <= most, softplus(b * u) / b, u),
                    lambda u, b, most: where(b * u <= most, sigmoid(b * u), 1)),

    "softsign":    (lambda u: where(abs(u) == math.inf, copysign(1, u), u / (1 + abs(u))),
                    lambda u: 1 / (1 + abs(u)) ** 2),

    "tanhshrink":  (lambda u: u - tanh(u),
                    lambda u: tanh(u) ** 2),

    "hardshrink":  (lambda u, t: where(abs(u) <= t, 0, u),
                    lambda u, t: where(abs(u) <= t, 0, 1)),

    "softshrink":  (lambda u, t: where(abs(u) <= t, 0, u - copysign(t, u)),
                    lambda u, t: where(abs(u) <= t, 0, 1)),

    "hardtanh":    (lambda u, lo, hi: where(u <= lo, lo, where(u >= hi, hi, u)),
                    lambda u, lo, hi: where((u <= lo) | (u >= hi), 0, 1)),

    "hardsigmoid": (lambda u: where(u <= -3, 0, where(u >= 3, 1, u / 6 + 1 / 2)),
                    lambda u: where((u <= -3) | (u >= 3), 0, 1 / 6)),

    "hardswish":   (lambda u: where(u <= -3, 0, where(u >= 3, u, u * (u / 6 + 1 / 2))),
                    lambda u: where(u <= -3, 0, where(u >= 3, 1, u / 3 + 1 / 2))),

    "logsigmoid":  (lambda u: -softplus(-u),
                    lambda u: sigmoid(-u)),
}
# fmt: on


def forward(u, options, out, part, parts):
    """(3) out[i] = sigma(u[i])"""
    for block in share(blocks(u.size), part, parts):
        u_, out_ = block_of(u, block), block_of(out, block)
        for i in range(0, u_.size, lanes(u_)):
            put_some(sigma(some_of(u_, i), *options), out_, i)  # noqa: F821


def backward(delta, u, options, out, part, parts):
    """(4) out[i] = delta[i] sigma'(u[i])"""
    for block in share(blocks(u.size), part, parts):
        delta_, u_, out_ = block_of(delta, block), block_of(u, block), block_of(out, block)
        for i in range(0, u_.size, lanes(u_)):
            s = slope(some_of(u_, i), *options)  # noqa: F821
            put_some(elementary.times(some_of(delta_, i), s), out_, i)


def pair(name, sigma, slope):
    """The forward and the backward kernel of one row."""
    forwards = with_words(forward, f"{name}_forward", sigma=word(sigma, "sigma"))
    backwards = with_words(backward, f"{name}_backward", slope=word(slope, "slope"))
    return exact_kernel(work=8)(forwards), exact_kernel(work=8)(backwards)


ACTIVATIONS = {name: pair(name, *row) for name, row in TABLE.items()}


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
