"""Dropout switches off a random part of its input in training, so that no unit can rely on one other alone."""

from backprop import functional as F
from backprop.module import Module
from backprop.options import probability
from backprop.rng import Stream


class Dropout(Module):
    """a = keep u / (1-p), keep = 1 with probability 1-p, else 0: u, a (...). The identity in evaluation.

    forward   (25)  a       = keep * u / (1-p)              what is left grows, so that a's mean is u
    backward  (25)  delta_u = keep * delta / (1-p)          the same keep: nothing passed where it was 0

    keep is computed from the seed and the step of the layer's own Stream and an entry's position, and never stored:
    backward computes the same one again, and a resumed run goes on with the masks it would have had.
    """

    analytic = True
    recordable = True
    together = 0  # how many of the last axes are kept or dropped as one

    def __init__(self, p=0.5):
        self.p, self.stream = probability("p", p), Stream()

    def forward(self, u):
        axes = self.together
        wanted = f"(N, C, ...) with {axes} spatial axes"
        self.expect(not axes or u.ndim in (axes + 1, axes + 2), wanted, got=u)
        if not self.training or self.p == 0:
            self.cache = None
            return u
        self.cache = key, p = self.stream.next_key(), self.p
        return F.dropout(u, key, p, axes)  # (25)

    def backward(self, delta):
        if self.cache is None:
            return delta
        key, p = self.cache
        return F.dropout(delta, key, p, self.together)  # (25)

    def extra_repr(self):
        return f"p={self.p}"


class Dropout1d(Dropout):
    """Dropout of whole channels of signals (N, C, L): neighbours are alike, so one alone would not be missed."""

    together = 1


class Dropout2d(Dropout):
    """Dropout of whole channels of images (N, C, H, W)."""

    together = 2


class Dropout3d(Dropout):
    """Dropout of whole channels of volumes (N, C, D, H, W)."""

    together = 3
