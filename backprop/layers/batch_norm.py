"""Batch normalisation: each channel is normalised over the whole batch, and remembers how it usually looks."""

import numpy as np

from backprop import functional as F
from backprop.layers.norm import Affine
from backprop.options import number, probability, whole
from backprop.parameter import Buffer


class BatchNorm(Affine):
    """Each channel is normalised over the batch: u, y (N, C, ...), gamma, beta (C,).

    forward   (29)  xhat = (u - mean) / sqrt(var + eps), mean and var of each channel over all samples and places
              (30)  y = gamma xhat + beta
              (31)  running <- (1 - momentum) running + momentum (mean, or var m/(m-1)), m the count of values
    backward  (30)  and (29); in evaluation, where mean and var are constants, delta_u = gamma delta / sqrt(var + eps)

    In evaluation the running statistics stand for mean and var. `momentum=None` averages all batches evenly;
    `track_running_stats=False` keeps none, and always uses the batch's own.

    Raises ShapeError for another rank or number of channels, and in training for a single value per channel.
    """

    ranks, layouts = (), ()  # the numbers of axes that u may have, and their names: each subclass says both

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, dtype=np.float32):
        self.num_features, self.eps = whole("num_features", num_features, 1), number("eps", eps, 0)
        self.momentum = momentum if momentum is None else probability("momentum", momentum)
        self.make_affine((num_features,), affine, affine, dtype)
        self.track_running_stats = track_running_stats
        if track_running_stats:
            self.running_mean = Buffer(np.zeros(num_features, dtype))
            self.running_var = Buffer(np.ones(num_features, dtype))
            self.num_batches_tracked = Buffer(np.array(0))

    @property
    def recordable(self):
        """Not where the part that a batch has in the running average changes with each batch."""
        return not self.training or self.momentum is not None

    def forward(self, u):
        wanted = " or ".join(f"(N, {self.num_features}{axes})" for axes in self.layouts)
        self.expect(u.ndim in self.ranks and u.shape[1] == self.num_features, wanted, got=u)
        x = F.by_channel(u)
        own = self.training or not self.track_running_stats
        if own:
            few = "one value has no variance: use a larger batch, DataLoader(..., drop_last=True), or net.eval()"
            kept = "without running statistics evaluation needs a batch, too: use track_running_stats=True"
            wanted = "more than one value per channel" + (" in training" if self.training else "")
            self.expect(x.shape[0] * x.shape[2] != 1, wanted, got=u, cure=few if self.training else kept)
            mean, var, spread = F.moments(x, self.eps)
            if self.training and self.track_running_stats and u.size:
                self._remember(mean, var, x.shape[0] * x.shape[2])
        else:
            mean, spread = self.running_mean.data, F.spread_of(self.running_var, self.eps)
        xhat = F.normalize(x, mean, spread)  # (29)
        self.cache = xhat, spread, own
        return self.scale_and_shift(xhat).reshape(u.shape)  # (30)

    def backward(self, delta):
        xhat, spread, own = self.cache
        shape, delta = delta.shape, F.by_channel(delta)
        delta = self.scale_and_shift_backward(delta, xhat)  # (30)
        if own:
            return F.normalize_backward(delta, xhat, spread).reshape(shape)  # (29)
        return F.normalize(delta, F.zeros(spread.shape, spread), spread).reshape(shape)  # delta / sqrt(var + eps)

    def _remember(self, mean, var, count):
        F.count_up(self.num_batches_tracked, mean)
        part = 1 / self.num_batches_tracked.data.item() if self.momentum is None else self.momentum
        F.track(mean, part, self.running_mean)  # (31)
        F.track(var, part, self.running_var, count / (count - 1))  # (31)

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(BatchNorm):
    """BatchNorm of features (N, C) or signals (N, C, L)."""

    ranks, layouts = (2, 3), ("", ", L")


class BatchNorm2d(BatchNorm):
    """BatchNorm of images (N, C, H, W)."""

    ranks, layouts = (4,), (", H, W",)


class BatchNorm3d(BatchNorm):
    """BatchNorm of volumes (N, C, D, H, W)."""

    ranks, layouts = (5,), (", D, H, W",)
