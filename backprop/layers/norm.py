"""Normalisation gives entries that belong together mean 0 and variance 1, then lets the network choose its own.

    layer                 which entries belong together               u             gamma, beta
    BatchNorm1d, 2d, 3d   a channel, over all samples and places      (N, C, ...)   (C,)
    GroupNorm             a sample's group of channels, its places    (N, C, ...)   (C,)
    LayerNorm             a sample's last axes                        (..., I)      (I,)
    RMSNorm               the same; only the size is normalised       (..., I)      gamma (I,)

Each of them is `normalize`, then gamma xhat + beta. To derive xhat's adjoint (29b), take the E entries that mean and
var are computed from, and std = sqrt(var + eps): xhat_i = (u_i - mean) / std, and each u_k changes not only its own
xhat_k but also the mean, by 1/E, and std, by xhat_k/E. With 1[i=k] = 1 where i = k, else 0:

    d xhat_i / d u_k = (1[i=k] - 1/E - xhat_i xhat_k / E) / std,      so, with g_i = dL/d xhat_i,

    backward  (29b)  delta_u[k] = (g[k] - mean(g) - xhat[k] mean(g * xhat)) / std

Below, u is reshaped to (B, C, D): entries that belong together share an index c, and run along the axes B and D. z and
delta have the shape (B', G, E), in which entries with the same gamma share an index g.
"""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.module import Module, Parameter
from backprop.module.options import number, whole


class Affine(Module):
    """The part that all share: normalising u (B, C, D), then gamma and beta, the weight and the bias.

    forward   (29a)  xhat       = (u - mean) / std, std = sqrt(var + eps)
    forward   (30a)  z          = gamma * xhat + beta
    backward  (30b)  dL/dbeta   = sum of delta               over all entries that beta was added to
              (30c)  dL/dgamma  = sum of delta * xhat        over all entries that gamma multiplied
              (30d)  g          = gamma * delta              dL/dxhat
              (29b)  delta_u    = (g - mean(g) - xhat * mean(g * xhat)) / std
    """

    analytic = True

    def make_affine(self, shape, weight, bias, dtype):
        self.weight = Parameter(np.ones(shape, dtype)) if weight else None
        self.bias = Parameter(np.zeros(shape, dtype)) if bias else None

    def normalize(self, u, mean, std, shape):
        """z (B', G, E): u in another `shape`, in which index g has one gamma and one beta."""
        # (29a) xhat = (u - mean[:, None]) / std[:, None]
        # (30a) gamma[:, None] * xhat.reshape(shape) + beta[:, None]
        return F.normalize(u, mean, std, self.weight, self.bias, shape)

    def normalize_backward(self, delta, u, mean, std):
        """delta_u (B, C, D); delta (B', G, E). xhat is computed anew: that takes less time than to keep it."""
        self.accumulate(delta, u, mean, std)
        # xhat = (u - mean[:, None]) / std[:, None]
        # (30d) g = (gamma[:, None] * delta).reshape(u.shape)
        # (29b) (g - g.mean((0, 2), keepdims=True) - xhat * (g * xhat).mean((0, 2), keepdims=True)) / std[:, None]
        return F.normalize_backward(delta, u, mean, std, self.weight)

    def accumulate(self, delta, u, mean, std):
        if self.bias is not None:
            self.bias.accumulate(F.shift_grad, delta)  # (30b) delta.sum((0, 2))
        if self.weight is not None:
            # xhat = ((u - mean[:, None]) / std[:, None]).reshape(delta.shape)
            self.weight.accumulate(F.scale_grad, delta, u, mean, std)  # (30c) (delta * xhat).sum((0, 2))


