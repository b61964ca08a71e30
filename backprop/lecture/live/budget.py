"""What the editor's networks may cost: whoever types one should see it learn, and nobody can stop a class with it."""

import inspect
import math

import numpy as np

from backprop.errors import OptionError
from backprop.show.explain import cost

MOST_LAYERS = 100
MOST_PARAMETERS = 4_000_000  # of one layer, and of all
MOST_OUTPUTS = 1_000_000  # of all layers, for one image
MOST_FLOPS = 40e9  # of a step: some seconds
MOST_PLACES = 4096  # of an output_size
LARGEST = {"in_channels": 1024, "out_channels": 1024, "kernel_size": 31, "padding": 16, "dilation": 16}
LARGEST_OTHER = 1 << 16
MULTIPLIED = (  # arguments whose product says how many parameters a layer has
    "in_features", "out_features", "in_channels", "out_channels", "kernel_size", "num_features", "normalized_shape",
)  # fmt: skip


class Budget:
    """Adds up layers as they are built, each run on an image of zeros (C, H, W)."""

    def __init__(self, image):
        self.x = np.zeros((2, *image), np.float32)  # two, since batch norm wants more than one
        self.layers = self.parameters = self.outputs = self.flops = 0

    def add(self, layer):
        """Raises OptionError once it is too much, ShapeError where the layer does not fit the one before."""
        self.layers += 1
        self.parameters += sum(p.data.size for p in layer.parameters())
        if self.layers > MOST_LAYERS or self.parameters > MOST_PARAMETERS:
            raise OptionError(f"too large to watch: at most {MOST_LAYERS} layers and {MOST_PARAMETERS:,} parameters")
        matrices = sum(p.data.size for p in layer.parameters() if p.data.ndim > 1)
        if 2 * matrices * math.prod(self.x.shape[2:]) > MOST_FLOPS / 30:  # each is used at every place, at most
            raise OptionError("too large to watch: a layer would take too long for one image")
        out = layer.bare_copy()(self.x)
        if not hasattr(out, "shape"):
            raise OptionError(f"{type(layer).__name__} has several outputs here, of which the next layer takes one")
        self.outputs += out[0].size
        self.flops += 3 / 2 * (cost.of(layer, self.x, out)[0].flops or 0)  # of one image, forward and backward
        if self.outputs > MOST_OUTPUTS:
            raise OptionError(f"too large to watch: at most {MOST_OUTPUTS:,} numbers for an image, in all layers")
        self.x = out

    def most_images(self, wanted):
        """As many images, at most `wanted`, as a step may have."""
        return int(max(1, min(wanted, MOST_FLOPS / max(self.flops, 1), 64 * MOST_OUTPUTS / max(self.outputs, 1))))

    def expect_batches_of(self, size):
        """Raises OptionError if a step with so many images would take too long."""
        if size > self.most_images(size):
            raise OptionError(
                f"a step with {size} images would take too long to watch: a smaller batch_size, or network"
            )


def expect_small(kind, args, options):
    """Raises OptionError, before anything is allocated, for arguments of a layer that nobody could watch."""
    try:
        bound = inspect.signature(kind).bind(*args, **options).arguments
    except TypeError as error:
        raise OptionError(f"{kind.__name__}: {error}") from None
    entries = 1
    for name, value in bound.items():
        numbers = _numbers(value)
        most = LARGEST.get(name, LARGEST_OTHER)
        if not all(math.isfinite(number) and abs(number) <= most for number in numbers):
            raise OptionError(f"{kind.__name__}: {name}={str(value)[:40]} is too large to watch: at most {most:,}")
        sides = numbers * 2 if len(numbers) == 1 else numbers  # of what is as high as wide
        if name == "output_size" and abs(math.prod(sides)) > MOST_PLACES:
            raise OptionError(f"{kind.__name__}: an image of {str(value)[:40]} is too large to watch")
        if name in MULTIPLIED:
            entries *= max(abs(math.prod(sides if name == "kernel_size" else numbers)), 1)
    if entries > MOST_PARAMETERS:
        raise OptionError(
            f"{kind.__name__}: {int(entries):,} parameters are too many to watch: at most {MOST_PARAMETERS:,}"
        )


def _numbers(value):
    """The numbers of an argument, which is a number, a word, None, or a tuple of these."""
    if isinstance(value, (tuple, list)) and len(value) <= 8:
        return [number for part in value for number in _numbers(part)]
    if isinstance(value, (bool, str)) or value is None:
        return []
    if isinstance(value, (int, float)):
        return [value]
    raise OptionError(f"arguments must be numbers, words, None, or tuples of at most 8, got {str(value)[:40]}")
