"""Losses of numbers against numbers: how far off, and how much that matters."""

from backprop import functional as F
from backprop.loss.base import Loss
from backprop.options import above_zero, number


class Difference(Loss):
    """The part that all share: a loss of each element of a against b, two arrays (...) of one shape, E elements in all.

    Nothing is broadcast: (N,) against (N, 1) is a ShapeError, not N^2 differences.
    """

    row = ""  # of the table of element-wise losses
    options = ()  # the names of the attributes that are the row's other numbers

    def forward(self, a, b):
        self.cache = a, b
        return F.reduce(F.error(self.row, a, b, *self._numbers()), self.reduction)  # (8) (21) (22) (37), by row

    def backward(self, delta=1):
        a, b = self.cache
        return F.error_backward(self.row, a, b, self.scale(delta, a.size), *self._numbers())  # (8) (21) (22) (37)

    def terms(self):
        return self.cache[0].size

    def _numbers(self):
        return [getattr(self, name) for name in self.options]

    def extra_repr(self):
        return ", ".join([super().extra_repr(), *[f"{name}={getattr(self, name)}" for name in self.options]])


class MSELoss(Difference):
    """Mean squared error: a, b (...) of one shape, E elements in all.  Lecture A 6:29, 49:06.

    forward   (8)  L       = 1/E sum (a - b)^2
    backward  (8)  delta_a = delta * 2 (a - b) / E                 delta is what backward is given, 1 if nothing else

    The lecture's square loss is 1/(2N) sum |a - b|^2, delta = (a - b)/N: it halves, and divides by samples. This one
    is PyTorch's. Nothing is broadcast.
    """

    row = "squared"


class L1Loss(Difference):
    """Mean absolute error: a, b (...) of one shape, E elements in all.  Lecture A 49:06.

    forward   (21)  L     = 1/E sum |a - b|
    backward  (21)  delta_a = delta * sign(a - b) / E              0 where a = b
    """

    row = "absolute"


class HuberLoss(Difference):
    """Square near the target, absolute beyond `delta`, here d: an outlier pulls with a bounded force.

    forward   (22)  L       = 1/E sum of (a - b)^2 / 2 where |a - b| <= d, else d (|a - b| - d/2)
    backward  (22)  delta_a = delta * clip(a - b, -d, d) / E
    """

    row, options = "huber", ("delta",)

    def __init__(self, *, reduction="mean", delta=1.0):
        super().__init__(reduction=reduction)
        self.delta = above_zero("delta", delta)


class SmoothL1Loss(Difference):
    """Huber's loss divided by its width: absolute with slope 1 beyond `beta`, square within.

    forward   (37)  L     = 1/E sum of (a - b)^2 / (2 beta) where |a - b| < beta, else |a - b| - beta/2
    backward  (37)  delta_a = delta * clip((a - b) / beta, -1, 1) / E
    """

    def __init__(self, *, reduction="mean", beta=1.0):
        super().__init__(reduction=reduction)
        self.beta = number("beta", beta, 0)

    @property
    def row(self):
        return "smooth_l1" if self.beta else "absolute"

    @property
    def options(self):
        return ("beta",) if self.beta else ()
