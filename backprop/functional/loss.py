"""Losses element by element, their first deltas, and the reduction to a number.

`scale` is what the reduction does to each term of the sum: delta / E for a mean over E terms, delta for a sum, and an
array of deltas where nothing is reduced.
"""

import math

import numpy as np

from backprop import kernels
from backprop.errors import CallOrderError, LabelError, OptionError, ShapeError
from backprop.functional.pointwise import add, multiply
from backprop.functional.shapes import first_found, flat, numbers, place_of
from backprop.kernels.device import device_of, is_array, to_host
from backprop.module.parameter import values

REDUCTIONS = ("mean", "sum", "none")


def mse_loss(a, b, reduction="mean"):
    """The mean over all E elements of (a - b)^2: PyTorch's square loss.                                  (8a)"""
    return reduce(error("squared", a, b), reduction)


def l1_loss(a, b, reduction="mean"):
    """The mean over all E elements of |a - b|.                                                           (21a)"""
    return reduce(error("absolute", a, b), reduction)


def error(name, a, b, *options):
    """The loss of each element of a against b, by a row of the kernels' table: error("huber", a, b, 1.0)"""
    k = kernels.of(b, a)
    expect_one_shape(a, b)
    losses = k.empty(a.shape, a.dtype)
    k.ERRORS[name][0](flat(a), flat(b), numbers(options, a), flat(losses))
    return losses


def error_backward(name, a, b, scale, *options):
    """Its derivative with respect to a, times scale."""
    k = kernels.of(b, a)
    expect_one_shape(a, b)
    delta_a = k.empty(a.shape, a.dtype)
    number = 1.0 if is_array(scale) else float(scale)
    k.ERRORS[name][1](flat(a), flat(b), numbers(options, a), number, flat(delta_a))
    return multiply(delta_a, scale) if is_array(scale) else delta_a


def bce_with_logits(z, y, pos_weight=None):
    """-(w y log s + (1 - y) log(1 - s)) of each element, s = sigmoid(z); w, 1 unless it is given, weighs the positives.

    For y = 1 the loss is -log s, so w adds -(w - 1) y log s to it.                                        (24a)
    """
    losses = error("bce_with_logits", z, y)
    return losses if pos_weight is None else add(losses, error("positives", z, _beyond_one(y, pos_weight)))


def bce_with_logits_backward(z, y, scale, pos_weight=None):
    """delta = (s - y + (w - 1) y (s - 1)) scale                                                           (24b)"""
    delta = error_backward("bce_with_logits", z, y, scale)
    if pos_weight is None:
        return delta
    return add(delta, error_backward("positives", z, _beyond_one(y, pos_weight), scale))


def _beyond_one(y, pos_weight):
    """(w - 1) y"""
    w = values(pos_weight)
    if is_array(w):
        kernels.of(w, y)
    return multiply(y, w - 1 if device_of(w) == "cuda" else np.asarray(w - 1))


class Number(float):
    """A loss: a plain number, with no record of how it was computed. Users of PyTorch try its `backward` first."""

    def backward(self):
        raise CallOrderError("a loss is a plain number here; use net.backward(loss.backward())")


def reduce(losses, reduction, terms=None):
    """The mean or the sum as a Python number, or the losses themselves for 'none'. The mean of nothing is NaN."""
    expect_reduction(reduction)
    if reduction == "none":
        return losses
    k = kernels.of(losses)
    total = k.empty((1,), losses.dtype)
    k.total(flat(losses), total)
    total = total.item()
    if reduction == "mean":
        terms = losses.size if terms is None else terms
        total = total / terms if terms else math.nan
    return total if isinstance(total, complex) else Number(total)


def expect_reduction(reduction, allowed=REDUCTIONS):
    """Raise OptionError unless `reduction` is one of `allowed`."""
    if reduction not in allowed:
        raise OptionError(f"reduction must be one of {', '.join(map(repr, allowed))}, got {reduction!r}")


def expect_between(name, array, low, high):
    """Raise LabelError, naming the first bad index, unless all numbers are from low to high."""
    first = first_found(kernels.of(array), "first_outside", flat(array), low, high)
    if first >= 0:
        place = place_of(first, array.shape)
        raise LabelError(f"expects {name} from {low} to {high}, got {to_host(array)[place]} at index {place}")


LOG_TOLERANCE = 0.02  # how far above 0 the logarithm of a probability may be: a gradient check moves it by 0.01


def expect_log_probabilities(name, array):
    """Raise LabelError, naming the first bad index, where numbers are above 0, so not logarithms of probabilities."""
    k, tiny = kernels.of(array), float(np.finfo(array.dtype).tiny)
    first = first_found(k, "first_outside", flat(array), -math.inf, LOG_TOLERANCE)
    if first < 0 and array.size > 1 and first_found(k, "first_outside", flat(array), tiny, math.inf) < 0:
        first = 0  # each of them is a little above 0, as the probabilities of many outcomes are
    if first >= 0:
        place = place_of(first, array.shape)
        raise LabelError(
            f"expects {name}, none above 0, got {to_host(array)[place]} at index {place}; use LogSoftmax, or np.log(x)"
        )


def expect_one_shape(a, b):
    if a.shape != b.shape:
        cure = "; use y.reshape(x.shape)" if a.size == b.size else ""
        raise ShapeError(f"expects arrays of the same shape, got {a.shape} and {b.shape}; nothing is broadcast{cure}")
