"""Batch normalisation: each channel is normalised over the whole batch, and keeps running statistics.

One channel and four samples, 1, 1, 3, 3, by hand: their mean is 2, their standard deviation 1.

>>> import numpy as np, backprop as bp
>>> layer = bp.BatchNorm1d(1, eps=0, dtype=np.float64)
>>> layer.weight, layer.bias = bp.Parameter(np.array([2.])), bp.Parameter(np.array([10.]))
>>> layer(np.array([[1.], [1], [3], [3]])).T      # (29a) xhat = -1, -1, 1, 1   (30a) 2 xhat + 10
array([[ 8.,  8., 12., 12.]])
>>> delta_u = layer.backward(np.array([[1.], [0], [0], [0]]))
>>> layer.bias.grad, layer.weight.grad            # (30b) the sum of delta   (30c) 1 * xhat[0]
(array([1.]), array([-1.]))
>>> delta_u.T                                     # (29b) g = 2, 0, 0, 0: g - 1/2 + 1/2 xhat
array([[ 1., -1.,  0.,  0.]])
"""

import numpy as np

from backprop import functional as F
from backprop.layers.norm import Affine
from backprop.module import Buffer
from backprop.module.options import number, probability, whole


class Running(Affine):
    """The part that layers with running statistics share: in evaluation these are used, and are constants.

    (31a)  running_mean <- (1 - momentum) running_mean + momentum mean
    (31b)  running_var <- (1 - momentum) running_var + momentum var E/(E-1)         E values that var is computed from
    """

    def make_running(self, num_features, momentum, track_running_stats, dtype):
        self.momentum = momentum if momentum is None else probability("momentum", momentum)
        self.track_running_stats = track_running_stats
        if track_running_stats:
            self.running_mean = Buffer(np.zeros(num_features, dtype))
            self.running_var = Buffer(np.ones(num_features, dtype))
            self.num_batches_tracked = Buffer(np.array(0))

    @property
    def recordable(self):
        """False where a batch's weight in the running average changes from batch to batch."""
        return not self.training or self.momentum is not None

    def own_statistics(self):
        """Whether the input's own statistics are used."""
        return self.training or not self.track_running_stats

    def remember(self, mean, var, count, samples=1):
        """mean and var are sums over `samples`, each of `count` values."""
        F.count_up(self.num_batches_tracked, mean)
        part = 1 / self.num_batches_tracked.data.item() if self.momentum is None else self.momentum
        # (31a) running_mean = (1 - part) * running_mean + part * mean
        F.track(mean, part, self.running_mean, 1 / samples)
        # (31b) running_var = (1 - part) * running_var + part * var * count / (count - 1)
        F.track(var, part, self.running_var, count / (count - 1) / samples)

    def running(self):
        """(mean, std) in evaluation"""
        return self.running_mean.data, F.spread_of(self.running_var, self.eps)

    def backward_of_constants(self, delta, u, mean, std):
        """delta_u where mean and std are constants: (30d) is divided by std, and nothing else"""
        self.accumulate(delta, u, mean, std)  # (30b) (30c)
        return F.normalize(delta, F.zeros(std.shape, std), std, self.weight)


class BatchNorm(Running):
    """Each channel is normalised over the batch: u, z (N, C, ...), gamma, beta (C,).

    forward   (29a)  xhat = (u - mean) / sqrt(var + eps), mean and var of each channel over all samples and places
              (30a)  z = gamma * xhat + beta
              (31a)  running_mean <- (1 - momentum) running_mean + momentum mean
              (31b)  running_var <- (1 - momentum) running_var + momentum var E/(E-1)       E values of each channel
    backward  (30b)  (30c)  (30d), then (29b)

    In evaluation the running statistics replace mean and var. They are constants, so delta_u = g / sqrt(var + eps).
    `momentum` is the share of the new batch, where SGD's is that of the old; None averages all batches evenly.
    `track_running_stats=False` always uses the batch's own statistics. `bias=False` leaves out beta.

    Raises ShapeError for another rank or number of channels, and in training for a single value per channel.
    """

    recordable = Running.recordable
    ranks, layouts = (), ()  # the numbers of axes that u may have, and their names: each subclass sets both

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        dtype=np.float32,
        *,
        bias=True,
    ):
        self.num_features, self.eps = whole("num_features", num_features, 1), number("eps", eps, 0)
        self.make_affine((num_features,), affine, affine and bias, dtype)
        self.make_running(num_features, momentum, track_running_stats, dtype)

    def forward(self, u):
        wanted = " or ".join(f"(N, {self.num_features}{axes})" for axes in self.layouts)
        self.expect(u.ndim in self.ranks and u.shape[1] == self.num_features, wanted, got=u)
        channels = F.by_channel(u)
        own = self.own_statistics()
        if own:
            mean, var, std, count = self.statistics(channels)
            few = "one value has no variance: use a larger batch, DataLoader(..., drop_last=True), or net.eval()"
            kept = "without running statistics evaluation needs a batch, too: use track_running_stats=True"
            wanted = "more than one value per channel" + (" in training" if self.training else "")
            self.expect(count != 1, wanted, got=u, cure=few if self.training else kept)
            if self.training and self.track_running_stats and count:
                self.remember(mean, var, count)  # (31a) (31b)
        else:
            mean, std = self.running()
        self.cache = channels, mean, std, own
        return self.normalize(channels, mean, std, channels.shape).reshape(u.shape)  # (29a) (30a)

    def statistics(self, u):
        """(mean, var, std) of each channel of u (N, C, D), and of how many values"""
        return *F.moments(u, self.eps), u.shape[0] * u.shape[2]

    def backward(self, delta):
        u, mean, std, own = self.cache
        shape, delta = delta.shape, F.by_channel(delta)
        if own:
            return self.normalize_backward(delta, u, mean, std).reshape(shape)  # (30b) (30c) (30d) (29b)
        return self.backward_of_constants(delta, u, mean, std).reshape(shape)

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(BatchNorm):
    """BatchNorm of features (N, C) or signals (N, C, W)."""

    ranks, layouts = (2, 3), ("", ", W")


class BatchNorm2d(BatchNorm):
    """BatchNorm of images (N, C, H, W)."""

    ranks, layouts = (4,), (", H, W",)


class BatchNorm3d(BatchNorm):
    """BatchNorm of volumes (N, C, D, H, W)."""

    ranks, layouts = (5,), (", D, H, W",)
