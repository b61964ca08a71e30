"""Padding puts a margin around an image: a constant, its mirror image, its edge repeated, or its other side."""

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.module import Module


class Padding(Module):
    """out[i] = a[index[i]] along each spatial axis, where index says which entry each place is a copy of.

        a (N, C, H, W)   out (N, C, top + H + bottom, left + W + right)

    forward   (26a)  out[i] = a[index[i]], or the constant where index[i] is nowhere
    backward  (26b)  delta_a[h] = sum of delta[i] over all i with index[i] = h: an entry adds up all its copies

    onehot(index, size)[i,h] is 1 where h = index[i], else 0. The comments treat one axis, the last.

    `padding` is one number for every side, or PyTorch's tuple, the last axis first: (left, right, top, bottom, ...).
    Negative numbers crop.

    Raises ShapeError where the margin needs more of the image than there is.
    """

    analytic = True
    recordable = True
    axes, mode = None, None  # the number of spatial axes, and what the margin copies: each subclass sets both
    value = 0.0

    def __init__(self, padding):
        sides = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.axes)
        if len(sides) != 2 * self.axes or not all(isinstance(side, (int, np.integer)) for side in sides):
            raise OptionError(f"padding must be an integer, or {2 * self.axes} of them, got {padding!r}")
        self.padding = tuple(map(int, sides))

    def forward(self, a):
        axes = self.axes
        self.expect(a.ndim in (axes + 1, axes + 2), f"{axes} spatial axes after (N, C)", got=a)
        self.cache = a.shape
        return F.pad(a, self._margins(), self.mode, self.value)  # (26a) a[..., index]

    def backward(self, delta):
        size = self.cache
        # (26b) delta @ onehot(index, size[-1])
        return F.pad_backward(delta, size, self._margins(), self.mode)

    def _margins(self):
        """(before, after) for each axis, the first axis first."""
        return [self.padding[i : i + 2] for i in reversed(range(0, 2 * self.axes, 2))]

    def extra_repr(self):
        return f"padding={self.padding}"


class ConstantPadding(Padding):
    """A margin of `value`. The formulas are Padding's."""

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(Padding):
    """A margin around signals (N, C, W): zeros."""

    axes, mode = 1, "constant"


class ZeroPad2d(Padding):
    """A margin around images (N, C, H, W): zeros."""

    axes, mode = 2, "constant"


class ZeroPad3d(Padding):
    """A margin around volumes (N, C, D, H, W): zeros."""

    axes, mode = 3, "constant"


class ConstantPad1d(ConstantPadding):
    """A margin around signals (N, C, W): `value`."""

    axes, mode = 1, "constant"


class ConstantPad2d(ConstantPadding):
    """A margin around images (N, C, H, W): `value`."""

    axes, mode = 2, "constant"


class ConstantPad3d(ConstantPadding):
    """A margin around volumes (N, C, D, H, W): `value`."""

    axes, mode = 3, "constant"


class ReflectionPad1d(Padding):
    """A margin around signals (N, C, W): the signal mirrored at its edge, which is not repeated."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(Padding):
    """A margin around images (N, C, H, W): the image mirrored at its edge, which is not repeated."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(Padding):
    """A margin around volumes (N, C, D, H, W): the volume mirrored at its edge, which is not repeated."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(Padding):
    """A margin around signals (N, C, W): the edge repeated."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(Padding):
    """A margin around images (N, C, H, W): the edge repeated."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(Padding):
    """A margin around volumes (N, C, D, H, W): the edge repeated."""

    axes, mode = 3, "replicate"


class CircularPad1d(Padding):
    """A margin around signals (N, C, W): the signal's other side."""

    axes, mode = 1, "circular"


class CircularPad2d(Padding):
    """A margin around images (N, C, H, W): the image's other side."""

    axes, mode = 2, "circular"


class CircularPad3d(Padding):
    """A margin around volumes (N, C, D, H, W): the volume's other side."""

    axes, mode = 3, "circular"
