"""Losses element by element or sample by sample, their first deltas, and the reduction to a number.

`scale` is what the reduction does to each term of the sum: delta / E for a mean over E terms, delta for a sum, and an
array of deltas where nothing is reduced.
"""

import math

import numpy as np

from backprop import kernels
from backprop.errors import LabelError, OptionError, ShapeError
from backprop.functional.shapes import contiguous, flat, split_at
from backprop.functional.softmax import log_softmax
from backprop.functional.targets import IGNORE, checked_targets, class_axis, is_labels, sample_shape, samples
from backprop.parameter import values

REDUCTIONS = ("mean", "sum", "none")


def mse_loss(a, b, reduction="mean"):
    """The mean over all E elements of (a - b)^2: PyTorch's square loss.                                   (8)"""
    return reduce(error("squared", a, b), reduction)


def l1_loss(a, b, reduction="mean"):
    """The mean over all E elements of |a - b|.                                                            (21)"""
    return reduce(error("absolute", a, b), reduction)


def cross_entropy(z, y, weight=None, ignore_index=IGNORE, reduction="mean", label_smoothing=0.0):
    """The mean over samples of -log softmax(z)[y], z (N, C, ...) or (C,), y labels or probabilities.       (9)

    With class weights it is the weighted mean; samples whose label is `ignore_index` do not count.
    """
    kernels.of(z)
    losses = nll(log_softmax(z, class_axis(z)), y, weight, ignore_index, label_smoothing)
    return reduce(losses, reduction, terms(z, y, weight, ignore_index))


def error(name, a, b, *options):
    """The loss of each element of a against b, by a row of the kernels' table: error("huber", a, b, 1.0)"""
    k = kernels.of(b, a)
    _expect_one_shape(a, b)
    losses = k.empty(a.shape, a.dtype)
    k.ERRORS[name][0](flat(a), flat(b), tuple(map(float, options)), flat(losses))
    return losses


def error_backward(name, a, b, scale, *options):
    """Its derivative by a, times scale."""
    k = kernels.of(b, a)
    _expect_one_shape(a, b)
    delta_a = k.empty(a.shape, a.dtype)
    number = 1.0 if isinstance(scale, np.ndarray) else float(scale)
    k.ERRORS[name][1](flat(a), flat(b), tuple(map(float, options)), number, flat(delta_a))
    return multiply(delta_a, scale) if isinstance(scale, np.ndarray) else delta_a


def multiply(a, b):
    """a * b, element by element; b may have axes of size 1, or lack leading ones, where a has more."""
    b = values(b)
    k = kernels.of(b, a)
    try:
        b = np.broadcast_to(b, a.shape)
    except ValueError:
        raise ShapeError(f"wants {a.shape} or a shape that broadcasts to it, got {b.shape}") from None
    out = k.empty(a.shape, a.dtype)
    k.multiply(flat(a), flat(b), flat(out))
    return out


def add(a, b):
    """a + b of one shape, element by element."""
    k = kernels.of(b, a)
    _expect_one_shape(a, b)
    out = k.empty(a.shape, a.dtype)
    k.add(flat(a), flat(b), flat(out))
    return out


def bce_with_logits(z, y, pos_weight=None):
    """-(p y log s + (1 - y) log(1 - s)) of each element, s = sigmoid(z); p, 1 unless it is given, weighs the positives.

    For y = 1 the loss is l(z, 1) = -log s, so p adds (p - 1) y l(z, 1) to it.                             (24)
    """
    losses = error("bce_with_logits", z, y)
    if pos_weight is None:
        return losses
    return add(losses, multiply(error("bce_with_logits", z, _ones(z.shape, z)), multiply(y, values(pos_weight) - 1)))


def bce_with_logits_backward(z, y, scale, pos_weight=None):
    """delta = (s - y + (p - 1) y (s - 1)) scale                                                            (24)"""
    delta = error_backward("bce_with_logits", z, y, scale)
    if pos_weight is None:
        return delta
    positive = error_backward("bce_with_logits", z, _ones(z.shape, z), scale)
    return add(delta, multiply(positive, multiply(y, values(pos_weight) - 1)))


def nll(log_s, y, weight=None, ignore_index=IGNORE, label_smoothing=0.0):
    """-w[y] log_s[y] for each sample, 0 where y is `ignore_index`; for probabilities -sum_c y[c] w[c] log_s[c].

    Smoothing takes the label for the distribution (1 - eps) onehot(y) + eps / C.                     (9) (23) (40)
    """
    w = _class_weights(log_s, weight)
    k = kernels.of(log_s, w)
    axis = class_axis(log_s)
    losses = k.empty(sample_shape(log_s), log_s.dtype)
    y = checked_targets(log_s, y, ignore_index)
    out = samples(losses, axis)
    if is_labels(y):
        k.nll(split_at(log_s, axis), samples(y, axis), w, ignore_index, label_smoothing, out)
    else:
        k.soft_nll(split_at(log_s, axis), _smoothed(k, y, axis, label_smoothing), w, out)
    return losses


