"""Pooling: one number replaces each window of an image.  Lecture A 55:50-59:22.

A 2 x 4 image with two 2 x 2 windows, by hand:

>>> import numpy as np, backprop as bp
>>> a, delta = np.array([[[[1., 3, 2, 2], [4, 0, 2, 1]]]]), np.array([[[[10., 20]]]])
>>> largest = bp.MaxPool2d(2)
>>> largest(a)                                    # (14a)
array([[[[4., 2.]]]])
>>> largest.backward(delta)                       # (14b) to the 4, and to the first of three 2s
array([[[[ 0.,  0., 20.,  0.], [10.,  0.,  0.,  0.]]]])
>>> mean = bp.AvgPool2d(2)
>>> mean(a)                                       # (14c) (1 + 3 + 4 + 0) / 4 and (2 + 2 + 2 + 1) / 4
array([[[[2.  , 1.75]]]])
>>> mean.backward(delta)                          # (14d) 10/4 and 20/4, to all four alike
array([[[[2.5, 2.5, 5. , 5. ], [2.5, 2.5, 5. , 5. ]]]])
"""

from backprop import functional as F
from backprop.functional.pool import adaptive_size
from backprop.functional.windows import per_axis
from backprop.module import Module


class MaxPooling(Module):
    """The largest entry of each window: a (N, C, H, W), out (N, C, H_out, W_out).

    forward   (14a)  out[n,c,i,j]     = max over the window's taps p, q of a[n,c, s i + d p - pad, s j + d q - pad]
    backward  (14b)  delta_a[n,c,h,w] = sum of delta[n,c,i,j] over the windows whose largest entry is at h, w:
                                        a small change of any other entry changes nothing

    In the comments patches(a) (N, C, H_out, W_out, P, Q) is what each window sees, and taken[n,c,i,j,h,w] is 1 where
    h, w is the entry that the window took, else 0.

    Of equal entries the first is taken, row by row. The window moves by its own size unless `stride` is given. Padding
    is never taken. The cache holds the position of each window's largest entry in its image, counted in C order, and
    the image's size; `return_indices` returns the positions, too. `ceil_mode` adds a last window that extends beyond
    the end. A window wholly in the padding, which dilation makes possible, has no largest entry: it gives -inf, as in
    PyTorch, and passes no delta. MaxPool1d and MaxPool3d have one axis fewer or more.

    Raises ShapeError unless a is (N, C, H, W), or (C, H, W) for a single image, and the window fits on it.
    """

    analytic = True  # where no two entries of a window are equal
    recordable = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False):
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes, 1)
        self.stride = self.kernel_size if stride is None else per_axis("stride", stride, self.axes, 1)
        self.padding, self.dilation = (
            per_axis("padding", padding, self.axes),
            per_axis("dilation", dilation, self.axes, 1),
        )
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, a):
        window = self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        out, self.cache = F.max_pool(a, self.axes, *window)  # (14a) out = patches(a).max((-2, -1))
        return (out, self.cache.where) if self.return_indices else out

    def backward(self, delta):
        # (14b) einsum("ncij,ncijhw->nchw", delta, taken)
        return F.max_pool_backward(delta, taken=self.cache)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPooling(Module):
    """The mean of each window: a (N, C, H, W), out (N, C, H_out, W_out).

    forward   (14c)  out[n,c,i,j]     = 1/(P Q) sum_{p,q} a[n,c, s i + p - pad, s j + q - pad]
    backward  (14d)  delta_a[n,c,h,w] = 1/(P Q) sum of delta[n,c,i,j] over all windows that hold h, w

    In the comments patches(a) (N, C, H_out, W_out, P, Q) is what each window sees, and add_up its adjoint, which adds
    each entry to the place in the image that it came from.

    The window moves by its own size unless `stride` is given. Zeros of the padding count, unless `count_include_pad` is
    False; `divisor_override` replaces P Q. AvgPool1d and AvgPool3d have one axis fewer or more.

    Raises ShapeError unless a is (N, C, H, W), or (C, H, W) for a single image, and the window fits on it.
    """

    analytic = True
    recordable = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes, 1)
        self.stride = self.kernel_size if stride is None else per_axis("stride", stride, self.axes, 1)
        self.padding = per_axis("padding", padding, self.axes)
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, a):
        self.cache = a.shape[-self.axes :]
        return F.avg_pool(a, self.axes, *self._window())  # (14c) patches(a).mean((-2, -1))

    def backward(self, delta):
        P, Q = (*self.kernel_size, 1)[:2]
        # (14d) add_up(delta[..., None, None] * full((P, Q), 1 / (P * Q)))
        return F.avg_pool_backward(delta, self.cache, *self._window())

    def _window(self):
        means = self.ceil_mode, self.count_include_pad, self.divisor_override
        return self.kernel_size, self.stride, self.padding, *means

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPooling(Module):
    """A given number of means, whatever the size of the image: a (N, C, H, W), out (N, C, *output_size).

    Window i runs from floor(i H / H_out) to ceil((i+1) H / H_out), so neighbours may share an entry; otherwise (14c)
    and (14d). As matrices: rows[i,h] is 1 over the number of rows in window i where h is one of them, else 0; columns
    likewise.
    `output_size` is one number, or one for each axis; None keeps an axis as it is.
    """

    analytic = True
    recordable = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(self, output_size):
        self.output_size = adaptive_size(output_size, self.axes)

    def forward(self, a):
        self.cache = a.shape[-self.axes :]
        return F.adaptive_avg_pool(a, self.axes, self.output_size)  # (14c) rows @ a @ columns.T

    def backward(self, delta):
        # (14d) rows.T @ delta @ columns
        return F.adaptive_avg_pool_backward(delta, self.cache, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class MaxPool1d(MaxPooling):
    """MaxPooling over signals (N, C, W)."""

    axes = 1


class MaxPool2d(MaxPooling):
    """MaxPooling over images (N, C, H, W)."""

    axes = 2


class MaxPool3d(MaxPooling):
    """MaxPooling over volumes (N, C, D, H, W)."""

    axes = 3


class AvgPool1d(AvgPooling):
    """AvgPooling over signals (N, C, W)."""

    axes = 1

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)


class AvgPool2d(AvgPooling):
    """AvgPooling over images (N, C, H, W)."""

    axes = 2


class AvgPool3d(AvgPooling):
    """AvgPooling over volumes (N, C, D, H, W)."""

    axes = 3


class AdaptiveAvgPool1d(AdaptiveAvgPooling):
    """AdaptiveAvgPooling over signals (N, C, W)."""

    axes = 1


class AdaptiveAvgPool2d(AdaptiveAvgPooling):
    """AdaptiveAvgPooling over images (N, C, H, W)."""

    axes = 2


class AdaptiveAvgPool3d(AdaptiveAvgPooling):
    """AdaptiveAvgPooling over volumes (N, C, D, H, W)."""

    axes = 3
