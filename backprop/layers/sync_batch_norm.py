"""Batch normalisation over all shards of a batch, wherever they are computed: training/parallel/README.md.

One channel in two shards, 1, 1 here and 3, 3 elsewhere; of the whole, the mean is 2 and the standard deviation 1. In
this example `elsewhere` stands for what the other shard adds to each of the three sums.

>>> import numpy as np, backprop as bp
>>> from backprop.module.shard import Shard, computing
>>> layer = bp.SyncBatchNorm(1, eps=0, dtype=np.float64)
>>> elsewhere = iter([np.array([3 + 3, 2]), np.array([2.0]), np.array([0.0, 0.0, 2.0])])
>>> with computing(Shard(0, 0, 2, total=lambda own: own + next(elsewhere))):
...     z = layer(np.array([[1.0], [1]]))         # (50a) (1+1 + 3+3)/4   (50b) (2*1 + 2*1)/4
...     delta_u = layer.backward(np.array([[1.0], [0]]))
>>> z.T                                           # (29a) (1 - 2)/1
array([[-1., -1.]])
>>> delta_u.T                                     # (50c) g - 1/4 + xhat/4, where xhat = -1
array([[ 0.5, -0.5]])
"""

import numpy as np

from backprop import functional as F
from backprop.errors import DeviceError
from backprop.kernels.device import device_of
from backprop.layers.batch_norm import BatchNorm
from backprop.module import shard


class SyncBatchNorm(BatchNorm):
    """BatchNorm over all shards of a batch: u, z (N, C, ...), N the samples of one shard. Without shards, BatchNorm.

    forward   (50a)  mean = sum_s E_s mean_s / E       E = sum_s E_s values of each channel in all shards s
              (50b)  var = sum_s E_s (var_s + (mean_s - mean)^2) / E
              (29a)  (30a)  (31a)  (31b)  with these
    backward  (30b)  (30c)  of this shard
              (50c)  delta_u = (g - sum_s sum(g) / E - xhat * sum_s sum(g * xhat) / E) / std,   g = gamma * delta

    `over_shards` is sum_s: all shards wait there for each other, so they are computed in turns, and layer by layer.
    A batch normalisation of a network becomes one by `bp.SyncBatchNorm.convert(net)`.

    Raises ShapeError as BatchNorm does, and DeviceError on a GPU.
    """

    recordable = False
    gathers = True  # it needs sums over all shards
    ranks, layouts = range(2, 6), (", ...",)

    def statistics(self, u):
        if device_of(u) != "cpu":
            raise DeviceError("does not run on a GPU; use BatchNorm, whose statistics are those of each shard")
        mean_s, var_s, _ = F.moments(u)
        E_s = u.shape[0] * u.shape[2]
        *sums, E = over_shards(np.append(E_s * mean_s, E_s))
        count, E = int(E.real), max(E.real, 1)  # a complex step has complex numbers everywhere
        mean = np.array(sums) / E  # (50a) mean = over_shards(u.sum((0, 2))) / E
        squares = over_shards(E_s * (var_s + (mean_s - mean) ** 2))
        var = squares / E  # (50b) var = over_shards(((u - mean[:, None]) ** 2).sum((0, 2))) / E
        mean, var = mean.astype(u.dtype), var.astype(u.dtype)
        return mean, var, np.sqrt(var + u.dtype.type(self.eps)), count

    def normalize_backward(self, delta, u, mean, std):
        self.accumulate(delta, u, mean, std)  # (30b) (30c)
        gamma = np.ones_like(mean) if self.weight is None else self.weight.data
        xhat = (u - mean[:, None]) / std[:, None]  # (29a) xhat = (u - mean[:, None]) / std[:, None]
        g = gamma[:, None] * delta.reshape(u.shape)  # (30d) g = gamma[:, None] * delta
        own = np.concatenate([g.sum((0, 2)), (g * xhat).sum((0, 2)), [u.shape[0] * u.shape[2]]])
        *sums, E = over_shards(own)
        mean_g, mean_gx = (np.array(sums) / max(E.real, 1)).astype(u.dtype).reshape(2, -1, 1)
        # mean_g = over_shards(g.sum((0, 2)))[:, None] / E
        # mean_gx = over_shards((g * xhat).sum((0, 2)))[:, None] / E
        # (50c) (g - mean_g - xhat * mean_gx) / std[:, None]
        return (g - mean_g - xhat * mean_gx) / std[:, None]

    @staticmethod
    def convert(net):
        """Make each BatchNorm of a network, with its arrays, a SyncBatchNorm. Returns the network."""
        for module in net.modules():
            if isinstance(module, BatchNorm):
                module.__class__ = SyncBatchNorm
        return net


def over_shards(values):
    """The sum of an array over all shards of the batch, in float64; the array itself where there are none."""
    part, values = shard.current(), np.asarray(values)
    values = values.astype(np.result_type(values, np.float64))
    return values if part is None or part.total is None else part.total(values)
