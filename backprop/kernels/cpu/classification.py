"""Losses of scores against classes, their first deltas, and the checks of their targets.

Scores are (B, C, D) with the class axis in the middle, labels (B, D), w (C,) weighs the classes; item b is
out[b]. `scale` (B, D) is the factor that the reduction gives each sample: 1/N for a mean. With label smoothing eps a
label becomes the distribution t = (1 - eps) onehot(y) + eps / C. Reductions to a single number run in one thread.
"""

from backprop.kernels.cpu.elementary import exp, times
from backprop.kernels.cpu.items import items, put, registers, room, samples, take, transposed
from backprop.kernels.cpu.jit import inner
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.simd import LANES, load, load_at, splat, store_at
from backprop.kernels.cpu.softmax import log_softmax_of, minus, product
from backprop.kernels.cpu.views import scratch


@kernel(work=8)
def nll(log_s, y, w, ignore, smoothing, out, part, parts):
    """out[b,d] = -sum_c t[b,c,d] w[c] log_s[b,c,d], t from the label y[b,d]; 0 where y is `ignore`   (9a) (23a) (40)"""
    for b in share(y.shape[0], part, parts):
        for d in range(y.shape[1]):
            out[b, d] = nll_of(log_s, b, d, y[b, d], w, ignore, smoothing)


@inner
def nll_of(log_s, b, d, label, w, ignore, smoothing):
    """The loss of one sample."""
    real, classes = log_s.dtype.type, log_s.shape[1]
    if label == ignore:
        return real(0)
    loss = 0.0 - times(log_s[b, label, d], real(1 - smoothing) * w[label])  # a class without weight may have -inf
    if smoothing > 0:
        soft = real(smoothing / classes)
        for c in range(classes):
            loss -= times(log_s[b, c, d], soft * w[c])
    return real(loss)


@kernel
def nll_backward(y, w, ignore, scale, out, part, parts):
    """delta[b,c,d] = -onehot(y[b,d])[c] w[c] scale[b,d]                                              (23b)"""
    own, size = share(y.shape[0], part, parts), out.shape[1] * out.shape[2]
    numbers = piece(out, own.start * size, len(own) * size)
    for i in range(numbers.size):
        numbers[i] = 0
    for b in own:
        for d in range(y.shape[1]):
            if y[b, d] != ignore:
                out[b, y[b, d], d] = -w[y[b, d]] * scale[b, d]


@exact_kernel(work=8)
def nll_softmax_backward(log_s, y, w, ignore, smoothing, scale, out, part, parts):
    """delta[b,c,d] = (s[c] sum_k t[k] w[k] - t[c] w[c]) scale[b,d]; without w and smoothing s - onehot(y)  (9b) (40)"""
    logs, found = room(log_s, transposed(log_s)), room(out, transposed(out))
    scales, labels = piece(scale, 0, scale.size), piece(y, 0, y.size)
    for item in share(items(log_s), part, parts):
        first, count = samples(log_s, item)
        some = piece(labels, first, count), piece(scales, first, count)
        take(log_s, item, logs)
        nll_softmax_backward_of(logs, *registers(log_s, item), *some, w, ignore, smoothing, found)
        put(found, item, out)


@inner
def nll_softmax_backward_of(log_s, n, at, y, scale, w, ignore, smoothing, out):
    """The same for the samples of one item."""
    real, classes, sum_w = out.dtype.type, w.size, 0.0
    hard, soft = real(1 - smoothing), real(smoothing / classes)
    if smoothing > 0:
        for c in range(classes):
            sum_w += w[c]
    factors, spread = scratch(out, LANES), scratch(out, LANES)
    for d in range(y.size):
        used = scale[d] if y[d] != ignore else real(0)
        factors[d], spread[d] = real(soft * sum_w) * used, soft * used
        if y[d] != ignore:
            factors[d] += real(hard * w[y[d]]) * used
    one = at[3] > 0
    factor = splat(out, factors[0], 1, 1) if one else load(factors, 0, 0, 1, 1)
    less = splat(out, spread[0], 1, 1) if one else load(spread, 0, 0, 1, 1)
    for k in range(n):
        delta = times(exp(load_at(log_s, at, k, 0)), factor)
        if smoothing > 0:
            t = load_at(w, (0, at[1], at[2], at[3]), k, 0) if one else splat(out, w[k], 1, 1)
            delta = minus(delta, product(t, less))
        store_at(delta, out, at, k)
    for d in range(y.size):
        if y[d] != ignore:
            out[at[0] + d + y[d] * (1 if one else at[1])] -= hard * w[y[d]] * scale[d]


