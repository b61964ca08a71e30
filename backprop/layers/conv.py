"""Convolution slides a small filter over an image: the same few weights are applied at every place.

A 3 x 3 image and a 2 x 2 filter, worked by hand. There are four places for the filter, so z is 2 x 2:

>>> import numpy as np, backprop as bp
>>> layer = bp.Conv2d(in_channels=1, out_channels=1, kernel_size=2, dtype=np.float64)
>>> layer.weight, layer.bias = bp.Parameter(np.array([[[[1., 2], [0, -1]]]])), bp.Parameter(np.array([10.]))
>>> a = np.array([[[[1., 2, 0], [0, 1, 3], [4, 0, 1]]]])
>>> layer(a)                                      # (10) top left: 10 + 1*1 + 2*2 + 0*0 - 1*1 = 14
array([[[[14.,  9.], [12., 16.]]]])

Backward, for a loss that depends on two of the four outputs, the first with slope 1 and the last with slope -1:

>>> delta_a = layer.backward(np.array([[[[1., 0], [0, -1]]]]))
>>> layer.bias.grad                               # (11) 1 + 0 + 0 - 1
array([0.])
>>> layer.weight.grad                             # (12) the first patch minus the last: [[1 2][0 1]] - [[1 3][0 1]]
array([[[[ 0., -1.], [ 0.,  0.]]]])
>>> delta_a                                       # (13) the filter at the first patch minus at the last; -1 - 1 = -2
array([[[[ 1.,  2.,  0.], [ 0., -2., -2.], [ 0.,  0.,  1.]]]])
"""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.functional.windows import per_axis
from backprop.module import Module, Parameter
from backprop.module.options import whole
from backprop.module.rng import generator


class Convolution(Module):
    """z is the cross-correlation of X and a; a true convolution would flip the filter.  Lecture A 55:50-59:22, 71:09.

        a (N, C, H, W)   weight X (O, C, P, Q)   bias mu (O,) or None   z (N, O, H_out, W_out)
        n is a sample, c a channel of the image, o a filter; h, w are places in a, i, j in z, and p, q in the filter;
        s is the stride, d the dilation, pad the rows or columns of zeros in front: a is 0 outside the image

    forward   (10)  z[n,o,i,j]       = mu[o] + sum_{c,p,q} X[o,c,p,q] a[n,c, s i + d p - pad, s j + d q - pad]
    backward  (11)  dL/dmu[o]        = sum_{n,i,j} delta[n,o,i,j]           mu[o] was added at every place
              (12)  dL/dX[o,c,p,q]   = sum_{n,i,j} delta[n,o,i,j] a[n,c, s i + d p - pad, s j + d q - pad]
                                                                            X[o,c,p,q] multiplied this a at place i, j
              (13)  delta_a[n,c,h,w] = sum of delta[n,o,i,j] X[o,c,p,q] over o and all taps p, q that met a[n,c,h,w],
                                       those with s i + d p - pad = h and s j + d q - pad = w

    In the comments, for one group, patches(a)[n,c,i,j,p,q] = a[n,c, s i + d p - pad, s j + d q - pad], and add_up is
    the adjoint: it adds each entry of the patches to the place in the image that it came from.

    H_out = floor((H + 2 pad - d (P - 1) - 1) / s) + 1, W_out likewise: a stride of 2 halves the image. Stride, padding
    and dilation are one number, or one for each axis; padding 'same' keeps the size of the image. With `groups` G, X is
    (O, C/G, P, Q): the filters of a group see only the channels of that group. X and mu start uniform in
    +-1/sqrt(C/G P Q), as PyTorch's do. For margins other than zeros put a padding layer in front.

    This is written for images, Conv2d. Conv1d has no h, i and p; Conv3d has one more axis, D, in front of H.

    Raises ShapeError unless a is (N, C, H, W), or (C, H, W) for a single image, and the filter fits on it.
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
        dilation=1,
        groups=1,
        bias=True,
        dtype=np.float32,
    ):
        expect_channels(in_channels, out_channels, groups)
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise OptionError(f"padding must be a number, 'same' or 'valid', got {padding!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes, 1)
        self.stride = per_axis("stride", stride, self.axes, 1)
        self.padding = padding if isinstance(padding, str) else per_axis("padding", padding, self.axes)
        self.dilation = per_axis("dilation", dilation, self.axes, 1)
        if padding == "same" and max(self.stride) > 1:
            raise OptionError(f"padding 'same' needs stride 1, got {stride}")
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight, self.bias = initial_weights(shape, out_channels if bias else None, dtype)

    def forward(self, a):
        self.cache = a  # (12) needs it
        options = self.stride, self.padding, self.dilation, self.groups
        # (10) mu[:, None, None] + einsum("ocpq,ncijpq->noij", X, patches(a))
        return F.conv(a, self.weight, self.bias, *options)

    def backward(self, delta):
        a, options = self.cache, (self.stride, self.padding, self.dilation, self.groups)
        if self.bias is not None:
            self.bias.accumulate(F.conv_bias_grad, delta, self.axes)  # (11) delta.sum((0, 2, 3))
        # (12) einsum("noij,ncijpq->ocpq", delta, patches(a))
        self.weight.accumulate(F.conv_weight_grad, delta, a, self.kernel_size, *options)
        # (13) add_up(einsum("noij,ocpq->ncijpq", delta, X))
        return F.conv_input_grad(delta, self.weight, a.shape[-self.axes :], *options)

    def extra_repr(self):
        return describe(self, stride=1, padding=0, dilation=1, groups=1)


class Conv1d(Convolution):
    """Convolution over signals: a (N, C, W), weight (O, C/groups, Q). The formulas are Convolution's."""

    axes = 1


class Conv2d(Convolution):
    """Convolution over images: a (N, C, H, W), weight (O, C/groups, P, Q). The formulas are Convolution's."""

    axes = 2


class Conv3d(Convolution):
    """Convolution over volumes: a (N, C, D, H, W), weight (O, C/groups, R, P, Q). The formulas are Convolution's."""

    axes = 3


def initial_weights(shape, outputs, dtype):
    """(weight of this shape, bias of length `outputs` or None), uniform in +-1/sqrt(weights that make one output)."""
    bound = 1 / math.sqrt(max(math.prod(shape[1:]), 1))
    weight = Parameter(generator().uniform(-bound, bound, shape).astype(dtype))
    return weight, None if outputs is None else Parameter(generator().uniform(-bound, bound, outputs).astype(dtype))


def expect_channels(in_channels, out_channels, groups):
    """Raise OptionError unless these are numbers of channels that `groups` divides."""
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
        whole(name, value, 1)
    if in_channels % groups or out_channels % groups:
        raise OptionError(
            f"groups must divide both numbers of channels, got {in_channels}, {out_channels} and {groups}"
        )


def describe(layer, **defaults):
    """The options of a convolution, except those at their default."""
    texts = [f"{layer.in_channels}", f"{layer.out_channels}", f"kernel_size={layer.kernel_size}"]
    for name, default in defaults.items():
        value = getattr(layer, name)
        if value not in (default, (default,) * layer.axes):
            texts.append(f"{name}={value!r}")
    return ", ".join(texts + ([] if layer.bias is not None else ["bias=False"]))
