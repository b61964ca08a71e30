"""Convolution over one to three axes, and its three adjoints.

a is (N, C, *image), filters X (O, C/groups, *taps), mu (O,), z and delta (N, O, *positions); images without a batch
axis are accepted, too. Options are one number, or one for each spatial axis. The filter is applied wherever it fits, or
only at the first `places` positions of each axis: the adjoint of a transposed convolution with output_padding needs it.
"""

import numpy as np

from backprop import kernels
from backprop.errors import OptionError, ShapeError
from backprop.functional.shapes import contiguous, destination, expect_delta, split_at
from backprop.functional.windows import as_volumes, batched, lifted, per_axis, positions
from backprop.module.parameter import values


def conv(a, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, places=None):
    """z[n,o,i,j] = mu[o] + sum_{c,p,q} X[o,c,p,q] a[n,c, s i + d p - pad, s j + d q - pad]                 (10)"""
    weight, bias = values(weight), values(bias)
    k = kernels.of(a, bias, weight)
    axes = weight.ndim - 2
    expect_filters(weight, bias, axes, groups, len(weight))
    single, a = a.ndim == axes + 1, batched(a, axes)
    channels = weight.shape[1] * groups
    if a.shape[1] != channels:
        cure = "; use x[:, None] for a batch of images with one channel" if single and channels == 1 else ""
        got = a[0].shape if single else a.shape
        raise ShapeError(f"expects {channels} channels, got {a.shape[1]} in {got}{cure}")
    slide = Slide(axes, a.shape[2:], weight.shape[2:], stride, padding, dilation, places)
    z = k.empty((len(a), len(weight), *slide.positions), a.dtype)
    volumes = [as_volumes(contiguous(array), axes) for array in (a, weight, z)]
    mu = contiguous(bias) if bias is not None else k.empty((0,), a.dtype)
    k.conv(*volumes[:2], mu, False, *slide.options, int(groups), volumes[2])  # (10)
    return z[0] if single else z


