"""Networks as one would type them, trained by the loops that people write: three calls a step.

A work is a network, the size of a batch, and whether our loop is the plain one, layer by layer, or `bp.compile`'s.
Names are PyTorch's; `Residual(n)` adds two linear layers' correction to its input, `Last(...)` is the last state of a
recurrent layer.
"""

import numpy as np

NETWORKS = {
    "mlp128": "Sequential(Flatten(), Linear(784, 128), ReLU(), Linear(128, 10))",
    "tanh": "Sequential(Flatten(), Linear(784, 200), Tanh(), Linear(200, 200), Tanh(), Linear(200, 10))",
    "lenet": "Sequential(Conv2d(1, 6, 5, padding=2), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5), ReLU(), MaxPool2d(2),"
    " Flatten(), Linear(400, 120), ReLU(), Linear(120, 84), ReLU(), Linear(84, 10))",
    "strided": "Sequential(Conv2d(1, 8, 5, stride=2), ReLU(), Conv2d(8, 16, 3, stride=2), ReLU(), Flatten(),"
    " Linear(400, 10))",
    "batch norm": "Sequential(Conv2d(1, 16, 3, padding=1, bias=False), BatchNorm2d(16), ReLU(), MaxPool2d(2),"
    " Conv2d(16, 32, 3, padding=1, bias=False), BatchNorm2d(32), ReLU(), MaxPool2d(2), Flatten(), Linear(1568, 10))",
    "residual": "Sequential(Flatten(), Linear(784, 128), ReLU(), Residual(128), Residual(128), Linear(128, 10))",
    "lstm": "Sequential(Flatten(1, 2), Last(LSTM(28, 64, batch_first=True)), Linear(64, 10))",
}
BATCHES = 1, 16, 64, 256
LOOPS = "layers", "recorded"
LR, MOMENTUM = 0.01, 0.9


def works():
    """[(label, (network, batch, loop))]"""
    return [(f"{name}, {n}, {loop}", (name, n, loop)) for name in NETWORKS for n in BATCHES for loop in LOOPS]


def batch(size):
    """Images (size, 1, 28, 28) and labels."""
    rng = np.random.default_rng(1)
    return rng.random((size, 1, 28, 28), np.float32), rng.integers(0, 10, size)


def values(parameters):
    """The same initial values for everybody, from (name, shape) of each parameter."""
    rng = np.random.default_rng(0)
    for name, shape in parameters:
        if len(shape) == 1 and name.endswith("weight"):
            yield np.ones(shape, np.float32)  # of a normalisation
        else:
            bound = 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 100)
            yield rng.uniform(-bound, bound, shape).astype(np.float32)
