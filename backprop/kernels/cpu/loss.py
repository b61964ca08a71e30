"""Losses by element or by sample, their first deltas, and the checks of their targets.

Element-wise losses stand in one table: the loss of output a against target b, and under it its derivative by a, which
`scale` multiplies by what the reduction does to each term (1/E for a mean over E of them). All arrays are flat, each
iteration owns one block; `options` are a row's other numbers, as a tuple.

Scores are (B, C, D) with the class axis in the middle, labels (B, D), w (C,) weighs the classes; iteration b owns
out[b]. With label smoothing eps a label becomes the distribution t = (1 - eps) onehot(y) + eps / C. Sums and checks
whose result is a single number run in one thread.
"""

from math import exp, log, log1p

from numba import njit, prange
from numba.extending import register_jitable

from backprop.kernels.cpu.activation import sigmoid
from backprop.kernels.cpu.jit import BLOCK, blocks, exact_kernel, kernel

LEAST = exp(-100)


@njit(cache=True, nogil=True)
def side(a, b):
    """The sign of a - b, 0 where they are equal; NaN stays NaN"""
    return 1.0 if a > b else -1.0 if a < b else a - b


@njit(cache=True, nogil=True)
def log100(a):
    """log a, but no less than -100, as PyTorch has it: a sure and wrong answer costs 100, not infinity"""
    return -100.0 if 0 <= a < LEAST else log(a)


# fmt: off
TABLE = {
    "squared":         (lambda a, b: (a - b) * (a - b),                                                         # (8)
                        lambda a, b: 2 * (a - b)),

    "absolute":        (lambda a, b: abs(a - b),                                                               # (21)
                        lambda a, b: side(a, b)),

    "huber":           (lambda a, b, d: (a - b) * (a - b) / 2 if abs(a - b) <= d else d * (abs(a - b) - d / 2),
                        lambda a, b, d: a - b if abs(a - b) <= d else d * side(a, b)),                         # (22)

    "smooth_l1":       (lambda a, b, d: (a - b) * (a - b) / (2 * d) if abs(a - b) < d else abs(a - b) - d / 2,
                        lambda a, b, d: (a - b) / d if abs(a - b) < d else side(a, b)),                        # (37)

    "bce":             (lambda a, b: -b * log100(a) - (1 - b) * log100(1 - a),
                        lambda a, b: (a - b) / max(a * (1 - a), 1e-12)),                                       # (38)

    "bce_with_logits": (lambda a, b: max(a, 0.0) - b * a + log1p(exp(-abs(a))),
                        lambda a, b: sigmoid(a) - b),                                                          # (24)

    "kl_div":          (lambda a, b: b * (log(b) - a) if b != 0 else 0.0 * a,
                        lambda a, b: -b),                                                                      # (39)

    "kl_div_log":      (lambda a, b: exp(b) * (b - a),
                        lambda a, b: -exp(b)),                                                                 # (39)
}
# fmt: on


def kernels_of(loss, slope):
    """The forward and the backward kernel of one row."""
    loss, slope = register_jitable(loss), register_jitable(slope)

    @exact_kernel()
    def forward(a, b, options, out):
        """out[i] = the loss of a[i] against b[i]"""
        for block in prange(blocks(a.size)):
            for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
                out[i] = loss(a[i], b[i], *options)

    @exact_kernel()
    def backward(a, b, options, scale, out):
        """delta = its derivative by a, times scale"""
        for block in prange(blocks(a.size)):
            for i in range(block * BLOCK, min((block + 1) * BLOCK, a.size)):
                out[i] = slope(a[i], b[i], *options) * scale

    return forward, backward


ERRORS = {name: kernels_of(*row) for name, row in TABLE.items()}


@kernel()
def nll(log_s, y, w, ignore, smoothing, out):
    """out[b,d] = -sum_c t[b,c,d] w[c] log_s[b,c,d], t from the label y[b,d]; 0 where y is `ignore`   (9) (23) (40)"""
    real, classes = out.dtype.type, log_s.shape[1]
    hard, soft = real(1 - smoothing), real(smoothing / classes)
    for b in prange(y.shape[0]):
        for d in range(y.shape[1]):
            label, loss = y[b, d], real(0)
            if label != ignore:
                loss = -hard * w[label] * log_s[b, label, d]
                if smoothing > 0:
                    for c in range(classes):
                        loss -= soft * w[c] * log_s[b, c, d]
            out[b, d] = loss


