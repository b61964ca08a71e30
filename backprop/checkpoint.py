"""Runs that go on where they stopped. A checkpoint is one safetensors file that holds a whole run:

model.NAME      state_dict() of the network
optim.NAME      state_dict() of the optimizer
train.NAME      the schedule, the random streams, the loader's seed, the losses and epochs so far
"""

import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from backprop.errors import CheckpointError, OptionError
from backprop.history import Epoch, History
from backprop.weights import CHECKPOINT, named, part, read, write


class Checkpoint:
    """The file at `path` in which a run keeps itself: `fit(..., checkpoint=Checkpoint(path))` writes it.

    every      seconds between two of them within an epoch; one is written at the end of each epoch, too
    options    what the run was asked for, a dict for JSON; one that is resumed must have been asked for the same
    """

    def __init__(self, path, every=30.0, options=None):
        self.path, self.every = Path(path), every
        self.options = _as_saved(options or {})
        self.written = time.monotonic()

    def due(self):
        """Whether it is time for the next one."""
        return time.monotonic() - self.written >= self.every

    def save(self, net, optimizer, schedule, loader, history):
        """Write the run as it stands between two steps."""
        train = {
            "losses": np.array(history.losses, np.float64),
            "correct": np.array(history.correct, np.float64),
            "epochs": np.array([_as_row(epoch) for epoch in history.epochs], np.float64).reshape(-1, 5),
            "first_epoch": np.array(history.first_epoch),
            "loader_seed": np.array(-1 if loader.seed is None else loader.seed),
            "loader": _batches(loader),
            **{f"stream.{path}": np.array([s.seed, s.step]) for path, s in net.named_streams()},
            **{f"schedule.{name}": a for name, a in (schedule.state_dict() if schedule else {}).items()},
        }
        parts = {"model": net.state_dict(), "optim": optimizer.state_dict(), "train": train}
        arrays = {f"{place}.{name}": array for place, found in parts.items() for name, array in found.items()}
        names = {"optimizer": type(optimizer).__name__, "schedule": type(schedule).__name__}
        write(self.path, arrays, {"format": CHECKPOINT, "options": json.dumps(self.options), **names})
        self.written = time.monotonic()

    def load(self, net, optimizer, schedule, loader):
        """Bring all of them to where the run stopped. Returns its History, for `fit(..., history=...)`.

        Raises CheckpointError, with the network and the optimizer as they were, if the file is torn or foreign, belongs
        to another network or optimizer, or to a run with other options; FileNotFoundError if there is none.
        """
        arrays, metadata = read(self.path)
        if metadata.get("format") != CHECKPOINT:
            raise CheckpointError(
                f"{self.path} is no checkpoint of a run; weights alone are read by bp.load(net, path)"
            )
        before = net.state_dict(), optimizer.state_dict(), schedule and schedule.state_dict()
        with named(self.path):
            try:
                self._expect_same_run(
                    metadata, part(arrays, "train"), part(arrays, "model"), optimizer, schedule, loader, net
                )
                return _bring_back(arrays, net, optimizer, schedule, loader)
            except (CheckpointError, OptionError, KeyError, ValueError, TypeError, IndexError) as error:
                net.load_state_dict(before[0])
                optimizer.load_state_dict(before[1])
                if schedule:
                    schedule.load_state_dict(before[2])
                if isinstance(error, CheckpointError):
                    raise
                raise CheckpointError(f"what it holds does not fit together: {error!r}") from error

    def _expect_same_run(self, metadata, train, model, optimizer, schedule, loader, net):
        """Raise CheckpointError where the run in the file was another one."""
        saved = json.loads(metadata["options"])
        other = sorted(name for name in {*saved, *self.options} if saved.get(name) != self.options.get(name))
        if other:
            changes = ", ".join(f"{name} was {saved.get(name)!r}, now {self.options.get(name)!r}" for name in other)
            raise CheckpointError(f"a run with other options: {changes}")
        for kind, now in (("optimizer", optimizer), ("schedule", schedule)):
            if metadata[kind] != type(now).__name__:
                raise CheckpointError(f"its {kind} was {metadata[kind]}, now {type(now).__name__}")
        if train["loader"].tolist() != _batches(loader).tolist():
            was, now = (
                dict(zip(BATCHES, values.tolist(), strict=True)) for values in (train["loader"], _batches(loader))
            )
            raise CheckpointError(f"its batches were {was}, now {now}")
        streams, own = part(train, "stream").keys(), dict(net.named_streams()).keys()
        if streams != own:
            raise CheckpointError(f"its random streams were {sorted(streams)}, now {sorted(own)}")
        for name, array in net.state_dict().items():
            if name in model and model[name].dtype != array.dtype:
                raise CheckpointError(f"{name} was {model[name].dtype}, now {array.dtype}")


def _bring_back(arrays, net, optimizer, schedule, loader):
    """Load everything; what is missing or misshapen raises. Returns the History."""
    train = part(arrays, "train")
    history = History(
        losses=train["losses"].tolist(),
        correct=train["correct"].tolist(),
        epochs=[_as_epoch(row) for row in train["epochs"].tolist()],
        first_epoch=int(train["first_epoch"]),
    )
    places = {path: tuple(map(int, place)) for path, place in part(train, "stream").items()}
    seed = int(train["loader_seed"])
    net.load_state_dict(part(arrays, "model"))
    optimizer.load_state_dict(part(arrays, "optim"))
    if schedule:
        schedule.load_state_dict(part(train, "schedule"))
    for path, stream in net.named_streams():
        stream.seek(*places[path])
    loader.seed = None if seed < 0 else seed
    return history


BATCHES = ("images", "batch_size", "shuffle", "drop_last")


def _batches(loader):
    """What decides how many batches there are, and which images each has."""
    return np.array([len(loader.images), loader.batch_size, loader.shuffle, loader.drop_last], np.int64)


def _as_saved(options):
    """Options as they come back from a file: tuples are lists there, and what JSON does not know is its text."""
    return json.loads(json.dumps(options, default=str))


def _as_row(epoch):
    """An Epoch as five numbers, NaN where it has none."""
    return [np.nan if value is None else value for value in dataclasses.astuple(epoch)]


def _as_epoch(row):
    loss, accuracy, *tested, seconds = row
    return Epoch(loss, accuracy, *(tested if not np.isnan(tested[0]) else (None, None)), seconds)
