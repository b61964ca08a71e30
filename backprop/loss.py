"""Losses turn an output into one number, and start the backward pass: their backward gives the first delta."""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import DTypeError, ShapeError
from backprop.functional.loss import expect_reduction
from backprop.functional.targets import class_axis
from backprop.module import Module


class Loss(Module):
    """The base of losses: a Module of two inputs, the output and the target.

    `loss(a, b)` is L: a Python number for reduction 'mean' and 'sum', an array of one loss per term for 'none'.
    `loss.backward(delta=1)` is dL/da, times delta; for 'none' delta is an array of one number per term.

    A subclass's backward multiplies each of its E terms by `self.scale(delta, E)`: delta / E for a mean, delta for a
    sum, and for 'none' delta as it is, an array of one number per term.
    """

    analytic = True

    def __init__(self, *, reduction="mean"):
        expect_reduction(reduction)
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
        if not isinstance(delta, (int, float, np.integer, np.floating, np.ndarray)):
            raise DTypeError(f"backward wants a real number, got {type(delta).__name__}; use float(x)")
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
    is PyTorch's. Nothing is broadcast: (N,) against (N, 1) is a ShapeError, not N^2 differences.
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
    """Cross-entropy of scores z (N, C, ...) or (C,); y are labels (N, ...) in [0, C), or probabilities of z's shape.
    Lecture A 49:06, 61:06.

    forward   (9)  L       = -1/E sum_n log softmax(z_n)[y_n]      n runs over E = N samples, or positions of images
    backward  (9)  delta_z = (softmax(z) - onehot(y)) / E          raise the label's share, lower the others

    With probabilities q instead of labels, onehot(y) becomes q. `num_classes`, where it is given, refuses scores for
    any other number of classes, which PyTorch would train on without a word (72:39). PyTorch's weight, ignore_index
    and label_smoothing are not built.

    Raises ShapeError for another number of classes or labels, LabelError for bad targets.
    """

    def __init__(self, *, reduction="mean", num_classes=None):
        super().__init__(reduction=reduction)
        self.num_classes = num_classes

    def forward(self, z, y):
        axis = class_axis(z)
        classes, wanted = z.shape[axis], self.num_classes
        cure = f"let the last layer put out {wanted}, as Linear(..., {wanted}) does"
        self.expect(wanted in (None, classes), f"scores for {wanted} classes", got=z, cure=cure)
        log_s = F.log_softmax(z, axis)
        self.cache = log_s, y
        return F.reduce(F.nll(log_s, y), self.reduction)  # (9)

    def backward(self, delta=1):
        log_s, y = self.cache
        terms = log_s.size // log_s.shape[class_axis(log_s)] if log_s.size else 0
        return F.cross_entropy_backward(log_s, y, self.scale(delta, terms))  # (9)

    def extra_repr(self):
        return f"reduction={self.reduction!r}, num_classes={self.num_classes}"
