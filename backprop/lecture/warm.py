"""Compile all kernels that the lecture's networks need, such as for a classroom's machines:

    python -m backprop.lecture.warm                 all networks, as many at a time as there are cores
    python -m backprop.lecture.warm mlp lenet       these

What is compiled already is not compiled again. Kernels do not depend on the size of images, so any are right.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, status in zip(names or MODELS, pool.map(_in_a_process, names or MODELS), strict=True):
            print(f"{name}: {'its kernels are ready' if status == 0 else 'failed'}", flush=True)
            if status:
                return 1
    print(f"compiled kernels are in {folder()}")
    return 0


def _in_a_process(name):
    return subprocess.run([sys.executable, "-c", f"from backprop.lecture import warm; warm.train({name!r})"]).returncode


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
