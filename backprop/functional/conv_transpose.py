"""Transposed convolution over one to three axes: a convolution's adjoint (13) run forward.

a is (N, C, *positions), filters X (C, O/groups, *taps), mu (O,), z (N, O, *image), as in the convolution from z to a.
Its adjoints are that convolution's: for a the forward (10), `conv`, and for X (12) with a and delta exchanged,
`conv_weight_grad`; their `places` are then the size of a's image.
"""

import math

from backprop import kernels
from backprop.errors import OptionError, ShapeError
from backprop.functional.conv import conv_input_grad, expect_axes, expect_filters
from backprop.functional.shapes import contiguous, split_at
from backprop.functional.windows import batched, per_axis
from backprop.module.parameter import values


def conv_transpose(a, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """(13) run forward: a takes delta's place, and the result is what (13) calls delta_a.                  (27)"""
    weight, bias = values(weight), values(bias)
    k = kernels.of(a, bias, weight)
    axes = weight.ndim - 2
    expect_filters(weight, bias, axes, groups, math.prod(weight.shape[1:2]) * groups)
    single, a = a.ndim == axes + 1, batched(a, axes)
    if a.shape[1] != len(weight):
        raise ShapeError(f"expects {len(weight)} channels, got {a.shape[1]} in {a.shape}")
    image = transposed_size(axes, a.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation)
    z = conv_input_grad(a, weight, image, stride, padding, dilation, groups, a.shape[2:])  # (27)
    if bias is not None:
        k.add_channels(split_at(z, 1), contiguous(bias), split_at(z, 1))  # (27) + mu[o]
    return z[0] if single else z


def conv_transpose1d(a, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Signals (N, C, W) with filters (C, O/groups, Q)."""
    expect_axes(1, weight)
    return conv_transpose(a, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(a, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Images (N, C, H, W) with filters (C, O/groups, P, Q).

    >>> import numpy as np
    >>> conv_transpose2d(np.array([[[[1.0, 2, 0]]]]), np.array([[[[1.0, 10]]]]), stride=(1, 2))
    array([[[[ 1., 10.,  2., 20.,  0.,  0.]]]])
    """
    expect_axes(2, weight)
    return conv_transpose(a, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(a, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Volumes (N, C, D, H, W) with filters (C, O/groups, R, P, Q)."""
    expect_axes(3, weight)
    return conv_transpose(a, weight, bias, stride, padding, output_padding, groups, dilation)


def transposed_size(axes, image, taps, stride, padding, output_padding, dilation):
    """The size of the image whose convolution has size `image`: s (i - 1) + d (taps - 1) + 1 - 2 pad + output_padding.

    With a stride there are several such sizes, and `output_padding` < max(stride, dilation) chooses among them.
    """
    stride, dilation = per_axis("stride", stride, axes, 1), per_axis("dilation", dilation, axes, 1)
    padding, extra = per_axis("padding", padding, axes), per_axis("output_padding", output_padding, axes)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise OptionError(
            f"output_padding must be less than stride or dilation, got {extra} with {stride} and {dilation}"
        )
    size = tuple(
        s * (i - 1) + d * (tap - 1) + 1 - 2 * pad + e
        for i, tap, s, pad, e, d in zip(image, taps, stride, padding, extra, dilation, strict=True)
    )
    if min(size) < 1:
        raise ShapeError(f"the output size must be positive, got {size} for images of {image}")
    return size