def conv1d(a, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Signals (N, C, W) with filters (O, C/groups, Q)."""
    expect_axes(1, weight)
    return conv(a, weight, bias, stride, padding, dilation, groups)


def conv2d(a, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Images (N, C, H, W) with filters (O, C/groups, P, Q).

    >>> import numpy as np
    >>> edge = np.array([[[[-1.0, 1.0]]]])
    >>> conv2d(np.array([[[[0.0, 0, 5, 5, 5, 1]]]]), edge)
    array([[[[ 0.,  5.,  0.,  0., -4.]]]])
    """
    expect_axes(2, weight)
    return conv(a, weight, bias, stride, padding, dilation, groups)


def conv3d(a, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Volumes (N, C, D, H, W) with filters (O, C/groups, R, P, Q)."""
    expect_axes(3, weight)
    return conv(a, weight, bias, stride, padding, dilation, groups)


def conv_weight_grad(
    delta, a, taps, stride=1, padding=0, dilation=1, groups=1, places=None, out=None, accumulate=False
):
    """dL/dX of filters with `taps` (P, Q): every tap multiplied one entry of a for each n, i, j.

    dL/dX[o,c,p,q] = sum_{n,i,j} delta[n,o,i,j] a[n,c, s i + d p - pad, s j + d q - pad]                    (12)
    """
    k = kernels.of(delta, a)
    axes = len(taps)
    a, delta = batched(a, axes), batched(delta, axes)
    slide = Slide(axes, a.shape[2:], taps, stride, padding, dilation, places)
    expect_delta(delta, (len(a), delta.shape[1], *slide.positions))
    if groups < 1 or delta.shape[1] % groups or a.shape[1] % groups:
        raise OptionError(
            f"groups must divide both numbers of channels, got {a.shape[1]}, {delta.shape[1]} and {groups}"
        )
    out = destination(k, out, (delta.shape[1], a.shape[1] // groups, *taps), a)
    volumes = [as_volumes(contiguous(array), axes) for array in (delta, a, out)]
    k.conv_weight_grad(*volumes[:2], *slide.options, int(groups), volumes[2], accumulate)  # (12)
    return out


def conv_input_grad(delta, weight, image, stride=1, padding=0, dilation=1, groups=1, places=None):
    """delta_a for images of size `image` (H, W): every entry sums over all windows that contain it.

    delta_a[n,c,h,w] = sum of delta[n,o,i,j] X[o,c,p,q] over o and the taps with s i + d p - pad = h and likewise for w
                                                                                                        (13)
    """
    weight = values(weight)
    k = kernels.of(delta, weight)
    axes = weight.ndim - 2
    expect_filters(weight, None, axes, groups, len(weight))
    single, delta = delta.ndim == axes + 1, batched(delta, axes)
    slide = Slide(axes, image, weight.shape[2:], stride, padding, dilation, places)
    expect_delta(delta, (len(delta), len(weight), *slide.positions))
    delta_a = k.empty((len(delta), weight.shape[1] * groups, *image), delta.dtype)
    volumes = [as_volumes(contiguous(array), axes) for array in (delta, weight, delta_a)]
    k.conv_input_grad(*volumes[:2], *slide.options, int(groups), volumes[2])  # (13)
    return delta_a[0] if single else delta_a


def conv_bias_grad(delta, axes, out=None, accumulate=False):
    """dL/dmu[o] = sum_{n,i,j} delta[n,o,i,j]: mu[o] was added at every position of every image.           (11)"""
    k = kernels.of(delta)
    delta = batched(delta, axes)
    out = destination(k, out, delta.shape[1:2], delta)
    k.sum_channels(split_at(delta, 1), out, accumulate)  # (11)
    return out


class Slide:
    """How a filter slides over images of one size: the number of positions, and the options as kernels take them."""

    def __init__(self, axes, image, taps, stride, padding, dilation, places):
        stride, dilation = per_axis("stride", stride, axes, 1), per_axis("dilation", dilation, axes, 1)
        margins = _margins(padding, axes, taps, stride, dilation)
        self.positions = tuple(
            positions(size, tap, s, before, after, d)
            for size, tap, s, (before, after), d in zip(image, taps, stride, margins, dilation, strict=True)
        )
        if places is not None:
            if not all(0 < few <= most for few, most in zip(places, self.positions, strict=True)):
                raise ShapeError(f"the filter fits at {self.positions} positions, not at {tuple(places)}")
            self.positions = tuple(places)
        pad = tuple(before for before, _ in margins)
        self.options = lifted(stride, 1), lifted(dilation, 1), lifted(pad, 0)


def _margins(padding, axes, taps, stride, dilation):
    """(before, after) for each axis; 'same' keeps the size of the image, an odd row or column going after it."""
    if padding == "valid":
        padding = 0
    if padding != "same":
        return [(pad, pad) for pad in per_axis("padding", padding, axes)]
    if any(s != 1 for s in stride):
        raise OptionError(f"padding 'same' needs stride 1, got {stride}")
    spans = [d * (tap - 1) for d, tap in zip(dilation, taps, strict=True)]
    return [(span // 2, span - span // 2) for span in spans]


def expect_axes(axes, weight):
    """Raise ShapeError unless filters have this many spatial axes."""
    if len(weight.shape) != axes + 2:
        raise ShapeError(f"filters for {axes} spatial axes must have {axes + 2} axes in all, got {weight.shape}")


def expect_filters(weight, bias, axes, groups, outputs):
    if weight.ndim != axes + 2 or axes not in (1, 2, 3):
        raise ShapeError(f"filters must have two axes and then one to three spatial axes, got {weight.shape}")
    if not (isinstance(groups, (int, np.integer)) and groups >= 1 and len(weight) % groups == 0):
        raise OptionError(f"groups must be an integer that divides the {len(weight)} filters, got {groups}")
    if bias is not None and bias.shape != (outputs,):
        raise ShapeError(f"a bias for {outputs} output channels must be ({outputs},), got {bias.shape}")
