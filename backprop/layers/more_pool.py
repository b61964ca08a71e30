"""More pooling: the largest entries of windows of unequal size, max pooling in reverse, and norms.

A signal of five in two windows that share their middle, by hand:

>>> import numpy as np, backprop as bp
>>> pool = bp.AdaptiveMaxPool1d(2, return_indices=True)
>>> largest, places = pool(np.array([[[3., 1, 4, 1, 2]]]))
>>> largest, places                               # of 3, 1, 4 and of 4, 1, 2
(array([[[4., 4.]]]), array([[[2, 2]]]))
>>> pool.backward(np.array([[[1., 10]]]))         # (14b) both deltas go to the 4
array([[[ 0.,  0., 11.,  0.,  0.]]])
"""

import math

from backprop import functional as F
from backprop.functional.pool import adaptive_size
from backprop.functional.windows import per_axis
from backprop.graph.formulas import OnTheCPU, expect_on_cpu
from backprop.layers.pool import AvgPool1d, AvgPool2d, AvgPool3d
from backprop.module import Module
from backprop.module.options import above_zero


class AdaptiveMaxPooling(Module):
    """The largest entries of windows as AdaptiveAvgPooling has them: a (N, C, H, W), out (N, C, *output_size).

    forward   (14a)  the largest entry of each window, of equal ones the first
    backward  (14b)  delta goes to it

    `return_indices` returns their places in the image, too, counted in C order.
    """

    analytic = recordable = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(self, output_size, return_indices=False):
        self.output_size, self.return_indices = adaptive_size(output_size, self.axes), return_indices

    def forward(self, a):
        out, self.cache = F.adaptive_max_pool(a, self.axes, self.output_size)
        return (out, self.cache.where) if self.return_indices else out

    def backward(self, delta):
        return F.max_pool_backward(delta, taken=self.cache)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class MaxUnpooling(Module):
    """The reverse of MaxPooling, with its `return_indices`: each entry returns to its place, elsewhere are zeros.

    a and indices (N, C, H, W), out (N, C, *output_size). Of entries that return to one place, as overlapping windows
    have them, the last stays, and the others get no delta. `output_size` is an option of the call; unless it is given,
    it is the size that the windows cover, (H - 1) stride - 2 padding + kernel_size. On a GPU DeviceError is raised.
    """

    analytic = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes, 1)
        self.stride = self.kernel_size if stride is None else per_axis("stride", stride, self.axes, 1)
        self.padding = per_axis("padding", padding, self.axes)

    def forward(self, a, indices, output_size=None):
        expect_on_cpu([a])
        self.expect(a.ndim in (self.axes + 1, self.axes + 2), f"an image of {self.axes} axes", got=a)
        if output_size is None:
            each = zip(a.shape[-self.axes :], self.stride, self.padding, self.kernel_size, strict=True)
            output_size = [(size - 1) * stride - 2 * pad + tap for size, stride, pad, tap in each]
        image = per_axis("output_size", list(output_size)[-self.axes :], self.axes)
        self.cache = indices, image
        return F.max_unpool(a, indices, image)

    def backward(self, delta):
        return F.max_unpool_backward(delta, *self.cache)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class LPPooling(OnTheCPU):
    """(sum of a^p)^(1/p) over each window of a (N, C, H, W), p the `norm_type`: the largest for large p, for 1 the sum.

    There is no |a|, as in PyTorch: for an odd p, negative numbers count as such.
    """

    recordable = True
    mean = None  # the class of AvgPooling, set by each subclass

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        self.norm_type = above_zero("norm_type", norm_type)
        self.mean = type(self).mean(kernel_size, stride, ceil_mode=ceil_mode)
        self.kernel_size = self.mean.kernel_size

    def build(self, a):
        total = self.mean(a if self.norm_type == 1 else a**self.norm_type) * math.prod(self.kernel_size)
        return total if self.norm_type == 1 else total ** (1 / self.norm_type)


class AdaptiveMaxPool1d(AdaptiveMaxPooling):
    """AdaptiveMaxPooling over signals (N, C, W)."""

    axes = 1


class AdaptiveMaxPool2d(AdaptiveMaxPooling):
    """AdaptiveMaxPooling over images (N, C, H, W)."""

    axes = 2


class AdaptiveMaxPool3d(AdaptiveMaxPooling):
    """AdaptiveMaxPooling over volumes (N, C, D, H, W)."""

    axes = 3


class MaxUnpool1d(MaxUnpooling):
    """MaxUnpooling of signals (N, C, W)."""

    axes = 1


class MaxUnpool2d(MaxUnpooling):
    """MaxUnpooling of images (N, C, H, W)."""

    axes = 2


class MaxUnpool3d(MaxUnpooling):
    """MaxUnpooling of volumes (N, C, D, H, W)."""

    axes = 3


class LPPool1d(LPPooling):
    """LPPooling over signals (N, C, W)."""

    recordable, mean = True, AvgPool1d


class LPPool2d(LPPooling):
    """LPPooling over images (N, C, H, W)."""

    recordable, mean = True, AvgPool2d


class LPPool3d(LPPooling):
    """LPPooling over volumes (N, C, D, H, W)."""

    recordable, mean = True, AvgPool3d