class GroupNorm(Affine):
    """Each sample's channels are normalised in groups: u, z (N, C, ...), gamma, beta (C,).

    forward   (29a)  xhat = (u - mean) / sqrt(var + eps) over the C/num_groups channels of a group and their places
              (30a)  z = gamma * xhat + beta
    backward  (30b)  (30c)  (30d), then (29b)

    A sample does not depend on its batch, so training is like evaluation. One group is LayerNorm over a whole sample;
    as many groups as channels is instance normalisation.

    Raises ShapeError for another number of channels, and for a group of a single value.
    """

    recordable = True

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, dtype=np.float32, *, bias=True):
        whole("num_groups", num_groups, 1)
        if whole("num_channels", num_channels, 1) % num_groups:
            raise OptionError(
                f"num_groups must divide the channels, got {num_groups} groups of {num_channels} channels"
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, number("eps", eps, 0)
        self.make_affine((num_channels,), affine, affine and bias, dtype)

    def forward(self, u):
        wanted = f"(N, {self.num_channels}, ...)"
        self.expect(u.ndim >= 2 and u.shape[1] == self.num_channels, wanted, got=u)
        per_group = self.num_channels // self.num_groups
        alone = len(u) and per_group * math.prod(u.shape[2:]) == 1
        self.expect(not alone, "more than one value in a group", got=u, cure="one has no variance: use fewer groups")
        rows = F.by_row(u.reshape(len(u), self.num_groups, per_group, *u.shape[2:]), u.ndim - 1)
        mean, _, std = F.moments(rows, self.eps)
        self.cache = rows, mean, std
        return self.normalize(rows, mean, std, F.by_channel(u).shape).reshape(u.shape)  # (29a) (30a)

    def backward(self, delta):
        # (30b) (30c) (30d) (29b)
        return self.normalize_backward(F.by_channel(delta), *self.cache).reshape(delta.shape)

    def extra_repr(self):
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


class LayerNorm(Affine):
    """Each sample is normalised over its last axes: u, z (..., *normalized_shape), gamma, beta (*normalized_shape).

    forward   (29a)  xhat = (u - mean) / sqrt(var + eps) over the last axes
              (30a)  z = gamma * xhat + beta
    backward  (30b)  (30c)  (30d), then (29b)

    Raises ShapeError unless u's last axes are `normalized_shape`, OptionError for a single entry.
    """

    recordable = True
    centred = True

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, dtype=np.float32):
        self.normalized_shape = _shape(normalized_shape)
        if self.centred and math.prod(self.normalized_shape) == 1:
            raise OptionError("normalized_shape must span more than one entry: a single one would always become 0")
        self.eps = eps if eps is None else number("eps", eps, 0)
        self.make_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, u):
        axes = len(self.normalized_shape)
        wanted = f"(..., {', '.join(map(str, self.normalized_shape))})"
        self.expect(u.shape[u.ndim - axes :] == self.normalized_shape, wanted, got=u)
        rows = F.by_row(u, axes)
        mean, std = self.statistics(rows, np.finfo(u.dtype).eps if self.eps is None else self.eps)
        self.cache = rows, mean, std
        return self.normalize(rows, mean, std, self._by_feature(rows)).reshape(u.shape)  # (29a) or (32a), (30a)

    def backward(self, delta):
        rows, mean, std = self.cache
        by_feature = delta.reshape(self._by_feature(rows))
        # (30b) (30c) (30d), then (29b) or (32b)
        return self.normalize_backward(by_feature, rows, mean, std).reshape(delta.shape)

    def statistics(self, u, eps):
        mean, _, std = F.moments(u, eps)
        return mean, std

    @staticmethod
    def _by_feature(rows):
        """The view (rows, I, 1) of (1, rows, I): gamma and beta belong to the features."""
        return *rows.shape[1:], 1

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}"


class RMSNorm(LayerNorm):
    """Each sample is divided by its root mean square: u, z (..., *normalized_shape), gamma (*normalized_shape).

    forward   (32a)  xhat    = u / rms, rms = sqrt(mean(u^2) + eps) over the last axes
              (30a)  z       = gamma * xhat
    backward  (30c)  (30d), then
              (32b)  delta_u = (g - xhat * mean(g * xhat)) / rms             (29b) without the mean

    eps is the element type's machine epsilon unless it is given.
    """

    centred = False
    recordable = True

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, dtype=np.float32):
        super().__init__(normalized_shape, eps, elementwise_affine, bias=False, dtype=dtype)

    def statistics(self, u, eps):
        return F.zeros(u.shape[1:2], u), F.root_mean_square(u, eps)

    def normalize(self, u, mean, rms, shape):
        # (32a) xhat = u / rms[:, None]
        # (30a) gamma[:, None] * xhat.reshape(shape)
        return F.normalize(u, mean, rms, self.weight, None, shape)

    def normalize_backward(self, delta, u, mean, rms):
        self.accumulate(delta, u, mean, rms)
        # xhat = u / rms[:, None]
        # (30d) g = (gamma[:, None] * delta).reshape(u.shape)
        # (32b) (g - xhat * (g * xhat).mean((0, 2), keepdims=True)) / rms[:, None]
        return F.normalize_backward(delta, u, mean, rms, self.weight, centred=False)


def _shape(normalized_shape):
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not shape:
        raise OptionError(f"normalized_shape must be the sizes of the last axes, got {normalized_shape!r}")
    return tuple(whole("normalized_shape", size, 1) for size in shape)
