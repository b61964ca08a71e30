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

import functools
import math

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.functional.pool import adaptive_size
from backprop.functional.windows import per_axis, positions
from backprop.graph.formulas import OnTheCPU, expect_on_cpu
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


class Unfold(Module):
    """Every window of images (N, C, H, W) as a column: out (N, C P Q, L), L windows of P x Q, row by row.

    A convolution is a product with this matrix, (10). Its adjoint adds each entry to the place that it came from: Fold.

    forward   (26a)  out[n,c,p,q,i,j]  = a[n,c, s i + d p - pad, s j + d q - pad], 0 in the margin
    backward  (26b)  delta_a[n,c,h,w]  = sum of delta over all taps p, q of windows i, j that are at h, w
    """

    analytic = recordable = True

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        self.kernel_size, self.stride = per_axis("kernel_size", kernel_size, 2, 1), per_axis("stride", stride, 2, 1)
        self.dilation, self.padding = per_axis("dilation", dilation, 2, 1), per_axis("padding", padding, 2)

    def forward(self, a):
        self.expect(a.ndim in (3, 4), "(N, C, H, W), or (C, H, W) without a batch", got=a)
        self.cache = a.shape
        return self.unfolded(a)

    def backward(self, delta):
        *lead, height, width = self.cache
        return self.folded(delta, lead, (height, width))

    def unfolded(self, a):
        """The columns of images (..., C, H, W)"""
        *lead, channels, height, width = a.shape
        index, windows = self._windows((height, width))
        columns = F.places(a.reshape(*lead, channels, height * width), index)  # (26a)
        return columns.reshape(*lead, channels * (len(index) // windows), windows)

    def folded(self, columns, lead, image):
        """The sums of columns (..., C P Q, L) at the places of images (*lead, H, W), lead (N, C) or (C,)"""
        index, _ = self._windows(image)
        rows = columns.reshape(*lead, len(index))
        return F.places_backward(rows, index, math.prod(image)).reshape(*lead, *image)  # (26b)

    def _windows(self, image):
        """Where in an image of this size each tap of each window is, (P Q L,), -1 in the margin; and L."""
        options = self.kernel_size, self.stride, self.dilation, self.padding
        return windows_of(image, *options)

    def extra_repr(self):
        options = "kernel_size", "dilation", "padding", "stride"
        return ", ".join(f"{name}={getattr(self, name)}" for name in options)


class Fold(Unfold):
    """The adjoint of Unfold: columns (N, C P Q, L) back into images (N, C, *output_size); what overlaps adds up."""

    recordable = True

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = per_axis("output_size", output_size, 2, 1)

    def forward(self, a):
        taps, (_, count) = math.prod(self.kernel_size), self._windows(self.output_size)
        fits = a.ndim in (2, 3) and a.shape[-2] % taps == 0 and a.shape[-1] == count
        self.expect(fits, f"(N, C {taps}, {count}), or (C {taps}, {count}) without a batch", got=a)
        return self.folded(a, (*a.shape[:-2], a.shape[-2] // taps), self.output_size)

    def backward(self, delta):
        return self.unfolded(delta)


class Upsample(Module):
    """Images (N, C, ...) made larger, or smaller: each entry of the result is the nearest of a.

    forward   (26a)  out[n,c,i,j]     = a[n, c, floor(i H / H_out), floor(j W / W_out)]
    backward  (26b)  delta_a[n,c,h,w] = sum of delta over all i, j that were taken from h, w

    Either `size`, of the result, or `scale_factor` is given, one number or one for each axis. `mode` must be "nearest".
    """

    analytic = recordable = True

    def __init__(self, size=None, scale_factor=None, mode="nearest"):
        if mode != "nearest":
            raise OptionError(f"mode must be 'nearest', got {mode!r}")
        if (size is None) == (scale_factor is None):
            raise OptionError("expects size or scale_factor, one of them")
        for factor in np.ravel([] if scale_factor is None else scale_factor).tolist():
            above_zero("scale_factor", factor)
        self.size, self.scale_factor, self.mode = size, scale_factor, mode

    def forward(self, a):
        self.expect(a.ndim > 2, "(N, C, ...)", got=a)
        image = a.shape[2:]
        index, out = nearest(image, *(_as_tuple(x, len(image)) for x in (self.size, self.scale_factor)))
        self.cache = index, a.shape
        return F.places(a.reshape(*a.shape[:2], math.prod(image)), index).reshape(*a.shape[:2], *out)  # (26a)

    def backward(self, delta):
        index, shape = self.cache
        rows = delta.reshape(*shape[:2], len(index))
        return F.places_backward(rows, index, math.prod(shape[2:])).reshape(shape)  # (26b)

    def extra_repr(self):
        named = {"size": self.size, "scale_factor": self.scale_factor}
        return ", ".join(f"{name}={value}" for name, value in named.items() if value is not None)


def _as_tuple(given, axes):
    """One number, or one for each axis, as a tuple; None stays None."""
    if given is None:
        return None
    numbers = tuple(given) if isinstance(given, (tuple, list)) else (given,) * axes
    if len(numbers) != axes:
        raise OptionError(f"expects one number, or {axes}, got {given}")
    return numbers


@functools.lru_cache(256)
def nearest(image, size, factors):
    """(where in an image each entry of the result is taken from, in C order; the result's size). Never written to."""
    out = size if size is not None else tuple(int(n * f) for n, f in zip(image, factors, strict=True))
    per_axis("size", list(out), len(image), 1)
    index = np.zeros(1, np.int64)
    for axis, (length, count) in enumerate(zip(image, out, strict=True)):
        step = np.float32(length / count if factors is None else 1 / factors[axis])  # PyTorch's, rounding included
        own = np.minimum((np.arange(count, dtype=np.float32) * step).astype(np.int64), length - 1)
        index = (index[:, None] * length + own).reshape(-1)
    return index, out


@functools.lru_cache(256)
def windows_of(image, size, stride, dilation, padding):
    """Where in an image each tap of each window is, (P Q L,), -1 in the margin; and L. Nothing writes to it."""
    rows, columns = (
        d * np.arange(tap)[:, None] + s * np.arange(positions(length, tap, s, pad, pad, d)) - pad
        for length, tap, s, d, pad in zip(image, size, stride, dilation, padding, strict=True)
    )
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    inside = (rows >= 0) & (rows < image[0]) & (columns >= 0) & (columns < image[1])
    index = np.where(inside, rows * image[1] + columns, -1).reshape(-1)
    return index, rows.shape[2] * columns.shape[3]


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