@kernel()
def nll_backward(y, w, ignore, scale, out):
    """delta[b,c,d] = -onehot(y[b,d])[c] w[c] scale[b,d]                                               (23)"""
    for b in prange(y.shape[0]):
        out[b] = 0
        for d in range(y.shape[1]):
            if y[b, d] != ignore:
                out[b, y[b, d], d] = -w[y[b, d]] * scale[b, d]


@kernel()
def nll_softmax_backward(log_s, y, w, ignore, smoothing, scale, out):
    """delta[b,c,d] = (s[c] sum_k t[k] w[k] - t[c] w[c]) scale[b,d]; without w and smoothing s - onehot(y)  (9) (40)"""
    real, classes = out.dtype.type, log_s.shape[1]
    hard, soft = real(1 - smoothing), real(smoothing / classes)
    sum_w = real(0)
    for c in range(classes):
        sum_w += w[c]
    for b in prange(y.shape[0]):
        for d in range(y.shape[1]):
            label, factor = y[b, d], scale[b, d]
            if label == ignore:
                out[b, :, d] = 0
            else:
                sum_tw = hard * w[label] + soft * sum_w
                for c in range(classes):
                    out[b, c, d] = (exp(log_s[b, c, d]) * sum_tw - soft * w[c]) * factor
                out[b, label, d] -= hard * w[label] * factor


@kernel()
def soft_nll(log_s, q, w, out):
    """out[b,d] = -sum_c q[b,c,d] w[c] log_s[b,c,d]: (9) with probabilities q for labels"""
    for b in prange(q.shape[0]):
        for d in range(q.shape[2]):
            dot = out.dtype.type(0)
            for c in range(q.shape[1]):
                dot -= q[b, c, d] * w[c] * log_s[b, c, d]
            out[b, d] = dot


@kernel()
def soft_nll_softmax_backward(log_s, q, w, scale, out):
    """delta = (s sum_k q[k] w[k] - q[c] w[c]) scale[b,d]                                              (9)"""
    for b in prange(q.shape[0]):
        for d in range(q.shape[2]):
            sum_qw = out.dtype.type(0)
            for c in range(q.shape[1]):
                sum_qw += q[b, c, d] * w[c]
            for c in range(q.shape[1]):
                out[b, c, d] = (exp(log_s[b, c, d]) * sum_qw - q[b, c, d] * w[c]) * scale[b, d]


@kernel()
def smooth(q, eps, out):
    """out = (1 - eps) q + eps / C, for probabilities q (B, C, D)                                      (40)"""
    hard, soft = out.dtype.type(1 - eps), out.dtype.type(eps / q.shape[1])
    for b in prange(q.shape[0]):
        for c in range(q.shape[1]):
            for d in range(q.shape[2]):
                out[b, c, d] = hard * q[b, c, d] + soft


@njit(cache=True, nogil=True)
def used_weight(y, w, ignore, out):
    """out (1,) = the sum of w[y[b,d]] over all labels that are not `ignore`: what a weighted mean divides by"""
    out[0] = 0
    for b in range(y.shape[0]):
        for d in range(y.shape[1]):
            if y[b, d] != ignore:
                out[0] += w[y[b, d]]


@njit(cache=True, nogil=True)
def total(values, out):
    """out (1,) = the sum of a flat array, gathered in float64"""
    gathered = 0.0
    for i in range(values.size):
        gathered += values[i]
    out[0] = gathered


@njit(cache=True, nogil=True)
def first_bad_label(y, num_classes, ignore, out):
    """out (1,) = the first flat index whose label is neither in [0, C) nor `ignore`, or -1"""
    out[0] = -1
    for i in range(y.size):
        if (y[i] < 0 or y[i] >= num_classes) and y[i] != ignore:
            out[0] = i
            return


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def first_outside(values, low, high, out):
    """out (1,) = the first index of a flat array whose value is not from low to high, or -1; NaN is let pass"""
    out[0] = -1
    for i in range(values.size):
        if values[i] < low or values[i] > high:
            out[0] = i
            return
