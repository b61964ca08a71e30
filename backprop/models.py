"""The networks of the lecture, in the order in which it builds them. Each takes images (N, H, W) or (N, 1, H, W).

`features` is the number of pixels of an image, `classes` the number of labels.
"""

from backprop.layers import Bias, Flatten, Linear, ReLU
from backprop.sequential import Sequential


def bias(features=784, classes=10):
    """Two biases (A 64:19): the scores are the pixels plus a constant, however many classes there are.

    It can learn how frequent each class is, and nothing about images.
    """
    return Sequential(Flatten(), Bias(features), Bias(features))


def linear(features=784, classes=10):
    """One linear layer: a template for each class, compared with the image by a dot product."""
    return Sequential(Flatten(), Linear(features, classes))


def mlp(features=784, classes=10, hidden=128):
    """Two linear layers with a ReLU between them (A 43:39)."""
    return Sequential(Flatten(), Linear(features, hidden), ReLU(), Linear(hidden, classes))


MODELS = {"bias": bias, "linear": linear, "mlp": mlp}
