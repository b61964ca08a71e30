"""Losses of scores against classes, their first deltas, and the checks of their targets.

Scores are (B, C, D) with the class axis in the middle, labels (B, D), w (C,) weighs the classes. `scale` (B, D) is the
factor that the reduction gives each sample: 1/N for a mean. With label smoothing eps a label becomes the distribution
t = (1 - eps) onehot(y) + eps / C.
"""

import numpy as np
from numpy import exp, where

from backprop.kernels.reference.more_activations import times
from backprop.kernels.reference.softmax import log_softmax


def nll(log_s, y, w, ignore, smoothing, out):
    """out[b,d] = -sum_c t[b,c,d] w[c] log_s[b,c,d], t from the label y[b,d]; 0 where y is `ignore`  (9a) (23a) (40)"""
    tw = _distribution(log_s, y, ignore, smoothing) * w[:, None]
    out[...] = -(tw * where(tw == 0, 0, log_s)).sum(axis=1)  # a class without weight may have -inf


def nll_backward(y, w, ignore, scale, out):
    """delta[b,c,d] = -onehot(y[b,d])[c] w[c] scale[b,d]                                              (23b)"""
    delta = -_distribution(out, y, ignore, 0) * w[:, None]
    out[...] = times(scale[:, None, :], delta)


def nll_softmax_backward(log_s, y, w, ignore, smoothing, scale, out):
    """delta[b,c,d] = (s[c] sum_k t[k] w[k] - t[c] w[c]) scale[b,d]; without w and smoothing s - onehot(y)  (9b) (40)"""
    tw = _distribution(log_s, y, ignore, smoothing) * w[:, None]
    delta = times(scale[:, None, :], exp(log_s) * tw.sum(axis=1, keepdims=True) - tw)
    out[...] = where(y[:, None, :] == ignore, 0, delta)  # even where scores are not finite


def cross_entropy(z, y, w, ignore, smoothing, log_s, delta, found):
    """In one pass: log_s = log softmax(z), and delta of the mean. found (3,) = the sum of the losses, what the
    mean divides it by, and the first flat index of a label that is neither in [0, C) nor `ignore`, or -1
    """
    first_bad_label(y.reshape(-1), z.shape[1], ignore, found[2:])
    if found[2] >= 0:
        return
    losses = np.empty(y.shape, z.dtype)
    log_softmax(z, log_s)
    nll(log_s, y, w, ignore, smoothing, losses)
    found[0] = losses.sum().real
    used_weight(y, w, ignore, found[1:])
    scale = np.full(y.shape, 1 / found[1] if found[1] else 0)
    nll_softmax_backward(log_s, y, w, ignore, smoothing, scale, delta)


def _distribution(like, y, ignore, smoothing):
    """t (B, C, D): the smoothed one-hot vectors of labels y; zeros where y is `ignore`"""
    classes = like.shape[1]
    onehot = y[:, None, :] == np.arange(classes)[None, :, None]
    return where(y[:, None, :] == ignore, 0, (1 - smoothing) * onehot + smoothing / max(classes, 1))


def soft_nll(log_s, q, w, out):
    """out[b,d] = -sum_c q[b,c,d] w[c] log_s[b,c,d]: (9a) with probabilities q for labels"""
    qw = q * w[:, None]
    out[...] = -(qw * where(qw == 0, 0, log_s)).sum(axis=1)


def soft_nll_softmax_backward(log_s, q, w, scale, out):
    """delta = (s sum_k q[k] w[k] - q[c] w[c]) scale[b,d]                                             (9b)"""
    qw = q * w[:, None]
    out[...] = (exp(log_s) * qw.sum(axis=1, keepdims=True) - qw) * scale[:, None, :]


def smooth(q, eps, out):
    """out = (1 - eps) q + eps / C, for probabilities q (B, C, D)                                      (40)"""
    out[...] = (1 - eps) * q + eps / q.shape[1]


def used_weight(y, w, ignore, out):
    """out (1,) = the sum of w[y[b,d]] over all labels that are not `ignore`: what a weighted mean divides by"""
    out[0] = w[y[y != ignore]].real.sum()


def first_bad_label(y, num_classes, ignore, out):
    """out (1,) = the first flat index whose label is neither in [0, C) nor `ignore`, or -1"""
    bad = np.flatnonzero(((y < 0) | (y >= num_classes)) & (y != ignore))
    out[0] = bad[0] if bad.size else -1


def first_bad_probability(q, tolerance, out):
    """out (1,) = the first flat index into (B, D) where q is not a distribution over its C classes, or -1"""
    q = q.real
    fine = (q >= 0).all(axis=1) & (abs(q.sum(axis=1) - 1) <= tolerance)
    bad = np.flatnonzero(~fine)
    out[0] = bad[0] if bad.size else -1
