"""Compile all kernels that the lecture's networks need, such as for a classroom's machines:

    python -m backprop.lecture.warm                 all networks, each compiled by all cores
    python -m backprop.lecture.warm mlp lenet       these

What is compiled already is not compiled again. Kernels do not depend on the size of images, so any are right.
"""

import sys

import numpy as np

from backprop import functional as F
from backprop.kernels import on_compile
from backprop.kernels.cpu.cache import folder
from backprop.loss import CrossEntropyLoss
from backprop.models.networks import MODELS
from backprop.optim import SGD, Adam, RMSprop
from backprop.training.data import DataLoader
from backprop.training.fit import fit


def main(names):
    unknown = sorted(set(names) - set(MODELS))
    if unknown:
        print(f"error: there is no network {unknown[0]!r}, only {', '.join(MODELS)}", file=sys.stderr)
        return 1
    for name in names or MODELS:
        train(name)
        print(f"{name}: its kernels are ready", flush=True)
    print(f"compiled kernels are in {folder()}")
    return 0


def train(name):
    """A short run of a network on noise, with each optimizer, and a step layer by layer."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (96, 1, 28, 28)).astype(np.uint8), np.arange(96) % 10
    train, test = DataLoader(images, labels, 64, shuffle=True, seed=0), DataLoader(images, labels, 64)
    loss, how = CrossEntropyLoss(), {"progress": False, "allow_wrong_classes": True, "check_finite": False}
    with on_compile(lambda kernel: None):
        for kind, options in ((SGD, {"momentum": 0.9}), (Adam, {}), (RMSprop, {})):
            net = MODELS[name]()
            fit(net, loss, kind(net.parameters(), lr=1e-4, **options), train, test, **how)
        x, y = next(iter(test))
        scores = net(x)
        loss(scores, y)
        net.backward(loss.backward())
        F.softmax(scores, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
