"""Train many networks, on any number of ranks, and print a digest of what each has become, as a line of JSON.

python -m tests.training.parallel.learn SHARDS KERNELS SEED [SEED ...]
"""

import hashlib
import json
import sys
import warnings

import numpy as np

import backprop as bp
from tests.networks import Case


def digest(net, optimizer, history):
    """Of all that a run leaves: weights, buffers, the optimizer's state, random streams, losses, test results."""
    arrays = [*net.state_dict().values(), *optimizer.state_dict().values()]
    found = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
    streams = [(stream.seed, stream.step) for _, stream in net.named_streams()]
    tests = [(e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy) for e in history.epochs]
    found.update(repr((streams, history.losses, history.terms, history.correct, history.answers, tests)).encode())
    return found.hexdigest()


def train(seed, synced=False, **how):
    """A random network, trained for two epochs whose last batch is an odd one. `synced`: with SyncBatchNorms."""
    case = Case(seed).make(epochs=4)
    if synced:
        bp.SyncBatchNorm.convert(case.net)
    loader = case.loader
    images, labels = (np.concatenate([array, array]) for array in (loader.images, loader.labels))
    train = bp.DataLoader(images, labels, 17, loader.shuffle, loader.seed, dtype=loader.dtype)
    test = bp.DataLoader(images, labels, 5, dtype=loader.dtype)
    of_run = {"epochs": 2, "progress": False, "allow_wrong_classes": True, **how}
    history = bp.fit(case.net, case.loss, case.optimizer, train, test, schedule=case.schedule, **of_run)
    return digest(case.net, case.optimizer, history), history.losses


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    shards, kernels, *seeds = sys.argv[1:]
    with bp.use_kernels(kernels), bp.parallel(int(shards)):
        print(json.dumps({seed: train(int(seed), clip_norm=1.0 if int(seed) % 2 else None) for seed in seeds}))
