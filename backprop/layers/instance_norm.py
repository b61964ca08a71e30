"""Instance normalisation: each channel of each sample is normalised over its places alone."""

import numpy as np

from backprop import functional as F
from backprop.layers.batch_norm import Running
from backprop.module.options import number, whole


class InstanceNorm(Running):
    """GroupNorm with as many groups as channels: u, z (N, C, ...) or (C, ...), gamma, beta (C,) where `affine`.

    forward   (29a)  xhat = (u - mean) / sqrt(var + eps) over the places of a channel
              (30a)  z = gamma * xhat + beta
    backward  (30b)  (30c)  (30d), then (29b)

    With `track_running_stats`, running averages of the samples' statistics, (31), replace them in evaluation.

    Raises ShapeError for another number of axes or channels, and for images of a single place.
    """

    recordable = Running.recordable
    axes = 0  # of an image, set by each subclass

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=False,
        track_running_stats=False,
        dtype=np.float32,
        *,
        bias=True,
    ):
        self.num_features, self.eps = whole("num_features", num_features, 1), number("eps", eps, 0)
        self.make_affine((num_features,), affine, affine and bias, dtype)
        self.make_running(num_features, momentum, track_running_stats, dtype)

    def forward(self, u):
        lead = u.ndim - self.axes
        fits = lead in (1, 2) and u.shape[lead - 1] == self.num_features
        self.expect(
            fits, f"(N, {self.num_features}, ...) or ({self.num_features}, ...) with {self.axes} axes behind", got=u
        )
        batch = u if lead == 2 else u[None]
        channels, own = F.by_channel(batch), self.own_statistics()
        places = channels.shape[2]
        if own:
            self.expect(not u.size or places > 1, "more than one place", got=u, cure="one value has no variance")
            rows = F.by_row(batch, self.axes)
            mean, var, std = F.moments(rows, self.eps)
            if self.training and self.track_running_stats and u.size:
                mean_sum, var_sum = (F.shift_grad(x.reshape(channels.shape[0], -1, 1)) for x in (mean, var))
                self.remember(mean_sum, var_sum, places, len(batch))  # (31a) (31b)
        else:
            rows, (mean, std) = channels, self.running()
        self.cache = rows, mean, std, own
        return self.normalize(rows, mean, std, channels.shape).reshape(u.shape)  # (29a) (30a)

    def backward(self, delta):
        u, mean, std, own = self.cache
        shape, delta = delta.shape, F.by_channel(delta if delta.ndim == self.axes + 2 else delta[None])
        if own:
            return self.normalize_backward(delta, u, mean, std).reshape(shape)  # (30b) (30c) (30d) (29b)
        return self.backward_of_constants(delta, u, mean, std).reshape(shape)

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, affine={self.weight is not None}"


class InstanceNorm1d(InstanceNorm):
    """InstanceNorm of signals (N, C, W)."""

    axes = 1


class InstanceNorm2d(InstanceNorm):
    """InstanceNorm of images (N, C, H, W)."""

    axes = 2


class InstanceNorm3d(InstanceNorm):
    """InstanceNorm of volumes (N, C, D, H, W)."""

    axes = 3
