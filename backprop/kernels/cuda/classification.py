"""Losses of scores against classes, their first deltas, and the checks of their targets.

Scores are (B, C, D) with the class axis in the middle, labels (B, D), w (C,) weighs the classes; a thread owns a
sample. `scale` (B, D) is the factor that the reduction gives each sample: 1/N for a mean. With label smoothing eps a
label becomes the distribution t = (1 - eps) onehot(y) + eps / C. Reductions to a single number run in one block.
"""

import math

import numpy as np
from numba import cuda

from backprop.kernels.cuda.cross_entropy import (
    cross_entropy_block,
    cross_entropy_delta,
    cross_entropy_each,
    cross_entropy_found,
)
from backprop.kernels.cuda.kernel import i32, kernel, real, u32
from backprop.kernels.cuda.machine import empty
from backprop.kernels.cuda.more_activations import times
from backprop.kernels.cuda.samples import nll_of, no_delta, place_of, softmax_delta
from backprop.kernels.cuda.targets import first_bad_label_block, first_bad_probability_block, used_weight_block

ONE_BLOCK = 1024  # the most samples whose loss and delta one block computes


@kernel
def nll_each(log_s, y, w, ignore, hard, soft, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = real(0) if y[i] == ignore else nll_of(log_s, place_of(i, C, D), y[i], w, hard, soft, C, D)


def nll(log_s, y, w, ignore, smoothing, out):
    """out[b,d] = -sum_c t[b,c,d] w[c] log_s[b,c,d], t from the label y[b,d]; 0 where y is `ignore`   (9a) (23a) (40)"""
    _, C, D = log_s.shape
    nll_each.each(y.size, log_s, y, w, np.int64(ignore), *shares(smoothing, C), out, C, D)


@kernel
def nll_backward_each(y, w, ignore, scale, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        c, n = i // D % C, i // u32(C * D) * D + i % D
        out[i] = -w[c] * scale[n] if y[n] == i32(c) and y[n] != ignore else real(0)


def nll_backward(y, w, ignore, scale, out):
    """delta[b,c,d] = -onehot(y[b,d])[c] w[c] scale[b,d]                                              (23b)"""
    nll_backward_each.each(out.size, y, w, np.int64(ignore), scale, out, *out.shape[1:])


@kernel
def nll_softmax_backward_each(log_s, y, w, ignore, hard, soft, scale, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        if y[i] == ignore:
            no_delta(place_of(i, C, D), out, C, D)
        else:
            softmax_delta(log_s, place_of(i, C, D), y[i], w, hard, soft, scale[i], out, C, D)


def nll_softmax_backward(log_s, y, w, ignore, smoothing, scale, out):
    """delta[b,c,d] = (s[c] sum_k t[k] w[k] - t[c] w[c]) scale[b,d]; without w and smoothing s - onehot(y)  (9b) (40)"""
    _, C, D = log_s.shape
    nll_softmax_backward_each.each(y.size, log_s, y, w, np.int64(ignore), *shares(smoothing, C), scale, out, C, D)


def cross_entropy(z, y, w, ignore, smoothing, log_s, delta, found):
    """(9) in one pass: log_s = log softmax(z), and delta of the mean. found (3,) = the sum of the losses, what the
    mean divides it by, and the first flat index of a label that is neither in [0, C) nor `ignore`, or -1
    """
    _, C, D = z.shape
    options = np.int64(ignore), *shares(smoothing, C)
    if y.size <= ONE_BLOCK:
        threads = cross_entropy_block.team(y.size)
        cross_entropy_block(1, threads, z, y, w, *options, log_s, delta, found, C, D, y.size)
        return
    losses, weights = empty(y.shape, z.dtype), empty(y.shape, z.dtype)
    cross_entropy_each.each(y.size, z, y, w, *options, log_s, losses, weights, C, D)
    threads = cross_entropy_found.team(y.size)
    cross_entropy_found(1, threads, losses, weights, y, np.int64(ignore), found, C, y.size)
    cross_entropy_delta.each(y.size, log_s, y, w, *options, found, delta, C, D)


def shares(smoothing, classes):
    """(hard, soft): what the label's class gets beyond the others, and what each class gets."""
    return float(1 - smoothing), float(smoothing / classes) if classes else 0.0


@kernel
def soft_nll_each(log_s, q, w, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        first, loss = place_of(i, C, D), real(0)
        for c in range(C):
            loss -= times(log_s[first + u32(c) * D], q[first + u32(c) * D] * w[u32(c)])  # 0 if w is 0, even for -inf
        out[i] = loss


def soft_nll(log_s, q, w, out):
    """out[b,d] = -sum_c q[b,c,d] w[c] log_s[b,c,d]: (9a) with probabilities q for labels"""
    soft_nll_each.each(out.size, log_s, q, w, out, *log_s.shape[1:])


@kernel
def soft_nll_softmax_backward_each(log_s, q, w, scale, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        first, all_qw = place_of(i, C, D), real(0)
        for c in range(C):
            all_qw += q[first + u32(c) * D] * w[u32(c)]
        for c in range(C):
            at = first + u32(c) * D
            out[at] = (math.exp(log_s[at]) * all_qw - q[at] * w[u32(c)]) * scale[i]


def soft_nll_softmax_backward(log_s, q, w, scale, out):
    """delta = (s sum_k q[k] w[k] - q[c] w[c]) scale[b,d]                                             (9b)"""
    soft_nll_softmax_backward_each.each(scale.size, log_s, q, w, scale, out, *log_s.shape[1:])


@kernel
def smooth_each(q, hard, soft, out, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = hard * q[i] + soft


def smooth(q, eps, out):
    """out = (1 - eps) q + eps / C, for probabilities q (B, C, D)                                      (40)"""
    smooth_each.each(q.size, q, *shares(eps, q.shape[1]), out)


def used_weight(y, w, ignore, out):
    """out (1,) = the sum of w[y[b,d]] over all labels that are not `ignore`: what a weighted mean divides by"""
    used_weight_block(1, used_weight_block.team(y.size), y, w, np.int64(ignore), out, y.size)


def first_bad_label(y, num_classes, ignore, out):
    """out (1,) = the first flat index whose label is neither in [0, C) nor `ignore`, or -1"""
    first_bad_label_block(1, first_bad_label_block.team(y.size), y, np.int64(ignore), out, num_classes, y.size)


def first_bad_probability(q, tolerance, out):
    """out (1,) = the first flat index into (B, D) where q is not a distribution over its C classes, or -1"""
    B, C, D = q.shape
    threads = first_bad_probability_block.team(B * D)
    first_bad_probability_block(1, threads, q, float(tolerance), out, C, D, B * D)