@exact_kernel
def cross_entropy(z, y, w, ignore, smoothing, log_s, delta, found):
    """(9) in one pass: log_s = log softmax(z), and delta of the mean. found (3,) = the sum of the losses, what the
    mean divides it by, and the first flat index of a label that is neither in [0, C) nor `ignore`, or -1
    """
    real, labels = z.dtype.type, piece(y, 0, y.size)
    found[0], found[1], found[2] = 0, 0, -1
    for i in range(labels.size):
        if labels[i] != ignore:
            if labels[i] < 0 or labels[i] >= z.shape[1]:
                found[2] = i
                return
            found[1] += w[labels[i]]
    scores, logs, deltas = room(z, transposed(z)), room(log_s, transposed(log_s)), room(delta, transposed(delta))
    scales = scratch(z, LANES)
    for d in range(LANES):
        scales[d] = real(1 / found[1]) if found[1] != 0 else real(0)
    for item in range(items(z)):
        n, at = registers(z, item)
        first, count = samples(z, item)
        some = piece(labels, first, count), piece(scales, 0, count)
        take(z, item, scores)
        log_softmax_of(scores, n, at, logs)
        nll_softmax_backward_of(logs, n, at, *some, w, ignore, smoothing, deltas)
        put(logs, item, log_s)
        put(deltas, item, delta)
    for b in range(y.shape[0]):
        for d in range(y.shape[1]):
            found[0] += nll_of(log_s, b, d, y[b, d], w, ignore, smoothing)
    found[0] = real(found[0])


@kernel(work=8)
def soft_nll(log_s, q, w, out, part, parts):
    """out[b,d] = -sum_c q[b,c,d] w[c] log_s[b,c,d]: (9a) with probabilities q for labels"""
    for b in share(q.shape[0], part, parts):
        for d in range(q.shape[2]):
            loss = 0.0
            for c in range(q.shape[1]):
                loss -= times(log_s[b, c, d], q[b, c, d] * w[c])  # a class without weight may have -inf
            out[b, d] = loss


@kernel(work=8)
def soft_nll_softmax_backward(log_s, q, w, scale, out, part, parts):
    """delta = (s sum_k q[k] w[k] - q[c] w[c]) scale[b,d]                                             (9b)"""
    for b in share(q.shape[0], part, parts):
        for d in range(q.shape[2]):
            total = 0.0
            for c in range(q.shape[1]):
                total += q[b, c, d] * w[c]
            sum_qw = out.dtype.type(total)
            for c in range(q.shape[1]):
                out[b, c, d] = (exp(log_s[b, c, d]) * sum_qw - q[b, c, d] * w[c]) * scale[b, d]


@kernel
def smooth(q, eps, out, part, parts):
    """out = (1 - eps) q + eps / C, for probabilities q (B, C, D)                                      (40)"""
    hard, soft = out.dtype.type(1 - eps), out.dtype.type(eps / q.shape[1])
    for b in share(q.shape[0], part, parts):
        for c in range(q.shape[1]):
            for d in range(q.shape[2]):
                out[b, c, d] = hard * q[b, c, d] + soft


@exact_kernel
def used_weight(y, w, ignore, out):
    """out (1,) = the sum of w[y[b,d]] over all labels that are not `ignore`: what a weighted mean divides by"""
    out[0] = 0
    for b in range(y.shape[0]):
        for d in range(y.shape[1]):
            if y[b, d] != ignore:
                out[0] += w[y[b, d]]


@exact_kernel
def first_bad_label(y, num_classes, ignore, out):
    """out (1,) = the first flat index whose label is neither in [0, C) nor `ignore`, or -1"""
    out[0] = -1
    for i in range(y.size):
        if (y[i] < 0 or y[i] >= num_classes) and y[i] != ignore:
            out[0] = i
            return


@exact_kernel
def first_bad_probability(q, tolerance, out):
    """out (1,) = the first flat index into (B, D) where q is not a distribution over its C classes, or -1"""
    out[0] = -1
    for b in range(q.shape[0]):
        for d in range(q.shape[2]):
            sum_q, fine = 0.0, True
            for c in range(q.shape[1]):
                fine = fine and q[b, c, d] >= 0
                sum_q += q[b, c, d]
            if not (fine and abs(sum_q - 1) <= tolerance):
                out[0] = b * q.shape[2] + d
                return
