"""One rank that is measured. It is told on stdin what to do, a line each, and answers on stdout:

train STEPS     seconds of a step, the mean of so many
reduce BYTES    seconds of an all-reduce of so many bytes, the median of some
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import backprop as bp  # noqa: E402
from backprop.models.networks import MODELS  # noqa: E402
from backprop.training.parallel.sums import between  # noqa: E402
from backprop.training.parallel.vector import Vector  # noqa: E402
from benchmarks import workload  # noqa: E402


def trainer(model, batch):
    """steps(count): train so many steps. Also how many bytes an all-reduce has: those of the gradients."""
    bp.manual_seed(0)
    net = workload.network(bp, model)[0] if model in workload.MODELS else MODELS[model]()
    sgd, loss = bp.SGD(net.parameters(), lr=0.01, momentum=0.9), bp.CrossEntropyLoss()
    rng = np.random.default_rng(0)
    images, labels = rng.random((16 * batch, 1, 28, 28), np.float32), rng.integers(0, 10, 16 * batch)
    loader, step = bp.DataLoader(images, labels, batch, shuffle=True, seed=0), bp.compile(net, loss, optimizer=sgd)

    def endless():
        while True:
            yield from step.batches(loader)

    parts = endless()

    def steps(count):
        for _, (x, y) in zip(range(count), parts, strict=False):
            step.train(x, y)

    return steps, sum(p.data.nbytes for p in net.parameters())


def reduced(ranks, size):
    """Median seconds of an all-reduce of `size` bytes."""
    mine, theirs, taken = Vector([((size,), np.uint8)]), Vector([((size,), np.uint8)]), []
    for _ in range(max(5, min(200, 20_000_000 // max(size, 1)))):
        ranks.total(lambda s: [0.0])  # all begin together
        start = time.perf_counter()
        between(mine, theirs, ranks)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main(model, batch, shards, threads):
    with bp.parallel(shards, patience=1e6) as ranks:
        bp.set_num_threads(threads)
        steps, size = trainer(model, batch)
        steps(20)
        print(json.dumps({"bytes": size}), flush=True)
        while True:
            what, count = ranks.of_first(lambda: (sys.stdin.readline().split() + ["", ""])[:2])
            if not what:
                return
            if what == "reduce":
                seconds = reduced(ranks, int(count))
            else:
                start = time.perf_counter()
                steps(int(count))
                seconds = (time.perf_counter() - start) / int(count)
            print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    main(name, *map(int, numbers))
