"""Train one of the lecture's kinds of network on some ranks, with dropout, moved images and an odd last batch.

    python -m tests.training.parallel.networks NAME SHARDS FILE [--kill RANK STEPS] [--resume]

writes the weights to FILE, and a checkpoint after every step beside it.
"""

import argparse
import os
import signal

import numpy as np

import backprop as bp
from backprop.models.networks import MODELS

WORDS = 17


def mlp():
    layers = bp.Flatten(), bp.Linear(144, 40), bp.BatchNorm1d(40), bp.ReLU(), bp.Dropout(0.3), bp.Linear(40, 10)
    return bp.Sequential(*layers)


def lstm():
    layers = bp.Embedding(WORDS, 12), bp.LSTM(12, 16, num_layers=2, dropout=0.3, batch_first=True)
    return bp.Sequential(*layers, bp.Flatten(), bp.Linear(96, 10))


def synced():
    return bp.SyncBatchNorm.convert(MODELS["cnn"](image=(1, 12, 12), classes=10))


NETWORKS = {
    "mlp": mlp,
    "lstm": lstm,
    "synced": synced,
    **{name: lambda name=name: MODELS[name](image=(1, 12, 12), classes=10) for name in ("cnn", "residual")},
    "resnet": lambda: MODELS["resnet"](image=(1, 12, 12), classes=10),
    "transformer": lambda: MODELS["transformer"](image=(1, 12, 12), classes=10),
}


def data(name, count=150):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, count)
    if name == "lstm":
        return (rng.integers(0, WORDS, (count, 6)), labels), {"dtype": np.int64}
    images = rng.integers(0, 256, (count, 1, 12, 12), dtype=np.uint8)
    return (images, labels), {"shift": 1, "flip": True}


def main(options):
    with bp.parallel(options.shards) as ranks:
        bp.manual_seed(0)
        net, loss = NETWORKS[options.name](), bp.CrossEntropyLoss()
        adam = bp.Adam(net.parameters(), lr=0.003)
        arrays, how = data(options.name)
        train = bp.DataLoader(*arrays, 32, shuffle=True, seed=1, **how)
        test = bp.DataLoader(*arrays, 50, dtype=how.get("dtype"))
        checkpoint = bp.Checkpoint(options.file + ".checkpoint", every=0)
        history = checkpoint.load(net, adam, None, train) if options.resume else None

        def killed(steps):
            if options.kill and (ranks.rank, steps) == tuple(options.kill):
                os.kill(os.getpid(), signal.SIGKILL)

        of_run = {"checkpoint": checkpoint, "history": history, "after_step": killed, "progress": False}
        history = bp.fit(net, loss, adam, train, test, epochs=2, allow_wrong_classes=True, **of_run)
        bp.save(net, options.file)
        print(options.name, ranks.size, history.losses[-1], history.epochs[-1].test_loss)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=list(NETWORKS))
    parser.add_argument("shards", type=int)
    parser.add_argument("file")
    parser.add_argument("--kill", type=int, nargs=2)
    parser.add_argument("--resume", action="store_true")
    main(parser.parse_args())
