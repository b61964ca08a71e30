"""Losses of scores against classes, and their first deltas. Scores are (N, C, ...), or (C,) for a single sample.

`scale` is what the reduction does to each sample: delta / N for a mean over N of them, delta for a sum, and an array of
deltas where nothing is reduced.
"""

import functools
import math

import numpy as np

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.loss import reduce
from backprop.functional.shapes import as_int64, contiguous, flat, split_at
from backprop.functional.softmax import log_softmax
from backprop.functional.targets import IGNORE, Checked, checked_targets, class_axis, is_labels, sample_shape, samples
from backprop.kernels.device import device_of, is_array, to_host
from backprop.kernels.transfer import to_device
from backprop.module.parameter import values


def cross_entropy(z, y, weight=None, ignore_index=IGNORE, reduction="mean", label_smoothing=0.0):
    """The mean over samples of -log softmax(z)[y], z (N, C, ...) or (C,), y labels or probabilities.       (9)

    With class weights it is the weighted mean; samples whose label is `ignore_index` do not count.
    """
    kernels.of(z)
    losses = nll(log_softmax(z, class_axis(z)), y, weight, ignore_index, label_smoothing)
    return reduce(losses, reduction, terms(z, y, weight, ignore_index))


def nll(log_s, y, weight=None, ignore_index=IGNORE, label_smoothing=0.0):
    """-w[y] log_s[y] for each sample, 0 where y is `ignore_index`; for probabilities -sum_c y[c] w[c] log_s[c].

    Smoothing replaces the label by the distribution (1 - eps) onehot(y) + eps / C.                   (9a) (23a) (40)
    """
    w = _class_weights(log_s, weight)
    k = kernels.of(log_s, w)
    axis = class_axis(log_s)
    losses = k.empty(sample_shape(log_s), log_s.dtype)
    y = checked_targets(log_s, y, ignore_index)
    out = samples(losses, axis)
    if is_labels(y):
        k.nll(split_at(log_s, axis), samples(y, axis), w, ignore_index, label_smoothing, out)  # (9a) (23a) (40)
    else:
        k.soft_nll(split_at(log_s, axis), _smoothed(k, y, axis, label_smoothing), w, out)  # (9a)
    return losses


def nll_backward(log_s, y, scale, weight=None, ignore_index=IGNORE):
    """delta of log_s: -w[y] scale at the label y, 0 elsewhere; scale: a number, or one per sample.        (23b)"""
    w = _class_weights(log_s, weight)
    k = kernels.of(log_s, w)
    axis = class_axis(log_s)
    y, scale = checked_targets(log_s, y, ignore_index), _per_sample(scale, log_s)
    delta = k.empty(log_s.shape, log_s.dtype)
    k.nll_backward(samples(y, axis), w, ignore_index, samples(scale, axis), split_at(delta, axis))  # (23b)
    return delta


def cross_entropy_backward(log_s, y, scale, weight=None, ignore_index=IGNORE, label_smoothing=0.0):
    """delta_z = (softmax(z) - onehot(y)) scale, from log_s = log softmax(z); scale: a number, or one per sample. (9b)

    With class weights w and smoothed labels t:  (softmax(z) sum_k t[k] w[k] - t w) scale                    (40)
    """
    w = _class_weights(log_s, weight)
    k = kernels.of(log_s, w)
    axis = class_axis(log_s)
    y, scale = checked_targets(log_s, y, ignore_index), _per_sample(scale, log_s)
    delta_z = k.empty(log_s.shape, log_s.dtype)
    scores, last = split_at(log_s, axis), (samples(scale, axis), split_at(delta_z, axis))
    if is_labels(y):
        k.nll_softmax_backward(scores, samples(y, axis), w, ignore_index, label_smoothing, *last)  # (9b) (40)
    else:
        k.soft_nll_softmax_backward(scores, _smoothed(k, y, axis, label_smoothing), w, *last)  # (9b)
    return delta_z


def mean_cross_entropy(z, y, weight=None, ignore_index=IGNORE, label_smoothing=0.0):
    """(found, delta_z) of labels y (N, ...), in one pass and unchecked: the mean loss is found[0] / found[1], and
    found[2] the flat index of the first bad label, or -1                                                (9) (40)
    """
    w = _class_weights(z, weight)
    k = kernels.of(z, w)
    axis = class_axis(z)
    found = k.empty((3,), np.dtype(np.float64))
    log_s, delta_z = k.empty(z.shape, z.dtype), k.empty(z.shape, z.dtype)
    last = split_at(log_s, axis), split_at(delta_z, axis), found
    k.cross_entropy(split_at(z, axis), samples(y, axis), w, ignore_index, label_smoothing, *last)  # (9) (40)
    return found, delta_z


def count_correct(scores, y, ignore_index=IGNORE):
    """(right, answers): how many scores (N, C, ...) are largest at their label y (N, ...), of how many.

    Labels equal to `ignore_index` count in neither. (NaN, 0) where the targets are not labels of these scores.
    """
    if scores.ndim < 2 or not is_labels(y) or y.shape != sample_shape(scores):
        return math.nan, 0
    k = kernels.of(scores)
    found = np.empty(2, np.int64) if device_of(scores) == "cpu" else k.empty((2,), np.dtype(np.int64))
    k.count_correct(split_at(scores, 1), samples(as_int64(y), 1), ignore_index, found)
    return tuple(to_host(found).tolist())


def terms(z, y, weight=None, ignore_index=IGNORE):
    """What a mean over samples divides by: how many count, or the sum of the weights of their labels."""
    y = checked_targets(z, y, ignore_index)
    if not is_labels(y):
        return math.prod(sample_shape(z))
    if weight is None and isinstance(y, Checked) and y.used is not None:
        return y.used
    w = _class_weights(z, weight)
    k = kernels.of(z, w)
    used = k.empty((1,), np.dtype(np.float64))
    k.used_weight(samples(y, class_axis(z)), w, ignore_index, used)
    return used.item()


def _class_weights(z, weight):
    """w (C,) as kernels take it, ones if `weight` is None."""
    classes = z.shape[class_axis(z)]
    if weight is None:
        return _even_weights(classes, z.dtype, device_of(z))
    weight = values(weight)
    kernels.of(weight, z)
    if weight.shape != (classes,):
        raise ShapeError(f"expects a weight for each class, ({classes},), got {weight.shape}")
    return contiguous(weight)


@functools.cache
def _even_weights(classes, dtype, device):
    """Ones, made once: nothing writes to them."""
    return to_device(np.ones(classes, dtype), device)


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
    if not is_array(scale):
        k = kernels.of(log_s)
        value, scale = float(scale), k.empty(shape, log_s.dtype)
        k.fill(value, flat(scale))
    kernels.of(scale, log_s)
    if scale.shape != shape:
        raise ShapeError(f"expects one number, or a number for each term {shape}, got {scale.shape}")
    return scale
