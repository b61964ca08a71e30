"""A small instance of every layer and loss, with inputs that keep away from kinks: what gets checked, shown and timed.

Every public layer and loss must have one here; a test walks the public names.
"""

from typing import NamedTuple

import numpy as np

import backprop as bp


class Example(NamedTuple):
    """`module(*inputs)` runs; `title` says what is special about it."""

    title: str
    module: bp.Module
    inputs: tuple


def examples(seed=0):
    """A new list of Examples, drawn from `seed`, in float32; gradient checks convert them."""
    bp.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def x(*shape):
        """Numbers of size 0.1 to 2, either sign: no kink of ours is nearer than 0.1."""
        return (rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)).astype(np.float32)

    def labels(*shape, classes=4):
        return rng.integers(0, classes, shape)

    def probabilities(*shape):
        return rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)

    twice = bp.Linear(3, 3)
    target = x(3, 4)
    return [
        Example("a batch", bp.Linear(5, 3), (x(4, 5),)),
        Example("rank 1", bp.Linear(4, 3, bias=False), (x(4),)),
        Example("rank 4", bp.Linear(3, 2), (x(2, 2, 2, 3),)),
        Example("a batch", bp.Bias(5), (x(4, 5),)),
        Example("an image", bp.Flatten(), (x(2, 3, 2, 2),)),
        Example("a batch", bp.ReLU(), (x(3, 4),)),
        Example("a batch", bp.Sigmoid(), (x(3, 4),)),
        Example("a batch", bp.Tanh(), (x(3, 4),)),
        Example("last axis", bp.Softmax(), (x(3, 4),)),
        Example("channels", bp.Softmax(dim=1), (x(2, 3, 2, 2),)),
        Example("last axis", bp.LogSoftmax(), (x(3, 4),)),
        Example("channels", bp.LogSoftmax(dim=1), (x(2, 3, 2, 2),)),
        Example("a multilayer perceptron", bp.Sequential(bp.Linear(5, 4), bp.Tanh(), bp.Linear(4, 3)), (x(3, 5),)),
        Example("one layer twice", bp.Sequential(twice, bp.Sigmoid(), twice), (x(2, 3),)),
        Example("mean", bp.MSELoss(), (x(3, 4), x(3, 4))),
        Example("none", bp.MSELoss(reduction="none"), (x(3, 4), x(3, 4))),
        Example("sum", bp.L1Loss(reduction="sum"), (target + x(3, 4), target)),
        Example("labels", bp.CrossEntropyLoss(num_classes=4), (x(5, 4), labels(5))),
        Example("none", bp.CrossEntropyLoss(reduction="none"), (x(5, 4), labels(5))),
        Example("an image of labels", bp.CrossEntropyLoss(reduction="sum"), (x(2, 4, 2, 3), labels(2, 2, 3))),
        Example("probabilities", bp.CrossEntropyLoss(), (x(5, 4), probabilities(5, 4))),
    ]
