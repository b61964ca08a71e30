"""Layers that find out from their first input how many features, or channels, it has, and then are ordinary layers."""

from backprop.errors import ParameterError, ShapeError
from backprop.layers.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from backprop.layers.conv import Conv1d, Conv2d, Conv3d
from backprop.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from backprop.layers.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from backprop.layers.linear import Linear
from backprop.module import Module


class Lazy(Module):
    """A layer without its first option, which is read from the first input; the other options are its kind's.

    Until then it has no parameters, and asking for them, as an optimizer does, raises ParameterError: a first call
    comes first. Initial weights are drawn at that call.
    """

    waits = True
    kind, axes = None, None  # what it becomes, and how many axes are behind the channels; None: features are the last

    def __init__(self, *args, **options):
        self.options = args, options

    def __call__(self, *inputs, **options):
        a = inputs[0]
        if self.axes is None:
            size = a.shape[-1] if a.ndim else 0
        else:
            alone = a.ndim == self.axes + 1 and not issubclass(self.kind, NO_SINGLE)
            if a.ndim != self.axes + 2 and not alone and not (self.kind is BatchNorm1d and a.ndim == 2):
                raise ShapeError(f"expects (N, C, ...) with {self.axes} axes behind, got {a.shape}").named(
                    type(self).__name__
                )
            size = a.shape[0 if alone else 1]
        args, others = self.options
        del self.options
        self.__class__ = self.kind
        self.__init__(size, *args, **others)
        return self(*inputs, **options)

    def _own(self, attributes=None):
        if attributes is None:
            raise ParameterError(f"{type(self).__name__} has no parameters before its first call: call net(x) once")
        return super()._own(attributes)

    def extra_repr(self):
        args, others = self.options
        return ", ".join([*map(str, args), *(f"{name}={value}" for name, value in others.items())])


NO_SINGLE = BatchNorm1d, BatchNorm2d, BatchNorm3d  # which take no sample without a batch


class LazyLinear(Lazy):
    """Linear, whose in_features are those of its first input."""

    kind = Linear


class LazyConv1d(Lazy):
    """Conv1d, whose in_channels are those of its first input."""

    kind, axes = Conv1d, 1


class LazyConv2d(Lazy):
    """Conv2d, whose in_channels are those of its first input."""

    kind, axes = Conv2d, 2


class LazyConv3d(Lazy):
    """Conv3d, whose in_channels are those of its first input."""

    kind, axes = Conv3d, 3


class LazyConvTranspose1d(Lazy):
    """ConvTranspose1d, whose in_channels are those of its first input."""

    kind, axes = ConvTranspose1d, 1


class LazyConvTranspose2d(Lazy):
    """ConvTranspose2d, whose in_channels are those of its first input."""

    kind, axes = ConvTranspose2d, 2


class LazyConvTranspose3d(Lazy):
    """ConvTranspose3d, whose in_channels are those of its first input."""

    kind, axes = ConvTranspose3d, 3


class LazyBatchNorm1d(Lazy):
    """BatchNorm1d, whose num_features are the channels of its first input."""

    kind, axes = BatchNorm1d, 1


class LazyBatchNorm2d(Lazy):
    """BatchNorm2d, whose num_features are the channels of its first input."""

    kind, axes = BatchNorm2d, 2


class LazyBatchNorm3d(Lazy):
    """BatchNorm3d, whose num_features are the channels of its first input."""

    kind, axes = BatchNorm3d, 3


class LazyInstanceNorm1d(Lazy):
    """InstanceNorm1d, whose num_features are the channels of its first input."""

    kind, axes = InstanceNorm1d, 1


class LazyInstanceNorm2d(Lazy):
    """InstanceNorm2d, whose num_features are the channels of its first input."""

    kind, axes = InstanceNorm2d, 2


class LazyInstanceNorm3d(Lazy):
    """InstanceNorm3d, whose num_features are the channels of its first input."""

    kind, axes = InstanceNorm3d, 3
