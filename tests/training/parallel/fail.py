"""A run on several ranks in which something goes wrong.

python -m tests.training.parallel.fail WHAT RANK [PATIENCE]
"""

import os
import signal
import sys
import time

import numpy as np

import backprop as bp
from backprop.training.parallel import alike


class Wrong(bp.Identity):
    """Something happens in the tenth call, on one rank."""

    recordable = False

    def __init__(self, what, when=10):
        self.what, self.calls, self.when = what, [0], when

    def forward(self, u):
        self.calls[0] += self.training
        if self.what is not None and self.calls[0] == self.when and self.training:
            self.what()
        return u


def raise_it():
    raise RuntimeError("it broke")


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def silent():
    time.sleep(1000)


def leave():
    sys.exit(3)


HAPPENINGS = {"raise": raise_it, "kill": kill, "stop": stop, "interrupt": interrupt, "silent": silent, "leave": leave}

if __name__ == "__main__":
    what, rank, *patience = sys.argv[1:]
    me = int(os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK", "0")))
    mine = rank in ("all", str(me))
    if what == "numpy" and mine:
        np.__version__ = "1.0"
    if what == "source" and mine:
        alike._source = lambda: "other"
    with bp.parallel(8, float(patience[0]) if patience else 60.0):
        bp.manual_seed(1 if what == "seed" and mine else 0)
        images, labels = np.random.default_rng(0).random((160, 8)), np.arange(160) % 3
        if what == "data" and mine:
            labels = labels[::-1]
        if what == "labels" and mine:
            labels = labels + 7 * (np.arange(160) == 77)
        net = bp.Sequential(bp.Linear(8, 5, dtype=np.float64), bp.ReLU(), bp.Linear(5, 3, dtype=np.float64))
        if what == "wide":
            net = bp.Sequential(bp.Linear(9, 3, dtype=np.float64))
        net.append(Wrong(HAPPENINGS.get(what) if mine else None))
        sgd = bp.SGD(net.parameters(), lr=1e200 if what == "nan" else 0.1)
        train, loss = bp.DataLoader(images, labels, 32, shuffle=True, seed=1), bp.CrossEntropyLoss()
        with bp.use_kernels("reference"):
            history = bp.fit(net, loss, sgd, train, train, epochs=30, progress=False)
        print(len(history.losses), "steps, interrupted" if history.interrupted else "steps")
        if what == "late" and mine:
            raise_it()
    print("the end")
