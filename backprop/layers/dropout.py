"""Dropout switches off a random part of its input in training, so that no unit can rely on a single other one."""

from backprop import functional as F
from backprop.module import Module
from backprop.module.options import probability
from backprop.module.rng import Stream


class Dropout(Module):
    """a = keep * u / (1-p), keep = 1 with probability 1-p, else 0: u, a (...). The identity in evaluation.

    forward   (25a)  a       = keep * u / (1-p)              the rest is scaled up, so that a's mean is u
    backward  (25b)  delta_u = keep * delta / (1-p)          the same keep: nothing passed where it was 0

    keep is computed from the seed and the step of the layer's own Stream and an entry's position, and never stored:
    backward computes it again, and a resumed run continues with the masks it would have had.
    """

    analytic = True
    recordable = True
    channel_axes = 0  # how many of the last axes are kept or dropped together

    def __init__(self, p=0.5):
        self.p, self.stream = probability("p", p), Stream()

    def forward(self, u):
        axes = self.channel_axes
        wanted = f"(N, C, ...) with {axes} spatial axes"
        self.expect(not axes or u.ndim in (axes + 1, axes + 2), wanted, got=u)
        if not self.training or self.p == 0:
            self.cache = None
            return u
        self.cache = key, p = self.stream.next_key(u.shape[: u.ndim - axes]), self.p
        return F.dropout(u, key, p, axes)  # (25a) keep * u / (1 - p)

    def backward(self, delta):
        if self.cache is None:
            return delta
        key, p = self.cache
        return F.dropout(delta, key, p, self.channel_axes)  # (25b) keep * delta / (1 - p)

    def extra_repr(self):
        return f"p={self.p}"


class Dropout1d(Dropout):
    """Dropout of whole channels of signals (N, C, W): one entry alone could be guessed from its neighbours."""

    channel_axes = 1


class Dropout2d(Dropout):
    """Dropout of whole channels of images (N, C, H, W)."""

    channel_axes = 2


class Dropout3d(Dropout):
    """Dropout of whole channels of volumes (N, C, D, H, W)."""

    channel_axes = 3
