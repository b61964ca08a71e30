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

Below, u is reshaped to (B, C, D): entries that belong together share an index c, and run along the axes B and D.
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

    def normalize(self, u, mean, std):
        return F.normalize(u, mean, std)  # (29a) (u - mean[:, None]) / std[:, None]

    def normalize_backward(self, g, xhat, std):
        # (29b) (g - g.mean((0, 2), keepdims=True) - xhat * (g * xhat).mean((0, 2), keepdims=True)) / std[:, None]
        return F.normalize_backward(g, xhat, std)

    def scale_and_shift(self, xhat):
        return F.scale_and_shift(xhat, self.weight, self.bias)  # (30a) gamma[:, None] * xhat + beta[:, None]

    def scale_and_shift_backward(self, delta, xhat):
        if self.bias is not None:
            self.bias.accumulate(F.shift_grad, delta)  # (30b) delta.sum((0, 2))
        if self.weight is None:
            return delta
        self.weight.accumulate(F.scale_grad, delta, xhat)  # (30c) (delta * xhat).sum((0, 2))
        return F.scale_and_shift(delta, self.weight, None)  # (30d) gamma[:, None] * delta


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

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, dtype=np.float32):
        whole("num_groups", num_groups, 1)
        if whole("num_channels", num_channels, 1) % num_groups:
            raise OptionError(
                f"num_groups must divide the channels, got {num_groups} groups of {num_channels} channels"
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, number("eps", eps, 0)
        self.make_affine((num_channels,), affine, affine, dtype)

    def forward(self, u):
        wanted = f"(N, {self.num_channels}, ...)"
        self.expect(u.ndim >= 2 and u.shape[1] == self.num_channels, wanted, got=u)
        per_group = self.num_channels // self.num_groups
        alone = len(u) and per_group * math.prod(u.shape[2:]) == 1
        self.expect(not alone, "more than one value in a group", got=u, cure="one has no variance: use fewer groups")
        rows = F.by_row(u.reshape(len(u), self.num_groups, per_group, *u.shape[2:]), u.ndim - 1)
        mean, _, std = F.moments(rows, self.eps)
        xhat = self.normalize(rows, mean, std)  # (29a)
        self.cache = xhat, std
        return self.scale_and_shift(F.by_channel(xhat.reshape(u.shape))).reshape(u.shape)  # (30a)

    def backward(self, delta):
        xhat, std = self.cache
        shape = delta.shape
        g = self.scale_and_shift_backward(F.by_channel(delta), F.by_channel(xhat.reshape(shape)))  # (30b) (30c) (30d)
        return self.normalize_backward(g.reshape(xhat.shape), xhat, std).reshape(shape)  # (29b)

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
        xhat = self.normalize(rows, mean, std)  # (29a), or (32a)
        self.cache = xhat, std
        return self.scale_and_shift(self._by_feature(xhat)).reshape(u.shape)  # (30a)

    def backward(self, delta):
        xhat, std = self.cache
        shape, delta = delta.shape, delta.reshape(xhat.shape)
        g = self.scale_and_shift_backward(self._by_feature(delta), self._by_feature(xhat))  # (30b) (30c) (30d)
        return self.normalize_backward(g.reshape(xhat.shape), xhat, std).reshape(shape)  # (29b), or (32b)

    def statistics(self, u, eps):
        mean, _, std = F.moments(u, eps)
        return mean, std

    def _by_feature(self, xhat):
        """(1, rows, I) -> (rows, I, 1): gamma and beta belong to the features."""
        return xhat.reshape(xhat.shape[1], xhat.shape[2], 1)

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

    def normalize(self, u, mean, rms):
        return F.normalize(u, mean, rms)  # (32a) u / rms[:, None]

    def normalize_backward(self, g, xhat, rms):
        # (32b) (g - xhat * (g * xhat).mean((0, 2), keepdims=True)) / rms[:, None]
        return F.normalize_backward(g, xhat, rms, centred=False)


def _shape(normalized_shape):
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not shape:
        raise OptionError(f"normalized_shape must be the sizes of the last axes, got {normalized_shape!r}")
    return tuple(whole("normalized_shape", size, 1) for size in shape)
