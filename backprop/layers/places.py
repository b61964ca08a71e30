"""Layers that fetch entries by their place: windows of an image as columns, and images made larger.

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
from backprop.functional.windows import per_axis, positions
from backprop.module import Module
from backprop.module.options import above_zero


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

    def extra_repr(self):
        return f"output_size={self.output_size}, {super().extra_repr()}"


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
