"""Losses of probabilities against probabilities."""

import math

import numpy as np

from backprop import functional as F
from backprop.functional.loss import expect_between
from backprop.loss.base import Loss
from backprop.parameter import Buffer


class BCELoss(Loss):
    """Binary cross-entropy of probabilities a against targets y from 0 to 1, both (...), E elements in all.

    forward   (38)  L     = -1/E sum of y log a + (1 - y) log(1 - a)
    backward  (38)  delta = (a - y) / (E a (1 - a))              d/da: -y/a + (1-y)/(1-a), over one denominator

    A logarithm counts as -100 at least, and a (1 - a) as 1e-12, as in PyTorch: a sigmoid may put out 0 or 1 in float32.
    BCEWithLogitsLoss has no such edges. `weight` multiplies each term and broadcasts to a's shape; E stays.

    Raises LabelError, naming the first bad index, for an a or y outside [0, 1]; ShapeError for two shapes.
    """

    def __init__(self, *, weight=None, reduction="mean"):
        super().__init__(reduction=reduction)
        self.weight = _buffer(weight)

    def forward(self, a, y):
        losses = F.error("bce", a, y)
        expect_between("probabilities", a, 0, 1)
        expect_between("targets", y, 0, 1)
        self.cache = a, y
        return F.reduce(losses if self.weight is None else F.multiply(losses, self.weight), self.reduction)  # (38)

    def backward(self, delta=1):
        a, y = self.cache
        delta_a = F.error_backward("bce", a, y, self.scale(delta, a.size))  # (38)
        return delta_a if self.weight is None else F.multiply(delta_a, self.weight)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of scores z against targets y from 0 to 1, both (...), E elements in all; s = sigmoid(z).

    forward   (24)  L     = -1/E sum of y log s + (1 - y) log(1 - s)
    backward  (24)  delta = (s - y) / E                          (38) times sigmoid' = s (1 - s): the denominator goes

    `weight` multiplies each term, `pos_weight` p the positives: p y log s, and delta = ((1 - y) s - p y (1 - s)) / E.
    Both broadcast to z's shape.

    Raises LabelError, naming the first bad index, for a y outside [0, 1]; ShapeError for two shapes.
    """

    def __init__(self, *, weight=None, reduction="mean", pos_weight=None):
        super().__init__(reduction=reduction)
        self.weight, self.pos_weight = _buffer(weight), _buffer(pos_weight)

    def forward(self, z, y):
        losses = F.bce_with_logits(z, y, self.pos_weight)
        expect_between("targets", y, 0, 1)
        self.cache = z, y
        return F.reduce(losses if self.weight is None else F.multiply(losses, self.weight), self.reduction)  # (24)

    def backward(self, delta=1):
        z, y = self.cache
        delta_z = F.bce_with_logits_backward(z, y, self.scale(delta, z.size), self.pos_weight)  # (24)
        return delta_z if self.weight is None else F.multiply(delta_z, self.weight)


class KLDivLoss(Loss):
    """Kullback-Leibler divergence of log-probabilities a from probabilities y, both (...), E elements in all.

    forward   (39)  L     = 1/E sum of y (log y - a)             0 where y = 0
    backward  (39)  delta = -y / E

    With `log_target` y are log-probabilities, too: e^y (y - a), and delta = -e^y / E. A divergence is a sum over the
    outcomes: reduction 'batchmean' divides it by the N samples of axis 0, where 'mean' divides by E.
    """

    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, *, reduction="mean", log_target=False):
        super().__init__(reduction=reduction)
        self.log_target = log_target

    @property
    def row(self):
        return "kl_div_log" if self.log_target else "kl_div"

    def forward(self, a, y):
        self.cache = a, y
        losses = F.error(self.row, a, y)
        if self.reduction == "batchmean":
            return F.reduce(losses, "mean", len(a))  # (39)
        return F.reduce(losses, self.reduction)  # (39)

    def backward(self, delta=1):
        a, y = self.cache
        if self.reduction == "batchmean":
            return F.error_backward(self.row, a, y, delta / len(a) if len(a) else math.nan)  # (39)
        return F.error_backward(self.row, a, y, self.scale(delta, a.size))  # (39)

    def extra_repr(self):
        return f"reduction={self.reduction!r}, log_target={self.log_target}"


def _buffer(weight):
    """The weights as an array that changes type with the loss, or None."""
    return None if weight is None else Buffer(weight if isinstance(weight, np.ndarray) else np.float32(weight))
