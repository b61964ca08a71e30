"""Losses of probabilities against probabilities."""

import math

import numpy as np

from backprop import functional as F
from backprop.functional.loss import expect_between, expect_log_probabilities
from backprop.functional.targets import TOLERANCE
from backprop.kernels.device import to_host
from backprop.loss.base import Loss, kept_weight


class Binary(Loss):
    """The part that both share: each element is a separate answer, yes where it is above `middle`.

    `weight` multiplies each term and broadcasts to their shape; where it is 0 a term is 0, even an infinite one.
    """

    middle = 0.5

    def __init__(self, *, weight=None, reduction="mean"):
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)

    def terms(self):
        return self.cache[0].size

    def count_correct(self, a, y):
        said, wanted = to_host(a) > self.middle, to_host(y)
        if not np.isin(wanted, (0, 1)).all():
            return math.nan, 0
        return int((said == wanted).sum()), wanted.size

    def weighed(self, terms):
        return terms if self.weight is None else F.weigh(terms, self.weight)


class BCELoss(Binary):
    """Binary cross-entropy of probabilities a against targets y from 0 to 1, both (...), E elements in all.

    forward   (38a)  L       = -1/E sum of y log a + (1 - y) log(1 - a)
    backward  (38b)  delta_a = delta * (a - y) / (E a (1 - a))   d/da: -y/a + (1-y)/(1-a), over one denominator

    As in PyTorch, a logarithm counts as at least -100 and a (1 - a) as at least 1e-12: a float32 sigmoid may be 0 or 1.
    BCEWithLogitsLoss needs no such limits. `weight` multiplies each term and broadcasts to a's shape; E stays the same.

    Raises LabelError, naming the first bad index, for an a or y outside [0, 1]; ShapeError for different shapes.
    """

    def forward(self, a, y):
        losses = F.error("bce", a, y)
        expect_between("probabilities", a, 0, 1)
        expect_between("targets", y, 0, 1)
        self.cache = a, y
        # (38a) -(y * log(a) + (1 - y) * log(1 - a)).sum() / a.size
        return F.reduce(self.weighed(losses), self.reduction)

    def backward(self, delta=1):
        (a, y), E = self.cache, self.terms()
        # (38b) delta * (a - y) / (E * a * (1 - a))
        return self.weighed(F.error_backward("bce", a, y, self.scale(delta, E)))


class BCEWithLogitsLoss(Binary):
    """Binary cross-entropy of scores z against targets y from 0 to 1, both (...), E elements in all; s = sigmoid(z).

    forward   (24a)  L       = -1/E sum of y log s + (1 - y) log(1 - s)
    backward  (24b)  delta_z = delta * (s - y) / E               (38b) times sigmoid' = s (1 - s), which cancels

    `weight` multiplies each term, `pos_weight` w the positives: w y log s, and delta = ((1 - y) s - w y (1 - s)) / E.
    Both broadcast to z's shape. An infinite score costs nothing where it is right, and infinity where it is wrong.

    Raises LabelError, naming the first bad index, for a y outside [0, 1]; ShapeError for different shapes.
    """

    middle = 0.0

    def __init__(self, *, weight=None, reduction="mean", pos_weight=None):
        super().__init__(weight=weight, reduction=reduction)
        self.pos_weight = kept_weight(pos_weight)

    def forward(self, z, y):
        losses = F.bce_with_logits(z, y, self.pos_weight)
        expect_between("targets", y, 0, 1)
        self.cache = z, y
        # s = 1 / (1 + exp(-z))  (24a) -(y * log(s) + (1 - y) * log(1 - s)).sum() / z.size
        return F.reduce(self.weighed(losses), self.reduction)

    def backward(self, delta=1):
        (z, y), E = self.cache, self.terms()
        # s = 1 / (1 + exp(-z))  (24b) delta * (s - y) / E
        return self.weighed(F.bce_with_logits_backward(z, y, self.scale(delta, E), self.pos_weight))


class KLDivLoss(Loss):
    """Kullback-Leibler divergence of log-probabilities a from probabilities y, both (...).

    forward   (39a)  L       = 1/E sum of y (log y - a)          0 where y = 0
    backward  (39b)  delta_a = -delta * y / E                    E is what the mean divides by

    With `log_target` y are log-probabilities, too: e^y (y - a), and delta = -e^y / E. A divergence is a sum over the
    outcomes: with reduction 'batchmean' E is the N samples of axis 0, with 'mean' the number of elements.

    Raises LabelError, naming the first bad index, for a y outside [0, 1], and for numbers above 0 where logarithms of
    probabilities belong (LogSoftmax gives them); ShapeError for different shapes.
    """

    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, *, reduction="mean", log_target=False):
        super().__init__(reduction=reduction)
        self.log_target = log_target

    @property
    def row(self):
        return "kl_div_log" if self.log_target else "kl_div"

    def forward(self, a, y):
        losses = F.error(self.row, a, y)
        expect_log_probabilities("log-probabilities", a)
        if self.log_target:
            expect_log_probabilities("log-probabilities for targets", y)
        else:
            expect_between("probabilities for targets", y, 0, 1 + TOLERANCE)
        self.cache = a, y
        reduction, E = "mean" if self.reduction == "batchmean" else self.reduction, self.terms()
        return F.reduce(losses, reduction, E)  # (39a) (y * (log(y) - a)).sum() / E

    def backward(self, delta=1):
        (a, y), E = self.cache, self.terms()
        return F.error_backward(self.row, a, y, self.scale(delta, E))  # (39b) -delta * y / E

    def terms(self):
        a = self.cache[0]
        return len(a) if self.reduction == "batchmean" and a.ndim else a.size

    def extra_repr(self):
        return f"reduction={self.reduction!r}, log_target={self.log_target}"
