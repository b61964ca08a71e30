"""Losses that are a formula of a line or two. Most need no backward of their own: it is the graph's, (17).

Two pairs, in each of which a should exceed b by 1, by hand: in the first it does, in the second 0.5 are missing.

>>> import numpy as np, backprop as bp
>>> loss, y = bp.MarginRankingLoss(margin=1.0), np.array([1., 1])          # the first of a pair should be larger
>>> loss(np.array([3., 2]), np.array([1., 1.5]), y)                        # (0 + 0.5) / 2
0.25
>>> delta_a, delta_b = loss.backward()                                     # the second pair's, times 1/2
>>> delta_b
array([0. , 0.5])

Labels, signs and counts have no delta. A loss of several other inputs returns a tuple, in their order.
"""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import LabelError, OptionError, ShapeError
from backprop.functional.loss import expect_one_shape
from backprop.functional.shapes import as_int64
from backprop.graph import Value
from backprop.graph.formulas import cosine, distance, expect_on_cpu, positive, softplus
from backprop.graph.modes import reverse
from backprop.kernels.device import device_of, to_host
from backprop.kernels.transfer import to_device
from backprop.loss.base import Loss, kept_weight
from backprop.loss.probability import BCEWithLogitsLoss
from backprop.module.options import above_zero, number


class Formula(Loss):
    """A loss whose terms `each(...)` computes from Values, and from targets that are plain arrays.

    forward              L       = 1/E sum over the E terms
    backward  (17)       delta_a = delta / E sum of d term / da

    Nothing is broadcast, unless a loss says so. Raises ShapeError for inputs that do not fit.
    """

    learns = 1  # how many of the inputs have a delta; the others are targets

    def each(self, *inputs):
        raise NotImplementedError

    def forward(self, *inputs):
        expect_on_cpu(inputs)
        values = [Value(a) for a in inputs[: self.learns]]
        out = self.each(*values, *map(np.asarray, inputs[self.learns :]))
        self.cache = values, out
        return F.reduce(F.contiguous(out.data), self.reduction)

    def backward(self, delta=1):
        values, out = self.cache
        scale = np.broadcast_to(np.asarray(self.scale(delta, out.data.size), out.dtype), out.shape)
        below = {v: np.zeros_like(v.data) for v in values}
        for v, vbar in reverse(out, np.array(scale)):  # (17)
            if v in below:
                below[v] = np.array(vbar)
        return below[values[0]] if len(values) == 1 else tuple(below.values())

    def terms(self):
        return self.cache[1].data.size


def _targets(name, y, allowed):
    if not np.isin(y, allowed).all():
        wrong = np.argwhere(~np.isin(y, allowed))[0]
        place = tuple(map(int, wrong)) if len(wrong) != 1 else int(wrong[0])
        raise LabelError(
            f"{name} expects targets among {', '.join(map(str, allowed))}, got {y[tuple(wrong)]} at {place}"
        )


class SoftMarginLoss(BCEWithLogitsLoss):
    """log(1 + e^(-y a)), the logistic loss: a, y (...) of one shape, y is 1 or -1. It is (24) of targets 1 and 0."""

    def __init__(self, *, reduction="mean"):
        super().__init__(reduction=reduction)

    def forward(self, a, y):
        expect_one_shape(a, y)
        signs = to_host(y)
        _targets(type(self).__name__, signs, (1, -1))
        return super().forward(a, to_device(((signs + 1) / 2).astype(a.dtype), device_of(a)))


