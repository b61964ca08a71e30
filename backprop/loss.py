"""Losses turn an output into one number, and start the backward pass: their backward gives the first delta."""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import ShapeError
from backprop.functional.loss import REDUCTIONS
from backprop.functional.targets import class_axis
from backprop.module import Module


class Loss(Module):
    """The base of losses: a Module of two inputs, the output and the target.

    `loss(a, b)` is L, a Python number for reduction 'mean' and 'sum', an array of one loss per term for 'none'.
    `loss.backward(delta=1)` is dL/da, times delta; for 'none' delta is an array of one number per term.

    A subclass's backward is given `scale`, what the reduction does to each of its terms: delta / E for a mean over E
    terms, delta for a sum, the array itself for 'none'.
    """

    analytic = True

    def __init__(self, reduction="mean"):
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction is one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")
        self.reduction = reduction

    def expect_delta(self, delta=1):
        if self.reduction == "none":
            if not isinstance(delta, np.ndarray):
                raise ShapeError("reduction 'none' gives one loss per term, so backward wants a delta of that shape")
            return super().expect_delta(delta)
        if np.shape(delta) != ():
            raise ShapeError(
                f"reduction {self.reduction!r} gives one number; backward wants one, got {np.shape(delta)}"
            )
        return float(delta)

    def scale(self, delta, terms):
        """What each of `terms` terms of the sum is multiplied by."""
        if self.reduction == "mean":
            return delta / terms if terms else math.nan
        return delta

    def extra_repr(self):
        return f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """Mean squared error: a, b (...) of one shape, E elements in all.  Lecture A 6:29, 49:06.

    forward   (8)  L     = 1/E sum (a - b)^2
    backward  (8)  delta = 2 (a - b) / E

    The lecture's square loss is 1/(2N) sum |a - b|^2, delta = (a - b)/N: it halves, and divides by samples. This one
    is the ecosystem's. Nothing is broadcast: (N,) against (N, 1) is a ShapeError, not N^2 differences.
    """

    def forward(self, a, b):
        self.cache = a, b
        return F.mse_loss(a, b, self.reduction)  # (8)

    def backward(self, delta=1):
        a, b = self.cache
        return F.squared_error_backward(a, b, self.scale(delta, a.size))  # (8)


class L1Loss(Loss):
    """Mean absolute error: a, b (...) of one shape, E elements in all.  Lecture A 49:06.

    forward   (21)  L     = 1/E sum |a - b|
    backward  (21)  delta = sign(a - b) / E                        0 where a = b
    """

    def forward(self, a, b):
        self.cache = a, b
        return F.l1_loss(a, b, self.reduction)  # (21)

    def backward(self, delta=1):
        a, b = self.cache
        return F.absolute_error_backward(a, b, self.scale(delta, a.size))  # (21)


class CrossEntropyLoss(Loss):
    """Cross-entropy of scores: z (N, C, ...) or (C,), y labels (N, ...) in [0, C) or probabilities of z's shape.
    Lecture A 49:06, 61:06.

    forward   (9)  L       = -1/N sum_n log softmax(z_n)[y_n]
    backward  (9)  delta_z = (softmax(z) - onehot(y)) / N          push each share towards its label

    N counts samples (and positions, where z has more axes). With probabilities q instead of labels, onehot(y)
    becomes q. `num_classes`, where it is given, refuses scores for any other number of classes: without it, 784
    scores for 10 classes train without a word of complaint (72:39).

    Raises ShapeError for another number of classes or labels, LabelError for bad targets.
    """

    def __init__(self, reduction="mean", num_classes=None):
        super().__init__(reduction)
        self.num_classes = num_classes

    def forward(self, z, y):
        self.expect_classes(z)
        axis = class_axis(z)
        log_s = F.log_softmax(z, axis)
        self.cache = log_s, y
        return F.reduce(F.nll(log_s, y), self.reduction)  # (9)

    def backward(self, delta=1):
        log_s, y = self.cache
        terms = log_s.size // log_s.shape[class_axis(log_s)] if log_s.size else 0
        return F.cross_entropy_backward(log_s, y, self.scale(delta, terms))  # (9)

    def expect_classes(self, z):
        """ShapeError unless z has a score for each of `num_classes` classes."""
        classes = np.shape(z)[class_axis(z)]
        if self.num_classes is not None and classes != self.num_classes:
            raise ShapeError(
                f"got scores for {classes} classes, but there are {self.num_classes}: "
                f"let the last layer put out {self.num_classes}, as Linear(..., {self.num_classes}) does"
            )
