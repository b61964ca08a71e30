"""What a thread computes for one sample, a vector of scores or probabilities along C: its loss and its delta."""

import math

from backprop.kernels.cuda.kernel import part, real, u32
from backprop.kernels.cuda.more_activations import times


@part
def place_of(i, C, D):
    """Where the first class of sample i is; the next ones are D apart."""
    return i // D * C * D + i % D


@part
def nll_of(log_s, first, label, w, hard, soft, C, D):
    """The loss of one sample: t = hard onehot(label) + soft."""
    loss = -times(log_s[first + u32(label) * D], hard * w[u32(label)])  # a class without weight may have -inf
    if soft > real(0):
        for c in range(C):
            loss -= times(log_s[first + u32(c) * D], soft * w[u32(c)])
    return loss


@part
def softmax_delta(log_s, first, label, w, hard, soft, scale, delta, C, D):
    """(s[c] sum_k t[k] w[k] - t[c] w[c]) scale, for all classes of one sample"""
    all_w = real(0)
    for c in range(C):
        all_w += w[u32(c)]
    sum_tw = hard * w[u32(label)] + soft * all_w
    for c in range(C):
        t = soft + hard if u32(c) == u32(label) else soft
        delta[first + u32(c) * D] = (math.exp(log_s[first + u32(c) * D]) * sum_tw - t * w[u32(c)]) * scale


@part
def no_delta(first, delta, C, D):
    for c in range(C):
        delta[first + u32(c) * D] = real(0)


@part
def is_bad(label, C, ignore):
    return (label < 0 or label >= C) and label != ignore
