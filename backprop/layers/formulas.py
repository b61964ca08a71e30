"""Layers that are a formula of a line or two. Most backwards need not be written: they are the graph's, (17).

A gated linear unit of two numbers, by hand: the second half decides how much of the first passes.

>>> import numpy as np, backprop as bp
>>> layer = bp.GLU()
>>> layer(np.array([4., 0.]))                      # 4 sigmoid(0)
array([2.])
>>> layer.backward(np.array([1.]))                 # sigmoid(0), and 4 sigmoid'(0) = 4 * 1/4
array([0.5, 1. ])
"""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import ShapeError
from backprop.graph import Value
from backprop.graph.formulas import OnTheCPU, Shown, distance
from backprop.layers.softmax import Softmax
from backprop.module import Module, Parameter
from backprop.module.options import above_zero, number, whole
from backprop.module.rng import Stream, generator


class GLU(Module):
    """a sigmoid(b), where a and b are the two halves of the input along `dim` (Dauphin and others, 2017).

    backward  delta_a = delta * sigmoid(b),  delta_b = delta * a * sigmoid'(b)                sigmoid' = s (1 - s)
    """

    analytic = recordable = True

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, u):
        size = _size(u, self.dim)
        if size % 2:
            raise ShapeError(f"expects an even number of entries along axis {self.dim}, got {u.shape}")
        axis = self.dim % u.ndim
        a, s = F.cut(u, axis, 0, size // 2), F.sigmoid(F.cut(u, axis, size // 2, size))
        self.cache = a, s, axis
        return F.multiply(a, s)

    def backward(self, delta):
        a, s, axis = self.cache
        return F.joined([F.multiply(delta, s), F.sigmoid_backward(F.multiply(delta, a), s)], axis)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmin(Softmax):
    """e^-u / sum of e^-u along axis `dim`: the smallest entry gets most."""

    def forward(self, u):
        return super().forward(F.of_type(-1 * u, u.dtype))

    def backward(self, delta):
        return F.of_type(-1 * super().backward(delta), delta.dtype)


class Softmax2d(Softmax):
    """Softmax over the channels of images (N, C, H, W) or (C, H, W), at each place."""

    recordable = True

    def __init__(self):
        super().__init__(-3)

    def forward(self, u):
        self.expect(u.ndim in (3, 4), "(N, C, H, W) or (C, H, W)", got=u)
        return super().forward(u)


class Threshold(OnTheCPU):
    """u where it is above `threshold`, else `value`."""

    recordable = False  # looks at u's numbers

    def __init__(self, threshold, value):
        self.threshold, self.value = number("threshold", threshold), number("value", value)

    def build(self, u):
        return np.where(u.data <= self.threshold, self.value, u)  # NaN stays NaN


class RReLU(OnTheCPU):
    """u where it is above 0, else r u: r uniform in [lower, upper], drawn for each entry; in evaluation their mean."""

    recordable = False  # draws, and looks at u's numbers

    def __init__(self, lower=1 / 8, upper=1 / 3):
        self.lower, self.upper = number("lower", lower), number("upper", upper, lower)
        self.stream = Stream()

    def build(self, u):
        r = (self.lower + self.upper) / 2
        if self.training:
            r = np.random.default_rng(self.stream.next_key()).uniform(self.lower, self.upper, u.shape).astype(u.dtype)
        return np.where(u.data > 0, u, u * r)


class LocalResponseNorm(OnTheCPU):
    """a / (k + alpha s)^beta: a (N, C, ...), s the mean square of `size` neighbouring channels, 0 beyond the edge.

    After Krizhevsky and others (2012), who take the sum; the mean is PyTorch's.
    """

    recordable = True

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        self.size = whole("size", size, 1)
        self.alpha, self.beta, self.k = number("alpha", alpha), number("beta", beta), number("k", k)

    def build(self, a):
        channels, before = _size(a, 1), self.size // 2
        none = [np.zeros((len(a), n, *a.shape[2:]), a.dtype) for n in (before, self.size - 1 - before)]
        squares = np.concatenate([none[0], a * a, none[1]], axis=1)
        total = sum((squares[:, n : n + channels] for n in range(1, self.size)), squares[:, :channels])
        return a / (self.k + total * (self.alpha / self.size)) ** self.beta


class CosineSimilarity(OnTheCPU):
    """a . b / (|a| |b|) along axis `dim`, each length at least `eps`: of two inputs of one shape."""

    def __init__(self, dim=1, eps=1e-8):
        self.dim, self.eps = dim, number("eps", eps, 0)

    def build(self, a, b):
        if a.shape != b.shape:
            raise ShapeError(f"expects two inputs of one shape, got {a.shape} and {b.shape}")
        lengths = [np.maximum(np.sqrt((x * x).sum(self.dim)), self.eps) for x in (a, b)]
        return (a * b).sum(self.dim) / (lengths[0] * lengths[1])


class PairwiseDistance(OnTheCPU):
    """The norm of order p of a - b + eps along the last axis: a, b (N, D) or (D,)."""

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        self.p, self.eps, self.keepdim = above_zero("p", p), number("eps", eps), keepdim

    def build(self, a, b):
        return distance(a - b, self.p, self.eps, self.keepdim)


class Bilinear(OnTheCPU):
    """z[o] = a^T W[o] b + mu[o]: a (..., I), b (..., J), W (O, I, J), mu (O,). W, mu start in +-1/sqrt(I)."""

    def __init__(self, in1_features, in2_features, out_features, bias=True, dtype=np.float32):
        sizes = {"out_features": out_features, "in1_features": in1_features, "in2_features": in2_features}
        shape = [whole(name, size, 1) for name, size in sizes.items()]
        bound = 1 / np.sqrt(in1_features)
        self.weight = Parameter(generator().uniform(-bound, bound, shape).astype(dtype))
        self.bias = Parameter(generator().uniform(-bound, bound, out_features).astype(dtype)) if bias else None

    def extra_repr(self):
        outputs, i, j = self.weight.shape
        return f"in1_features={i}, in2_features={j}, out_features={outputs}, bias={self.bias is not None}"

    def build(self, a, b):
        outputs, i, j = self.weight.shape
        if a.shape[:-1] != b.shape[:-1] or (a.shape[-1:], b.shape[-1:]) != ((i,), (j,)):
            raise ShapeError(f"expects (..., {i}) and (..., {j}), got {a.shape} and {b.shape}")
        lead = a.shape[:-1]
        left = a.reshape(-1, i) @ Value(self.weight).transpose(1, 0, 2).reshape(i, outputs * j)
        z = (left.reshape(-1, outputs, j) * b.reshape(-1, 1, j)).sum(-1)
        return (z if self.bias is None else z + self.bias).reshape(*lead, outputs)


class PixelShuffle(Shown):
    """Images (N, C r r, H, W) -> (N, C, r H, r W): out[c, r h + i, r w + j] = a[r r c + r i + j, h, w], r a factor"""

    recordable = True

    def __init__(self, upscale_factor):
        self.upscale_factor = whole("upscale_factor", upscale_factor, 1)

    def build(self, a):
        r = self.upscale_factor
        *lead, channels, height, width = _image(a)
        if channels % (r * r):
            raise ShapeError(f"expects channels that are a multiple of {r * r}, got {a.shape}")
        a = a.reshape(-1, channels // (r * r), r, r, height, width).transpose(0, 1, 4, 2, 5, 3)
        return a.reshape(*lead, channels // (r * r), height * r, width * r)


class PixelUnshuffle(Shown):
    """The reverse of PixelShuffle."""

    recordable = True

    def __init__(self, downscale_factor):
        self.downscale_factor = whole("downscale_factor", downscale_factor, 1)

    def build(self, a):
        r = self.downscale_factor
        *lead, channels, height, width = _image(a)
        if height % r or width % r:
            raise ShapeError(f"expects images whose sides are multiples of {r}, got {a.shape}")
        a = a.reshape(-1, channels, height // r, r, width // r, r).transpose(0, 1, 3, 5, 2, 4)
        return a.reshape(*lead, channels * r * r, height // r, width // r)


class ChannelShuffle(Shown):
    """Channels (N, C, ...) in groups are dealt out anew, one of each group in turn (Zhang and others, 2018)."""

    recordable = True

    def __init__(self, groups):
        self.groups = whole("groups", groups, 1)

    def build(self, a):
        channels = _size(a, 1)
        if channels % self.groups:
            raise ShapeError(f"expects channels that are a multiple of {self.groups}, got {a.shape}")
        places = math.prod(a.shape[2:])
        return a.reshape(len(a), self.groups, channels // self.groups, places).transpose(0, 2, 1, 3).reshape(*a.shape)


def _size(a, dim):
    if not -a.ndim <= dim < a.ndim:
        raise ShapeError(f"expects an array with an axis {dim}, got {a.shape}")
    return a.shape[dim]


def _image(a):
    if a.ndim < 3:
        raise ShapeError(f"expects (..., C, H, W), got {a.shape}")
    return a.shape
