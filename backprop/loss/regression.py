"""Losses of numbers against numbers: how far off, and how much that matters.

Outputs 3 and 1 against targets 1 and 2, by hand:

>>> import numpy as np, backprop as bp
>>> loss, a, b = bp.MSELoss(), np.array([3., 1]), np.array([1., 2])
>>> loss(a, b)                                    # (8a) (2^2 + (-1)^2) / 2
2.5
>>> loss.backward()                               # (8b) 2*2/2 and 2*(-1)/2
array([ 2., -1.])

Outputs a and targets b are arrays (...) of one shape, E elements in all. Nothing is broadcast: (N,) with (N, 1) is a
ShapeError, not N^2 differences.
"""

import numpy as np

from backprop import functional as F
from backprop.kernels.device import device_of, to_host
from backprop.kernels.transfer import to_device
from backprop.loss.base import Loss
from backprop.module.options import above_zero, number


class Difference(Loss):
    """The part that all share: a mean over all E elements of a."""

    def terms(self):
        return self.cache[0].size


class MSELoss(Difference):
    """Mean squared error: a, b (...) of one shape, E elements in all.  Lecture A 6:29, 49:06.

    forward   (8a)  L       = 1/E sum (a - b)^2
    backward  (8b)  delta_a = delta * 2 (a - b) / E                delta is what backward is given, 1 by default

    The lecture's square loss is 1/(2N) sum |a - b|^2, delta = (a - b)/N: it halves, and divides by N. This one is
    PyTorch's.
    """

    def forward(self, a, b):
        self.cache = a, b
        return F.reduce(F.error("squared", a, b), self.reduction)  # (8a) ((a - b)**2).sum() / a.size

    def backward(self, delta=1):
        (a, b), E = self.cache, self.terms()
        return F.error_backward("squared", a, b, self.scale(delta, E))  # (8b) delta * 2 * (a - b) / E


class L1Loss(Difference):
    """Mean absolute error: a, b (...) of one shape, E elements in all.  Lecture A 49:06.

    forward   (21a)  L       = 1/E sum |a - b|
    backward  (21b)  delta_a = sign(a - b) * delta / E             0 where a = b
    """

    def forward(self, a, b):
        self.cache = a, b
        return F.reduce(F.error("absolute", a, b), self.reduction)  # (21a) abs(a - b).sum() / a.size

    def backward(self, delta=1):
        (a, b), E = self.cache, self.terms()
        return F.error_backward("absolute", a, b, self.scale(delta, E))  # (21b) sign(a - b) * delta / E


class HuberLoss(Difference):
    """Square near the target, absolute beyond `delta`, here d: an outlier pulls with a bounded force.

    forward   (22a)  L       = 1/E sum of (a - b)^2 / 2 where |a - b| <= d, else d (|a - b| - d/2)
    backward  (22b)  delta_a = delta * clip(a - b, -d, d) / E
    """

    def __init__(self, *, reduction="mean", delta=1.0):
        super().__init__(reduction=reduction)
        self.delta = above_zero("delta", delta)

    def forward(self, a, b):
        d = self.delta
        self.cache = a, b
        # e = a - b  (22a) where(abs(e) <= d, e**2 / 2, d * (abs(e) - d / 2)).sum() / a.size
        return F.reduce(F.error("huber", a, b, d), self.reduction)

    def backward(self, delta=1):
        (a, b), d, E = self.cache, self.delta, self.terms()
        return F.error_backward("huber", a, b, self.scale(delta, E), d)  # (22b) delta * clip(a - b, -d, d) / E

    def extra_repr(self):
        return f"{super().extra_repr()}, delta={self.delta}"


class SmoothL1Loss(Difference):
    """Huber's loss divided by its width: absolute with slope 1 beyond `beta`, square within.

    forward   (37a)  L       = 1/E sum of (a - b)^2 / (2 beta) where |a - b| < beta, else |a - b| - beta/2
    backward  (37b)  delta_a = delta * clip((a - b) / beta, -1, 1) / E

    With beta = 0 it is L1Loss.
    """

    def __init__(self, *, reduction="mean", beta=1.0):
        super().__init__(reduction=reduction)
        self.beta = number("beta", beta, 0)

    def forward(self, a, b):
        beta, self.cache = self.beta, (a, b)
        row, width = ("smooth_l1", (beta,)) if beta else ("absolute", ())
        # e = a - b  (37a) where(abs(e) < beta, e**2 / (2 * beta), abs(e) - beta / 2).sum() / a.size
        return F.reduce(F.error(row, a, b, *width), self.reduction)

    def backward(self, delta=1):
        (a, b), E, beta = self.cache, self.terms(), self.beta
        row, width = ("smooth_l1", (beta,)) if beta else ("absolute", ())
        # (37b) delta * clip((a - b) / beta, -1, 1) / E
        return F.error_backward(row, a, b, self.scale(delta, E), *width)

    def extra_repr(self):
        return f"{super().extra_repr()}, beta={self.beta}"


class PoissonNLLLoss(Difference):
    """Counts y with mean e^a, or with mean a (`log_input=False`): a, y (...) of one shape, E elements in all.

    forward   L       = 1/E sum of e^a - y a                  or a - y log(a + eps)
    backward  delta_a = delta / E (e^a - y)                   or 1 - y / (a + eps)

    `full` adds log y! by Stirling's formula, y log y - y + log(2 pi y) / 2, where y is above 1.
    """

    def __init__(self, *, log_input=True, full=False, eps=1e-8, reduction="mean"):
        super().__init__(reduction=reduction)
        self.log_input, self.full, self.eps = log_input, full, number("eps", eps, 0)

    def _row(self):
        return ("poisson",) if self.log_input else ("poisson_mean", self.eps)

    def forward(self, a, y):
        y = y if y.dtype == a.dtype or device_of(y) != "cpu" else np.asarray(y, a.real.dtype)
        self.cache = a, y
        name, *options = self._row()
        losses = F.error(name, a, y, *options)
        if self.full:
            counts = to_host(y)
            large = np.where(counts > 1, counts, 1)
            stirling = np.where(counts > 1, large * np.log(large) - large + 0.5 * np.log(2 * np.pi * large), 0)
            losses = F.add(losses, to_device(stirling.astype(a.dtype), device_of(a)))
        return F.reduce(losses, self.reduction)

    def backward(self, delta=1):
        (a, y), (name, *options) = self.cache, self._row()
        return F.error_backward(name, a, y, self.scale(delta, a.size), *options)
