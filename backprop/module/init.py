"""Initial weights under PyTorch's names: each fills a Parameter, or an array, in place, and returns it.

A layer z = W a keeps the size of what passes through it if its weights have the right variance. For entries of a with
variance 1, z_j = sum_i W_ji a_i has variance fan_in Var(W); backward, delta_a = W^T delta has fan_out Var(W). So:

    Var(W) = 2 / (fan_in + fan_out)       xavier, a compromise of both             (Glorot and Bengio, 2010)
    Var(W) = gain^2 / fan_in              kaiming; ReLU passes half, gain^2 = 2    (He and others, 2015)

fan_in is the number of inputs that an output adds up: I for W (O, I), C P Q for filters (O, C, P, Q). A normal draw has
the standard deviation std = sqrt(Var(W)), a uniform one runs from -sqrt(3) std to sqrt(3) std.

>>> import numpy as np, backprop as bp
>>> layer = bp.Linear(1000, 1000)
>>> W = bp.init.kaiming_normal_(layer.weight, nonlinearity="relu")
>>> print(f"{W.data.std():.3f} {np.sqrt(2 / 1000):.3f}")
0.045 0.045

Draws come from the engine's generator: `bp.manual_seed` makes them repeatable.
"""

import math

import numpy as np

from backprop.errors import DTypeError, OptionError, ShapeError
from backprop.kernels.transfer import assign
from backprop.module.options import number, probability, whole
from backprop.module.parameter import Buffer
from backprop.module.rng import generator

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
GAINS |= {f"conv{kind}{n}d": 1.0 for kind in ("", "_transpose") for n in (1, 2, 3)}


def calculate_gain(nonlinearity, param=None):
    """How much larger weights must be where this function follows: 1 / the root mean square of what it passes on.

    `param` is leaky_relu's slope, 0.01 unless it is given.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + number("param", 0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise OptionError(f"nonlinearity must be one of {', '.join([*GAINS, 'leaky_relu'])}, got {nonlinearity!r}")
    return GAINS[nonlinearity]


def uniform_(weight, a=0.0, b=1.0):
    """Uniform from a to b."""
    number("b", b, number("a", a))
    return _fill(weight, lambda shape: generator().uniform(a, b, shape))


def normal_(weight, mean=0.0, std=1.0):
    """Normal, of this mean and standard deviation."""
    number("mean", mean), number("std", std, 0)
    return _fill(weight, lambda shape: generator().normal(mean, std, shape))


def trunc_normal_(weight, mean=0.0, std=1.0, a=-2.0, b=2.0):
    """Normal, given that it is between a and b: the inverse of its distribution, at even numbers between theirs.

    Drawing again what falls outside would never end where hardly anything falls inside.
    """
    from scipy.special import ndtr, ndtri

    number("mean", mean), number("std", std, 0), number("b", b, number("a", a))
    if std == 0 or not a < b or b < mean - 6 * std or a > mean + 6 * std:
        raise OptionError(f"hardly a draw from a normal of mean {mean} and std {std} falls between {a} and {b}")
    low, high = (a - mean) / std, (b - mean) / std
    side = -1 if low > 0 else 1  # where the distribution is small, and its digits are kept
    ends = sorted(ndtr([side * low, side * high]))
    return _fill(weight, lambda shape: np.clip(mean + side * std * ndtri(generator().uniform(*ends, shape)), a, b))


def constant_(weight, val):
    """`val` everywhere."""
    number("val", val)
    return _fill(weight, lambda shape: np.full(shape, val))


def ones_(weight):
    """1 everywhere."""
    return constant_(weight, 1)


def zeros_(weight):
    """0 everywhere."""
    return constant_(weight, 0)


def eye_(weight):
    """The identity: W (O, I), so that outputs are inputs, as far as there are any."""
    _expect_axes(weight, 2, 2)
    return _fill(weight, lambda shape: np.eye(*shape))


def dirac_(weight, groups=1):
    """Filters (O, C, ...) that pass on their channels: the one at the same place in its group is 1 in its middle."""
    _expect_axes(weight, 3, 5)
    if weight.shape[0] % whole("groups", groups, 1):
        raise OptionError(f"groups must divide the {weight.shape[0]} filters, got {groups}")

    def filled(shape):
        found, each = np.zeros(shape), shape[0] // groups
        middle = tuple(size // 2 for size in shape[2:])
        for out in range(shape[0]):
            if out % each < shape[1]:
                found[(out, out % each, *middle)] = 1
        return found

    return _fill(weight, filled)


def xavier_uniform_(weight, gain=1.0):
    """Uniform, of variance gain^2 2 / (fan_in + fan_out)."""
    return _uniform(weight, gain * math.sqrt(2 / sum(_fans(weight))))


def xavier_normal_(weight, gain=1.0):
    """Normal, of variance gain^2 2 / (fan_in + fan_out)."""
    return normal_(weight, 0, gain * math.sqrt(2 / sum(_fans(weight))))


def kaiming_uniform_(weight, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Uniform, of variance gain^2 / fan; `a` is leaky_relu's slope, `mode` "fan_in" or "fan_out"."""
    return _uniform(weight, _kaiming(weight, a, mode, nonlinearity))


def kaiming_normal_(weight, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Normal, of variance gain^2 / fan; `a` is leaky_relu's slope, `mode` "fan_in" or "fan_out"."""
    return normal_(weight, 0, _kaiming(weight, a, mode, nonlinearity))


def orthogonal_(weight, gain=1):
    """`gain` times a random matrix with orthonormal rows, or columns if there are fewer: a rotation keeps every length.

    Filters (O, C, ...) are seen as (O, C ...).                                               (Saxe and others, 2014)
    """
    _expect_axes(weight, 2, None)

    def drawn(shape):
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(generator().standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))  # else rotations are not equally likely
        return gain * (q.T if rows < columns else q).reshape(shape)

    return _fill(weight, drawn)


def sparse_(weight, sparsity, std=0.01):
    """Normal, but in each column of W (O, I) a share `sparsity` of the rows, chosen at random, is 0."""
    _expect_axes(weight, 2, 2)
    probability("sparsity", sparsity), number("std", std, 0)

    def drawn(shape):
        found = generator().normal(0, std, shape)
        for column in range(shape[1]):
            found[generator().permutation(shape[0])[: math.ceil(sparsity * shape[0])], column] = 0
        return found

    return _fill(weight, drawn)


def _uniform(weight, std):
    bound = math.sqrt(3) * std
    return uniform_(weight, -bound, bound)


def _kaiming(weight, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _fans(weight)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def _fans(weight):
    """(fan_in, fan_out) of W (O, I) or filters (O, C, ...)"""
    _expect_axes(weight, 2, None)
    outputs, inputs, *taps = weight.shape
    return inputs * math.prod(taps), outputs * math.prod(taps)


def _expect_axes(weight, least, most):
    axes = len(weight.shape)
    if axes < least or (most is not None and axes > most):
        wanted = f"at least {least}" if most is None else f"{least}" if least == most else f"{least} to {most}"
        raise ShapeError(f"expects a weight of {wanted} axes, got {weight.shape}")


def _fill(weight, drawn):
    array = weight.data if isinstance(weight, Buffer) else weight
    if getattr(array, "dtype", np.dtype(object)).kind != "f":
        raise DTypeError(f"expects a Parameter, or an array of floats, got {type(weight).__name__}")
    assign(array, drawn(tuple(array.shape)).astype(array.dtype))
    return weight
