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

from backprop.errors import CheckpointError
from backprop.history import Epoch, History
from backprop.weights import CHECKPOINT, named, part, read, write


class Checkpoint:
    """The file at `path` in which a run keeps itself: `fit(..., checkpoint=Checkpoint(path))` writes it.

    every      seconds between two of them within an epoch; one is written at the end of each epoch, too
    options    what the run was asked for, a dict for JSON; one that is resumed must have been asked for the same
    """

    def __init__(self, path, every=30.0, options=None):
        self.path, self.every, self.options = Path(path), every, options or {}
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
            **{f"stream.{path}": np.array([s.seed, s.step]) for path, s in net.named_streams()},
            **{f"schedule.{name}": a for name, a in (schedule.state_dict() if schedule else {}).items()},
        }
        parts = {"model": net.state_dict(), "optim": optimizer.state_dict(), "train": train}
        arrays = {f"{place}.{name}": array for place, found in parts.items() for name, array in found.items()}
        write(self.path, arrays, {"format": CHECKPOINT, "options": json.dumps(self.options)})
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
        self._expect_options(json.loads(metadata.get("options", "{}")))
        model, train = part(arrays, "model"), part(arrays, "train")
        before = net.state_dict(), optimizer.state_dict()
        streams = dict(net.named_streams())
        with named(self.path):
            missing = sorted({"losses", "correct", "epochs", "first_epoch", "loader_seed"} - train.keys())
            if missing:
                raise CheckpointError(f"a checkpoint without {', '.join(missing)}")
            if streams.keys() != part(train, "stream").keys():
                raise CheckpointError(f"other random streams: {sorted(part(train, 'stream'))}, not {sorted(streams)}")
            if bool(schedule) != bool(part(train, "schedule")):
                raise CheckpointError("one of the two runs has a schedule, the other has none")
            try:
                net.load_state_dict(model)
                optimizer.load_state_dict(part(arrays, "optim"))
                if schedule:
                    schedule.load_state_dict(part(train, "schedule"))
            except CheckpointError:
                net.load_state_dict(before[0])
                optimizer.load_state_dict(before[1])
                raise
        for path, place in part(train, "stream").items():
            streams[path].seed, streams[path].step = map(int, place)
        loader.seed = None if train["loader_seed"] < 0 else int(train["loader_seed"])
        return History(
            losses=train["losses"].tolist(),
            correct=train["correct"].tolist(),
            epochs=[_as_epoch(row) for row in train["epochs"].tolist()],
            first_epoch=int(train["first_epoch"]),
        )

    def _expect_options(self, saved):
        other = sorted(name for name in {*saved, *self.options} if saved.get(name) != self.options.get(name))
        if other:
            changes = ", ".join(f"{name} was {saved.get(name)!r}, now {self.options.get(name)!r}" for name in other)
            raise CheckpointError(f"{self.path} is of a run with other options: {changes}")


def _as_row(epoch):
    """An Epoch as five numbers, NaN where it has none."""
    return [np.nan if value is None else value for value in dataclasses.astuple(epoch)]


def _as_epoch(row):
    loss, accuracy, *tested, seconds = row
    return Epoch(loss, accuracy, *(tested if not np.isnan(tested[0]) else (None, None)), seconds)
