"""Losses by element or by sample, their first deltas, and the checks of their targets.

Element-wise losses stand in one table: the loss of output a against target b, and under it its derivative by a, which
`scale` multiplies by what the reduction does to each term (1/E for a mean over E of them). All arrays are flat;
`options` are a row's other numbers, as a tuple. For complex a the real part chooses the branch.

Scores are (B, C, D) with the class axis in the middle, labels (B, D), w (C,) weighs the classes. With label smoothing
eps a label becomes the distribution t = (1 - eps) onehot(y) + eps / C.
"""

import numpy as np
from numpy import exp, log, log1p, maximum, where

from backprop.kernels.reference.activation import sigmoid, size


def side(a, b):
    """The sign of a - b, 0 where they are equal"""
    return np.sign((a - b).real)


def log100(a):
    """log a, but no less than -100, as PyTorch has it: a sure and wrong answer costs 100, not infinity"""
    with np.errstate(divide="ignore"):
        return maximum(log(a), -100)


# fmt: off
TABLE = {
    "squared":         (lambda a, b: (a - b) ** 2,                                                              # (8)
                        lambda a, b: 2 * (a - b)),

    "absolute":        (lambda a, b: size(a - b),                                                              # (21)
                        lambda a, b: side(a, b)),

    "huber":           (lambda a, b, d: where(size(a - b).real <= d, (a - b) ** 2 / 2, d * (size(a - b) - d / 2)),
                        lambda a, b, d: where(size(a - b).real <= d, a - b, d * side(a, b))),                  # (22)

    "smooth_l1":       (lambda a, b, d: where(size(a - b).real < d, (a - b) ** 2 / (2 * d), size(a - b) - d / 2),
                        lambda a, b, d: where(size(a - b).real < d, (a - b) / d, side(a, b))),                 # (37)

    "bce":             (lambda a, b: -b * log100(a) - (1 - b) * log100(1 - a),
                        lambda a, b: (a - b) / maximum(a * (1 - a), 1e-12)),                                   # (38)

    "bce_with_logits": (lambda a, b: where(a.real < 0, 0, a) - b * a + log1p(exp(-size(a))),
                        lambda a, b: sigmoid(a) - b),                                                          # (24)

    "kl_div":          (lambda a, b: b * (log(where(b == 0, 1, b)) - a),
                        lambda a, b: -b),                                                                      # (39)

    "kl_div_log":      (lambda a, b: exp(b) * (b - a),
                        lambda a, b: -exp(b)),                                                                 # (39)
}
# fmt: on


def kernels_of(loss, slope):
    """The forward and the backward kernel of one row."""

    def forward(a, b, options, out):
        """out[i] = the loss of a[i] against b[i]"""
        out[...] = loss(a, b, *options)

    def backward(a, b, options, scale, out):
        """delta = its derivative by a, times scale"""
        out[...] = slope(a, b, *options) * scale

    return forward, backward


ERRORS = {name: kernels_of(*row) for name, row in TABLE.items()}


def nll(log_s, y, w, ignore, smoothing, out):
    """out[b,d] = -sum_c t[b,c,d] w[c] log_s[b,c,d], t from the label y[b,d]; 0 where y is `ignore`    (9) (23) (40)"""
    out[...] = -(_distribution(log_s, y, ignore, smoothing) * w[:, None] * log_s).sum(axis=1)


def nll_backward(y, w, ignore, scale, out):
    """delta[b,c,d] = -onehot(y[b,d])[c] w[c] scale[b,d]                                               (23)"""
    out[...] = -_distribution(out, y, ignore, 0) * w[:, None] * scale[:, None, :]


def nll_softmax_backward(log_s, y, w, ignore, smoothing, scale, out):
    """delta[b,c,d] = (s[c] sum_k t[k] w[k] - t[c] w[c]) scale[b,d]; without w and smoothing s - onehot(y)  (9) (40)"""
    tw = _distribution(log_s, y, ignore, smoothing) * w[:, None]
    out[...] = (exp(log_s) * tw.sum(axis=1, keepdims=True) - tw) * scale[:, None, :]


def _distribution(like, y, ignore, smoothing):
    """t (B, C, D): the smoothed one-hot vectors of labels y; zeros where y is `ignore`"""
    classes = like.shape[1]
    onehot = y[:, None, :] == np.arange(classes)[None, :, None]
    return where(y[:, None, :] == ignore, 0, (1 - smoothing) * onehot + smoothing / classes)


def soft_nll(log_s, q, w, out):
    """out[b,d] = -sum_c q[b,c,d] w[c] log_s[b,c,d]: (9) with probabilities q for labels"""
    out[...] = -(q * w[:, None] * log_s).sum(axis=1)


def soft_nll_softmax_backward(log_s, q, w, scale, out):
    """delta = (s sum_k q[k] w[k] - q[c] w[c]) scale[b,d]                                              (9)"""
    qw = q * w[:, None]
    out[...] = (exp(log_s) * qw.sum(axis=1, keepdims=True) - qw) * scale[:, None, :]


def smooth(q, eps, out):
    """out = (1 - eps) q + eps / C, for probabilities q (B, C, D)                                      (40)"""
    out[...] = (1 - eps) * q + eps / q.shape[1]


def used_weight(y, w, ignore, out):
    """out (1,) = the sum of w[y[b,d]] over all labels that are not `ignore`: what a weighted mean divides by"""
    out[0] = w[y[y != ignore]].real.sum()


def total(values, out):
    """out (1,) = the sum of a flat array"""
    out[0] = values.sum()


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


def first_outside(values, low, high, out):
    """out (1,) = the first index of a flat array whose value is not from low to high, or -1; NaN is let pass"""
    bad = np.flatnonzero((values.real < low) | (values.real > high))
    out[0] = bad[0] if bad.size else -1