class HingeEmbeddingLoss(Formula):
    """A distance a where y is 1, max(0, margin - a) where it is -1: a, y (...) of one shape."""

    def __init__(self, *, margin=1.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.margin = number("margin", margin)

    def each(self, a, y):
        expect_one_shape(a, y)
        _targets(type(self).__name__, y, (1, -1))
        return np.where(y == 1, a, positive(self.margin - a))


class Margin(Formula):
    """The part that both share: two inputs with deltas, and a margin, 0 unless it is given."""

    learns = 2

    def __init__(self, *, margin=0.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.margin = number("margin", margin)


class MarginRankingLoss(Margin):
    """max(0, margin - y (a - b)): where y is 1, a should be larger than b, by the margin; where -1, smaller."""

    def each(self, a, b, y):
        expect_one_shape(a, b)
        expect_one_shape(a, y)
        _targets(type(self).__name__, y, (1, -1))
        return positive(self.margin - (a - b) * y)


class CosineEmbeddingLoss(Margin):
    """1 - cos(a, b) where y is 1, max(0, cos(a, b) - margin) where it is -1: a, b (N, D) or (D,), y (N,) or ().

    The squares of both lengths are increased by 1e-12, as PyTorch's.
    """

    def each(self, a, b, y):
        expect_one_shape(a, b)
        _targets(type(self).__name__, y, (1, -1))
        if y.shape != a.shape[:-1]:
            raise ShapeError(f"expects targets of shape {a.shape[:-1]}, got {y.shape}")
        alike = cosine(a, b, 1e-12)
        return np.where(y == 1, 1 - alike, positive(alike - self.margin))


class TripletMarginLoss(Formula):
    """max(0, |a - b| - |a - c| + margin): an anchor a should be nearer to b, of its kind, than to c. All (N, D).

    |x| is the norm of order `p` of x + eps. With `swap`, |b - c| counts where it is below |a - c|.
    """

    learns = 3

    def __init__(self, *, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
        super().__init__(reduction=reduction)
        self.margin, self.p = number("margin", margin), above_zero("p", p)
        self.eps, self.swap = number("eps", eps), swap

    def each(self, a, b, c):
        expect_one_shape(a, b)
        expect_one_shape(a, c)
        away = distance(a - c, self.p, self.eps)
        if self.swap:
            away = np.minimum(away, distance(b - c, self.p, self.eps))
        return positive(distance(a - b, self.p, self.eps) - away + self.margin)


class MultiMarginLoss(Loss):
    """Scores a (N, C) or (C,), labels y (N,) or (): each other class costs what it comes nearer to y's than `margin`.

    forward   L       = 1/(N C) sum over n, c != y of w[y] g^p,  g = max(0, margin - a[n,y] + a[n,c])
    backward  delta_a = delta / (N C) w[y] p g^(p-1) where g > 0          for c = y minus their sum

    w is `weight` (C,), 1 unless it is given.
    """

    def __init__(self, *, p=1, margin=1.0, weight=None, reduction="mean"):
        super().__init__(reduction=reduction)
        if p not in (1, 2):
            raise OptionError(f"p must be 1 or 2, got {p}")
        self.p, self.margin = p, number("margin", margin)
        self.weight = kept_weight(weight)

    def forward(self, a, y):
        expect_on_cpu([a, y])
        y, classes = as_int64(np.asarray(y)), a.shape[-1]
        if a.ndim not in (1, 2) or y.shape != a.shape[:-1]:
            raise ShapeError(f"expects scores (N, C) and labels (N,), got {a.shape} and {y.shape}")
        _targets(type(self).__name__, y, range(classes))
        if self.weight is not None and self.weight.shape != (classes,):
            raise ShapeError(f"expects a weight for each class, ({classes},), got {self.weight.shape}")
        own = np.arange(y.size), y.reshape(-1)
        scores = a.reshape(-1, classes)
        gaps = scores + (self.margin - scores[own])[:, None]
        gaps[own] = 0
        gaps *= gaps.real > 0
        w = 1 if self.weight is None else self.weight.data[own[1]]
        self.cache = gaps, own, w, a.shape
        return F.reduce(((gaps**self.p).sum(1) * w / classes).reshape(a.shape[:-1]), self.reduction)

    def backward(self, delta=1):
        gaps, own, w, shape = self.cache
        each = np.asarray(self.scale(delta, len(gaps))).reshape(-1) * w / shape[-1]
        slopes = 2 * gaps if self.p == 2 else (gaps.real > 0).astype(gaps.dtype)
        slopes *= np.broadcast_to(each, len(gaps)).astype(gaps.dtype)[:, None]
        slopes[own] = -slopes.sum(1)  # the label's own score is in each gap of its sample
        return slopes.reshape(shape)

    def terms(self):
        return len(self.cache[0])


class MultiLabelMarginLoss(Formula):
    """1/C sum over each wanted class j and each other class i of max(0, 1 - (a[j] - a[i])): scores a (N, C) or (C,).

    y, of a's shape, lists the wanted classes of each sample; the first -1 ends the list.
    """

    def each(self, a, y):
        y = as_int64(y)
        expect_one_shape(a, y)
        single, classes = a.ndim == 1, a.shape[-1]
        a, y = (a.reshape(1, -1), y.reshape(1, -1)) if single else (a, y)
        _targets(type(self).__name__, y, range(-1, classes))
        listed = np.logical_and.accumulate(y >= 0, axis=1)
        wanted = np.zeros(y.shape, bool)
        np.put_along_axis(wanted, np.where(listed, y, y[:, :1].clip(0)), True, axis=1)
        wanted &= listed.any(axis=1, keepdims=True)
        short = positive(1 - a.reshape(-1, classes, 1) + a.reshape(-1, 1, classes))
        # a class that is listed twice counts twice
        times = np.stack([((y == c) & listed).sum(1) for c in range(classes)], axis=1)
        terms = short * (times[:, :, None] * ~wanted[:, None, :]).astype(a.dtype)
        out = terms.sum((1, 2)) / classes
        return out.reshape(()) if single else out


class MultiLabelSoftMarginLoss(Formula):
    """-1/C sum over the classes of w (y log s + (1 - y) log(1 - s)), s = sigmoid(a): scores a and targets y (N, C)."""

    def __init__(self, *, weight=None, reduction="mean"):
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)

    def each(self, a, y):
        expect_one_shape(a, y)
        terms = softplus(-1 * a) * y + softplus(a) * (1 - y)
        return (terms if self.weight is None else terms * self.weight.data).mean(-1)


class GaussianNLLLoss(Formula):
    """(log v + (a - y)^2 / v) / 2, v = max(var, eps): a network that says its own variance. `full` adds log(2 pi) / 2.

    Called with a, y (N, ...) and var, of their shape, with 1 on any axis, or without the last; all three have deltas.

    Raises LabelError for a variance below 0.
    """

    learns = 3

    def __init__(self, *, full=False, eps=1e-6, reduction="mean"):
        super().__init__(reduction=reduction)
        self.full, self.eps = full, number("eps", eps, 0)

    def each(self, a, y, var):
        expect_one_shape(a, y)
        if (to_host(var.data) < 0).any():
            raise LabelError("expects variances of at least 0")
        if var.shape == a.shape[:-1]:
            var = var.reshape(*var.shape, 1)
        elif var.ndim != a.ndim or any(v not in (1, size) for v, size in zip(var.shape, a.shape, strict=True)):
            raise ShapeError(f"expects variances of shape {a.shape}, 1 on any axis, or {a.shape[:-1]}, got {var.shape}")
        v = var + np.where(var.data < self.eps, self.eps - var.data, 0)  # PyTorch's slope, 1 even where eps counts
        error = a - y
        terms = 0.5 * (np.log(v) + error * error / v)
        return terms + 0.5 * math.log(2 * math.pi) if self.full else terms
