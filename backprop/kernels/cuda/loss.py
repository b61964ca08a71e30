"""Losses element by element, and their first deltas, in one table: the loss of output a against target b, and under it
its derivative with respect to a, which `scale` multiplies by the reduction's factor (1/E for a mean over E terms).

All arrays are flat, thread i owns out[i]; `options` are a row's other numbers, as a tuple. Reductions to a single
number run in one block.
"""

import math

from numba import cuda

from backprop.kernels.cuda.block import block_least
from backprop.kernels.cuda.kernel import Part, flat, kernel, part, real, u32
from backprop.kernels.cuda.more_activations import sigmoid, softplus, times
from backprop.kernels.cuda.sums import channel_sums
from backprop.kernels.cuda.targets import NONE

LEAST = math.exp(-100)


@part
def side(a, b):
    """The sign of a - b, 0 where they are equal; NaN stays NaN"""
    return real(1) if a > b else real(-1) if a < b else a - b


@part
def log100(a):
    """log a, but no less than -100, as in PyTorch: a confident wrong answer costs 100, not infinity"""
    return real(-100) if real(0) <= a < real(LEAST) else math.log(a)


@part
def log_of(b):
    """log b, but 0 where b is 0, since 0 log 0 is 0"""
    return math.log(b) if b != real(0) else real(0)


# fmt: off
TABLE = {
    "squared":         (lambda a, b: (a - b) * (a - b),                                                        # (8)
                        lambda a, b: real(2) * (a - b)),

    "absolute":        (lambda a, b: abs(a - b),                                                              # (21)
                        lambda a, b: side(a, b)),

    "huber":           (lambda a, b, d: (a - b) * (a - b) / real(2) if abs(a - b) <= d
                                        else d * (abs(a - b) - d / real(2)),
                        lambda a, b, d: a - b if abs(a - b) <= d else d * side(a, b)),                        # (22)

    "smooth_l1":       (lambda a, b, d: (a - b) * (a - b) / (real(2) * d) if abs(a - b) < d
                                        else abs(a - b) - d / real(2),
                        lambda a, b, d: (a - b) / d if abs(a - b) < d else side(a, b)),                       # (37)

    "bce":             (lambda a, b: -b * log100(a) - (real(1) - b) * log100(real(1) - a),
                        lambda a, b: (a - b) / max(a * (real(1) - a), real(1e-12))),                          # (38)

    "bce_with_logits": (lambda a, b: times(abs(a), b if a < real(0) else real(1) - b) + softplus(-abs(a)),
                        lambda a, b: sigmoid(a) - b),                                                         # (24)

    "positives":       (lambda a, b: times(softplus(-a), b),
                        lambda a, b: -b * sigmoid(-a)),                                                       # (24)

    "kl_div":          (lambda a, b: times(log_of(b) - a, b),
                        lambda a, b: -b),                                                                     # (39)

    "poisson":         (lambda a, b: math.exp(a) - a * b,
                        lambda a, b: math.exp(a) - b),

    "poisson_mean":    (lambda a, b, eps: a - log_of(a + eps) * b,
                        lambda a, b, eps: real(1) - b / (a + eps)),

    "kl_div_log":      (lambda a, b: times(b - a, math.exp(b)),
                        lambda a, b: -math.exp(b)),                                                           # (39)
}
# fmt: on

loss = slope = None  # placeholders for a row's own two functions


def forward(a, b, options, out, size):
    """out[i] = the loss of a[i] against b[i]"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = loss(a[i], b[i], *options)


def backward(a, b, options, scale, out, size):
    """delta = its derivative with respect to a, times scale"""
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = times(scale, slope(a[i], b[i], *options))


def pair(loss, slope):
    """The forward and the backward kernel of one row."""
    return flat(loss=Part(loss))(forward), flat(slope=Part(slope))(backward)


ERRORS = {name: pair(*row) for name, row in TABLE.items()}

all_of = channel_sums(lambda value, _: value)


def total(values, out):
    """out (1,) = the sum of a flat array"""
    row = values.reshape(1, 1, values.size)
    all_of(row, row, out, False)


@kernel
def first_outside_block(values, low, high, out, size):
    i, bad = u32(cuda.threadIdx.x), u32(NONE)
    while i < size:
        if values[i] < low or values[i] > high:
            bad = min(bad, i)
        i = u32(i + u32(cuda.blockDim.x))
    bad = block_least(u32(bad))
    if cuda.threadIdx.x == 0:
        out[0] = -1 if bad == u32(NONE) else bad


def first_outside(values, low, high, out):
    """out (1,) = the first index of a flat array whose value is below low or above high, or -1; NaN passes"""
    bounds = map(values.dtype.type, (low, high))
    first_outside_block(1, first_outside_block.team(values.size), values, *bounds, out, values.size)
