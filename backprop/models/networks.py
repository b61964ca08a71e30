"""The lecture's networks in its order, a more modern one, `cnn`, and some that are graphs, not chains.

Each takes images (N, C, H, W). `image` is (C, H, W) of one image, `classes` the number of labels.
"""

import math

import numpy as np

from backprop.layers import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Bias,
    Conv2d,
    Dropout,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    ReLU,
)
from backprop.layers.sequential import Sequential
from backprop.models.blocks import BasicBlock, Branches, MeanOverPositions, Patches, Residual, RowByRow, Unrolled
from backprop.models.transformer import TransformerEncoder, TransformerEncoderLayer
from backprop.module.rng import generator

MNIST = (1, 28, 28)


def bias(image=MNIST, classes=10):
    """Two biases (A 64:19): the scores are the pixels plus a constant, however many classes there are.

    It can learn how frequent each class is, and nothing about images.
    """
    features = math.prod(image)
    return Sequential(Flatten(), Bias(features), Bias(features))


def linear(image=MNIST, classes=10):
    """One linear layer: a template for each class, compared with the image by a dot product."""
    return Sequential(Flatten(), Linear(math.prod(image), classes))


def mlp(image=MNIST, classes=10, hidden=128):
    """Two linear layers with a ReLU between them (A 43:39)."""
    return Sequential(Flatten(), Linear(math.prod(image), hidden), ReLU(), Linear(hidden, classes))


def lenet(image=MNIST, classes=10):
    """Images stay images through two convolutions; flatten and project at the end (A 67:30). After LeCun, 1998."""
    channels, height, width = image
    return Sequential(
        Conv2d(channels, 6, 5, padding=2),
        ReLU(),
        MaxPool2d(2),
        Conv2d(6, 16, 5),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2), 120),
        ReLU(),
        Linear(120, 84),
        ReLU(),
        Linear(84, classes),
    )


def cnn(image=MNIST, classes=10):
    """Three convolutions of 3 x 3, each normalised over the batch; dropout before the scores."""
    channels, height, width = image
    return Sequential(
        *_block(channels, 16),
        MaxPool2d(2),
        *_block(16, 32),
        MaxPool2d(2),
        *_block(32, 64),
        Flatten(),
        Dropout(0.3),
        Linear(64 * (height // 4) * (width // 4), classes),
    )


def _block(inputs, outputs):
    """A convolution without bias, since the normalisation after it has one; images keep their size."""
    return Conv2d(inputs, outputs, 3, padding=1, bias=False), BatchNorm2d(outputs), ReLU()


def residual(image=MNIST, classes=10, hidden=128):
    """A multilayer perceptron whose two middle blocks each add a correction to their input."""
    blocks = [Residual(Sequential(Linear(hidden, hidden), ReLU(), Linear(hidden, hidden))) for _ in range(2)]
    return Sequential(Flatten(), Linear(math.prod(image), hidden), ReLU(), *blocks, Linear(hidden, classes))


def resnet(image=MNIST, classes=10, width=16, blocks=2):
    """Residual blocks of convolutions at three sizes of image, as CIFAR is taught with; a mean over places at the end.

    Each size has so many `blocks`, the first twice as many channels as the size before. With 3 it is He's ResNet-20.
    """
    channels, widths = image[0], (width, 2 * width, 4 * width)
    layers, inputs = list(_block(channels, width)), width
    for outputs in widths:
        for number in range(blocks):
            layers.append(BasicBlock(inputs, outputs, stride=2 if number == 0 and outputs > width else 1))
            inputs = outputs
    return Sequential(*layers, AdaptiveAvgPool2d(1), Flatten(), Linear(inputs, classes))


def branches(image=MNIST, classes=10):
    """Filters of two sizes look at the same image; their outputs are concatenated as channels."""
    channels, height, width = image
    small, large = Conv2d(channels, 8, 3, padding=1), Conv2d(channels, 8, 7, padding=3)
    return Sequential(
        Branches(small, large), ReLU(), MaxPool2d(4), Flatten(), Linear(16 * (height // 4) * (width // 4), classes)
    )


def recurrent(image=MNIST, classes=10, hidden=128):
    """An image is read row by row; the scores are computed from the state after the last one.

    The state's matrix W_hh starts orthogonal, a rotation: it shrinks neither a state on its way through the rows nor
    its delta on the way back (Saxe and others, 2014). PyTorch's shrinks both, and the first rows learn nothing.
    """
    channels, _, width = image
    reader = Unrolled(channels * width, hidden)
    reader.state.weight.data[...] = np.linalg.qr(generator().standard_normal((hidden, hidden)))[0]
    return Sequential(RowByRow(reader), Linear(hidden, classes))


def transformer(image=MNIST, classes=10, patch=4, width=64, heads=4, layers=2):
    """Squares of the image look at each other (A 59:22): no convolution, and nothing that says which are neighbours."""
    layer = TransformerEncoderLayer(width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
    encoder = TransformerEncoder(layer, layers, LayerNorm(width))
    return Sequential(Patches(image, patch, width), encoder, MeanOverPositions(), Linear(width, classes))


MODELS = {
    "bias": bias,
    "linear": linear,
    "mlp": mlp,
    "lenet": lenet,
    "cnn": cnn,
    "residual": residual,
    "resnet": resnet,
    "branches": branches,
    "recurrent": recurrent,
    "transformer": transformer,
}