def nll_backward(log_s, y, scale, weight=None, ignore_index=IGNORE):
    """delta of log_s: -w[y] scale at the label y, 0 elsewhere; scale: a number, or one per sample.         (23)"""
    w = _class_weights(log_s, weight)
    k = kernels.of(log_s, w)
    axis = class_axis(log_s)
    y, scale = checked_targets(log_s, y, ignore_index), _per_sample(scale, log_s)
    delta = k.empty(log_s.shape, log_s.dtype)
    k.nll_backward(samples(y, axis), w, ignore_index, samples(scale, axis), split_at(delta, axis))  # (23)
    return delta


def cross_entropy_backward(log_s, y, scale, weight=None, ignore_index=IGNORE, label_smoothing=0.0):
    """delta_z = (softmax(z) - onehot(y)) scale, from log_s = log softmax(z); scale: a number, or one per sample. (9)

    With class weights w and smoothed labels t:  (softmax(z) sum_k t[k] w[k] - t w) scale                    (40)
    """
    w = _class_weights(log_s, weight)
    k = kernels.of(log_s, w)
    axis = class_axis(log_s)
    y, scale = checked_targets(log_s, y, ignore_index), _per_sample(scale, log_s)
    delta_z = k.empty(log_s.shape, log_s.dtype)
    scores, last = split_at(log_s, axis), (samples(scale, axis), split_at(delta_z, axis))
    if is_labels(y):
        k.nll_softmax_backward(scores, samples(y, axis), w, ignore_index, label_smoothing, *last)
    else:
        k.soft_nll_softmax_backward(scores, _smoothed(k, y, axis, label_smoothing), w, *last)
    return delta_z


def terms(z, y, weight=None, ignore_index=IGNORE):
    """What a mean over samples divides by: how many count, or the sum of the weights of their labels."""
    y = checked_targets(z, y, ignore_index)
    if not is_labels(y):
        return math.prod(sample_shape(z))
    w = _class_weights(z, weight)
    used = kernels.of(z, w).empty((1,), np.float64)
    kernels.of(z, w).used_weight(samples(y, class_axis(z)), w, ignore_index, used)
    return used.item()


def reduce(losses, reduction, terms=None):
    """The mean or the sum as a Python number, or the losses themselves for 'none'. The mean of nothing is NaN."""
    expect_reduction(reduction)
    if reduction == "none":
        return losses
    k = kernels.of(losses)
    total = k.empty((1,), losses.dtype)
    k.total(flat(losses), total)
    total = total.item()
    if reduction == "sum":
        return total
    terms = losses.size if terms is None else terms
    return total / terms if terms else math.nan


def expect_reduction(reduction, allowed=REDUCTIONS):
    """Raise OptionError unless `reduction` is one of REDUCTIONS."""
    if reduction not in allowed:
        raise OptionError(f"reduction is one of {', '.join(map(repr, allowed))}, got {reduction!r}")


def expect_between(name, array, low, high):
    """Raise LabelError, naming the first bad index, unless all numbers are from low to high."""
    k = kernels.of(array)
    first = k.empty((1,), np.dtype(np.int64))
    k.first_outside(flat(array), low, high, first)
    if first[0] >= 0:
        index = tuple(map(int, np.unravel_index(int(first[0]), array.shape))) if array.ndim else ()
        place = index[0] if len(index) == 1 else index
        raise LabelError(f"wants {name} from {low} to {high}, got {array[index]} at index {place}")


def _class_weights(z, weight):
    """w (C,) as kernels take it, ones where there are none."""
    classes = z.shape[class_axis(z)]
    if weight is None:
        return _ones((classes,), z)
    weight = values(weight)
    kernels.of(weight, z)
    if weight.shape != (classes,):
        raise ShapeError(f"wants a weight for each class, ({classes},), got {weight.shape}")
    return contiguous(weight)


def _ones(shape, like):
    k = kernels.of(like)
    ones = k.empty(shape, like.dtype)
    k.fill(1.0, flat(ones))
    return ones


def _smoothed(k, q, axis, eps):
    q = split_at(q, axis)
    if not eps:
        return q
    out = k.empty(q.shape, q.dtype)
    k.smooth(q, eps, out)  # (40)
    return out


def _per_sample(scale, log_s):
    """`scale` as one number for each sample."""
    shape = sample_shape(log_s)
    if not isinstance(scale, np.ndarray):
        k = kernels.of(log_s)
        value, scale = float(scale), k.empty(shape, log_s.dtype)
        k.fill(value, flat(scale))
    kernels.of(scale, log_s)
    if scale.shape != shape:
        raise ShapeError(f"wants one number, or a number for each term {shape}, got {scale.shape}")
    return scale


def _expect_one_shape(a, b):
    if a.shape != b.shape:
        cure = "; use y.reshape(x.shape)" if a.size == b.size else ""
        raise ShapeError(f"wants two arrays of one shape, got {a.shape} and {b.shape}; nothing is broadcast{cure}")
