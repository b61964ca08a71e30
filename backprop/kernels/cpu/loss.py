"""Losses element by element, and their first deltas, in one table: the loss of output a against target b, and under it
its derivative with respect to a, which `scale` multiplies by the reduction's factor (1/E for a mean over E terms).

All arrays are flat, an item is a block; `options` are a row's other numbers, as a tuple. Reductions to
a single number run in one thread.
"""

from math import exp, log

from backprop.kernels.cpu.jit import inner, with_words
from backprop.kernels.cpu.kernel import exact_kernel
from backprop.kernels.cpu.more_activations import sigmoid, softplus, times
from backprop.kernels.cpu.parts import block_of, blocks, share

LEAST = exp(-100)


@inner
def side(a, b):
    """The sign of a - b, 0 where they are equal; NaN stays NaN"""
    return 1.0 if a > b else -1.0 if a < b else a - b


@inner
def log100(a):
    """log a, but no less than -100, as in PyTorch: a confident wrong answer costs 100, not infinity"""
    return -100.0 if 0 <= a < LEAST else log(a)


# fmt: off
TABLE = {
    "squared":         (lambda a, b: (a - b) * (a - b),                                                        # (8)
                        lambda a, b: 2 * (a - b)),

    "absolute":        (lambda a, b: abs(a - b),                                                              # (21)
                        lambda a, b: side(a, b)),

    "huber":           (lambda a, b, d: (a - b) * (a - b) / 2 if abs(a - b) <= d else d * (abs(a - b) - d / 2),
                        lambda a, b, d: a - b if abs(a - b) <= d else d * side(a, b)),                        # (22)

    "smooth_l1":       (lambda a, b, d: (a - b) * (a - b) / (2 * d) if abs(a - b) < d else abs(a - b) - d / 2,
                        lambda a, b, d: (a - b) / d if abs(a - b) < d else side(a, b)),                       # (37)

    "bce":             (lambda a, b: -b * log100(a) - (1 - b) * log100(1 - a),
                        lambda a, b: (a - b) / max(a * (1 - a), 1e-12)),                                      # (38)

    "bce_with_logits": (lambda a, b: times(abs(a), b if a < 0 else 1 - b) + softplus(-abs(a)),
                        lambda a, b: sigmoid(a) - b),                                                         # (24)

    "positives":       (lambda a, b: times(softplus(-a), b),
                        lambda a, b: -b * sigmoid(-a)),                                                       # (24)

    "kl_div":          (lambda a, b: times(log(b if b != 0 else 1.0) - a, b),
                        lambda a, b: -b),                                                                     # (39)

    "kl_div_log":      (lambda a, b: times(b - a, exp(b)),
                        lambda a, b: -exp(b)),                                                                # (39)
}
# fmt: on


def forward(a, b, options, out, part, parts):
    """out[i] = the loss of a[i] against b[i]"""
    for block in share(blocks(a.size), part, parts):
        a_, b_, out_ = block_of(a, block), block_of(b, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = loss(a_[i], b_[i], *options)  # noqa: F821


def backward(a, b, options, scale, out, part, parts):
    """delta = its derivative with respect to a, times scale"""
    for block in share(blocks(a.size), part, parts):
        a_, b_, out_ = block_of(a, block), block_of(b, block), block_of(out, block)
        for i in range(a_.size):
            out_[i] = times(scale, slope(a_[i], b_[i], *options))  # noqa: F821


def pair(name, **row):
    """The forward and the backward kernel of one row, whose `loss` and `slope` they call."""
    row = {word: inner(function) for word, function in row.items()}
    return tuple(exact_kernel(work=8)(with_words(way, f"{name}_{way.__name__}", **row)) for way in (forward, backward))


ERRORS = {name: pair(name, loss=loss, slope=slope) for name, (loss, slope) in TABLE.items()}


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
