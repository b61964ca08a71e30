"""Losses element by element, and their first deltas, in one table: the loss of output a against target b, and under it
its derivative with respect to a, which `scale` multiplies by the reduction's factor (1/E for a mean over E terms).

All arrays are flat, an item is a block; `options` are a row's other numbers, as a tuple. Reductions to
a single number run in one thread.
"""

import math

from backprop.kernels.cpu.elementary.functions import exp, log, sigmoid, softplus, times
from backprop.kernels.cpu.elementary.traced import where, word
from backprop.kernels.cpu.jit import with_words
from backprop.kernels.cpu.kernel import exact_kernel
from backprop.kernels.cpu.parts import block_of, blocks, share
from backprop.kernels.cpu.simd import lanes, put_some, some_of

LEAST = math.exp(-100)
scaled = word(lambda s, scale: times(scale, s), "scaled")


def side(a, b):
    """The sign of a - b, 0 where they are equal; NaN stays NaN"""
    return where(a > b, 1, where(a < b, -1, a - b))


def log100(a):
    """log a, but no less than -100, as in PyTorch: a confident wrong answer costs 100, not infinity"""
    return where((a >= 0) & (a < LEAST), -100, log(a))


def at_least(a, least):
    return where(a < least, least, a)


# fmt: off
TABLE = {
    "squared":         (lambda a, b: (a - b) * (a - b),                                                        # (8)
                        lambda a, b: 2 * (a - b)),

    "absolute":        (lambda a, b: abs(a - b),                                                              # (21)
                        lambda a, b: side(a, b)),

    "huber":           (lambda a, b, d: where(abs(a - b) <= d, (a - b) ** 2 / 2, d * (abs(a - b) - d / 2)),
                        lambda a, b, d: where(abs(a - b) <= d, a - b, d * side(a, b))),                       # (22)

    "smooth_l1":       (lambda a, b, d: where(abs(a - b) < d, (a - b) ** 2 / (2 * d), abs(a - b) - d / 2),
                        lambda a, b, d: where(abs(a - b) < d, (a - b) / d, side(a, b))),                      # (37)

    "bce":             (lambda a, b: -b * log100(a) - (1 - b) * log100(1 - a),
                        lambda a, b: (a - b) / at_least(a * (1 - a), 1e-12)),                                 # (38)

    "bce_with_logits": (lambda a, b: times(abs(a), where(a < 0, b, 1 - b)) + softplus(-abs(a)),
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


def forward(a, b, options, out, part, parts):
    """out[i] = the loss of a[i] against b[i]"""
    for block in share(blocks(a.size), part, parts):
        a_, b_, out_ = block_of(a, block), block_of(b, block), block_of(out, block)
        for i in range(0, a_.size, lanes(a_)):
            some = loss(some_of(a_, i), some_of(b_, i), *options)  # noqa: F821
            put_some(some, out_, i)


def backward(a, b, options, scale, out, part, parts):
    """delta = its derivative with respect to a, times scale"""
    for block in share(blocks(a.size), part, parts):
        a_, b_, out_ = block_of(a, block), block_of(b, block), block_of(out, block)
        for i in range(0, a_.size, lanes(a_)):
            some = slope(some_of(a_, i), some_of(b_, i), *options)  # noqa: F821
            put_some(scaled(some, scale), out_, i)


def pair(name, loss, slope):
    """The forward and the backward kernel of one row."""
    forwards = with_words(forward, f"{name}_forward", loss=word(loss, "loss"))
    backwards = with_words(backward, f"{name}_backward", slope=word(slope, "slope"))
    return exact_kernel(work=8)(forwards), exact_kernel(work=8)(backwards)


ERRORS = {name: pair(name, *row) for name, row in TABLE.items()}


@exact_kernel
def total(values, out):
    """out (1,) = the sum of a flat array, accumulated in float64"""
    gathered = 0.0
    for i in range(values.size):
        gathered += values[i]
    out[0] = gathered


@exact_kernel
def first_outside(values, low, high, out):
    """out (1,) = the first index of a flat array whose value is below low or above high, or -1; NaN passes"""
    out[0] = -1
    for i in range(values.size):
        if values[i] < low or values[i] > high:
            out[0] = i
            return
