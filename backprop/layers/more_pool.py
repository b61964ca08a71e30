"""More that is done with windows of an image: the largest entries of unequal ones, norms, and windows as columns.

An image of four numbers, cut into windows of two, by hand:

>>> import numpy as np, backprop as bp
>>> unfold, a = bp.Unfold((1, 2)), np.array([[[[1., 2, 3, 4]]]])
>>> unfold(a)                                     # columns (1, 2), (2, 3), (3, 4)
array([[[1., 2., 3.],
        [2., 3., 4.]]])
>>> bp.Fold((1, 4), (1, 2))(unfold(a))            # what came from one place is added: 2 and 3 were in two windows
array([[[[1., 4., 6., 4.]]]])
"""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import ShapeError
from backprop.functional.pool import adaptive_size
from backprop.functional.windows import per_axis, positions
from backprop.graph.formulas import OnTheCPU, expect_on_cpu
from backprop.layers.padding import ZeroPad2d
from backprop.layers.pool import AvgPool1d, AvgPool2d, AvgPool3d
from backprop.module import Module
from backprop.module.options import above_zero


class AdaptiveMaxPooling(Module):
    """The largest entries of windows as AdaptiveAvgPooling has them: a (N, C, H, W), out (N, C, *output_size).

    forward   (14a)  the largest entry of each window, of equal ones the first
    backward  (14b)  delta goes to it

    `return_indices` returns their places in the image, too, counted in C order. On a GPU DeviceError is raised.
    """

    analytic = recordable = uses_numpy = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(self, output_size, return_indices=False):
        self.output_size, self.return_indices = adaptive_size(output_size, self.axes), return_indices

    def forward(self, a):
        expect_on_cpu([a])
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


class Unfold(OnTheCPU):
    """Every window of images (N, C, H, W) as a column: out (N, C P Q, L), L windows of P x Q, row by row.

    A convolution is a product with this matrix, (10).
    """

    recordable = True

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        self.kernel_size, self.stride = per_axis("kernel_size", kernel_size, 2, 1), per_axis("stride", stride, 2, 1)
        self.dilation, self.padding = per_axis("dilation", dilation, 2, 1), per_axis("padding", padding, 2)
        self.pad = ZeroPad2d([p for p in self.padding[::-1] for _ in range(2)])

    def places(self, image):
        """The rows (P, 1, H_out, 1) and columns (1, Q, 1, W_out) of each tap of each window, in the padded image."""
        found = []
        for n, size in enumerate(image):
            tap, stride, d, pad = (each[n] for each in (self.kernel_size, self.stride, self.dilation, self.padding))
            count = positions(size, tap, stride, pad, pad, d)
            found.append(d * np.arange(tap)[:, None] + stride * np.arange(count))
        return found[0][:, None, :, None], found[1][None, :, None, :]

    def build(self, a):
        single = a.ndim == 3
        if a.ndim not in (3, 4):
            raise ShapeError(f"expects (N, C, H, W), or (C, H, W) without a batch, got {a.shape}")
        a = a.reshape(1, *a.shape) if single else a
        rows, columns = self.places(a.shape[2:])
        taps = a.shape[1] * math.prod(self.kernel_size)
        out = self.pad(a)[:, :, rows, columns].reshape(len(a), taps, rows.shape[2] * columns.shape[3])
        return out[0] if single else out


class Fold(Unfold):
    """The adjoint of Unfold: columns (N, C P Q, L) back into images (N, C, *output_size); what overlaps adds up."""

    recordable = True

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = per_axis("output_size", output_size, 2, 1)

    def build(self, a):
        (height, width), (up, left), taps, single = self.output_size, self.padding, math.prod(self.kernel_size), False
        rows, columns = self.places(self.output_size)
        count = rows.shape[2] * columns.shape[3]
        if a.ndim not in (2, 3) or a.shape[-2] % taps or a.shape[-1] != count:
            raise ShapeError(f"expects (N, C {taps}, {count}), or (C {taps}, {count}) without a batch, got {a.shape}")
        single = a.ndim == 2
        a = a.reshape(1, *a.shape) if single else a
        shape = len(a), a.shape[1] // taps, height + 2 * up, width + 2 * left
        a = a.reshape(*shape[:2], *self.kernel_size, rows.shape[2], columns.shape[3])
        whole = a.apply("put", a, shape=shape, at=(slice(None), slice(None), rows, columns))
        out = whole[:, :, up : up + height, left : left + width]
        return out[0] if single else out


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
