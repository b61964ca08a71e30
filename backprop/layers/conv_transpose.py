"""Transposed convolution uses a convolution's backward as its forward: a small image becomes a larger one."""

import numpy as np

from backprop import functional as F
from backprop.functional.windows import per_axis
from backprop.layers.conv import describe, expect_channels, initial_weights
from backprop.module import Module


class TransposedConvolution(Module):
    """Every entry of a adds the filter, times the entry, to z at its place; overlaps add up.  Lecture A 77:40.

        a (N, C, H, W)   weight X (C, O, P, Q)   bias mu (O,) or None   z (N, O, H_out, W_out)
        letters as in Convolution

    forward   (27)  z[n,o,i,j]       = mu[o] + sum of a[n,c,h,w] X[c,o,p,q] over c and all h, w, p, q
                                       with s h + d p - pad = i and s w + d q - pad = j: (13), with a for delta
    backward  (11)  dL/dmu[o]        = sum_{n,i,j} delta[n,o,i,j]
              (12)  dL/dX[c,o,p,q]   = sum_{n,h,w} a[n,c,h,w] delta[n,o, s h + d p - pad, s w + d q - pad]
              (10)  delta_a[n,c,h,w] = sum_{o,p,q} X[c,o,p,q] delta[n,o, s h + d p - pad, s w + d q - pad]

    z is linear in a, with the transposed matrix of a convolution, so its adjoint is that convolution. In the comments,
    patches and add_up are Convolution's, for the image z.

    H_out = s (H - 1) + d (P - 1) + 1 - 2 pad + output_padding: a stride of 2 doubles the image. A convolution with
    stride s maps s sizes to the same one; `output_padding` chooses which of them comes back. With `groups` G, X is
    (C, O/G, P, Q). X and mu start uniform in +-1/sqrt(O/G P Q), as PyTorch's do.

    This is written for images, ConvTranspose2d; ConvTranspose1d and ConvTranspose3d have one axis fewer or more.

    Raises ShapeError unless a is (N, C, H, W), or (C, H, W) for a single image.
    """

    analytic = True
    recordable = True
    axes = None  # the number of spatial axes, set by each subclass

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        dtype=np.float32,
    ):
        expect_channels(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes, 1)
        self.stride = per_axis("stride", stride, self.axes, 1)
        self.padding = per_axis("padding", padding, self.axes)
        self.output_padding = per_axis("output_padding", output_padding, self.axes)
        self.dilation = per_axis("dilation", dilation, self.axes, 1)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight, self.bias = initial_weights(shape, out_channels if bias else None, dtype)

    def forward(self, a):
        self.cache = a  # (12) needs it
        options = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        # (27) mu[:, None, None] + add_up(einsum("nchw,copq->nohwpq", a, X))
        return F.conv_transpose(a, self.weight, self.bias, *options)

    def backward(self, delta):
        a = self.cache
        options = self.stride, self.padding, self.dilation, self.groups, a.shape[-self.axes :]
        if self.bias is not None:
            self.bias.accumulate(F.conv_bias_grad, delta, self.axes)  # (11) delta.sum((0, 2, 3))
        # (12) einsum("nchw,nohwpq->copq", a, patches(delta))
        self.weight.accumulate(F.conv_weight_grad, a, delta, self.kernel_size, *options)  # a in delta's place
        # (10) einsum("copq,nohwpq->nchw", X, patches(delta))
        return F.conv(delta, self.weight, None, *options)

    def extra_repr(self):
        return describe(self, stride=1, padding=0, output_padding=0, dilation=1, groups=1)


class ConvTranspose1d(TransposedConvolution):
    """Signals (N, C, W), weight (C, O/groups, Q). The formulas are TransposedConvolution's."""

    axes = 1


class ConvTranspose2d(TransposedConvolution):
    """Images (N, C, H, W), weight (C, O/groups, P, Q). The formulas are TransposedConvolution's."""

    axes = 2


class ConvTranspose3d(TransposedConvolution):
    """Volumes (N, C, D, H, W), weight (C, O/groups, R, P, Q). The formulas are TransposedConvolution's."""

    axes = 3
