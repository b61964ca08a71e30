"""Runs that resume where they stopped. A checkpoint is one safetensors file that holds a whole run:

model.NAME      state_dict() of the network
optim.NAME      state_dict() of the optimizer
train.NAME      the schedule, the random streams, the loader's seed, the losses and epochs so far
best.NAME       state_dict() of the network after its best epoch, where the run keeps it
"""

import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from backprop.errors import CheckpointError
from backprop.training.history import Epoch, History
from backprop.training.weights import CHECKPOINT, DAMAGED, named, part, read, write


class Checkpoint:
    """The file at `path` that holds the state of a run: `fit(..., checkpoint=Checkpoint(path))` writes it.

    every      seconds between two writes within an epoch; it is also written at the end of each epoch
    options    the run's options, a dict that JSON can hold; a run can only be resumed with the same options
    """

    def __init__(self, path, every=30.0, options=None):
        self.path, self.every = Path(path), every
        self.options = _as_saved(options or {})
        self.written, self._begun = time.monotonic(), False

    def due(self):
        """Whether it is time for the next write."""
        return time.monotonic() - self.written >= self.every

    def save(self, net, optimizer, schedule, loader, history):
        """Write the state of the run between two steps.

        The first write raises OSError unless the disk has room for later ones, with the optimizer's full state.
        """
        for _, stream in net.named_streams():
            stream.settle()  # to the seed that it will draw from
        train = {
            **{name: np.array(getattr(history, name), np.float64) for name in OF_STEPS},
            "epochs": np.array([_as_row(epoch) for epoch in history.epochs], np.float64).reshape(-1, 5),
            "first_epoch": np.array(history.first_epoch),
            "loader_seed": np.array(-1 if loader.seed is None else loader.seed),
            "loader": _batches(loader),
            **{f"stream.{path}": np.array([s.seed, s.step]) for path, s in net.named_streams()},
            **{f"schedule.{name}": a for name, a in (schedule.state_dict() if schedule else {}).items()},
        }
        parts = {"model": net.state_dict(), "optim": optimizer.state_dict(), "train": train}
        parts |= {"best": history.best} if history.best is not None else {}
        arrays = {f"{place}.{name}": array for place, found in parts.items() for name, array in found.items()}
        names = {"optimizer": type(optimizer).__name__, "schedule": type(schedule).__name__}
        room = 0 if self._begun else _room(net, optimizer)
        write(self.path, arrays, {"format": CHECKPOINT, "options": json.dumps(self.options), **names}, room)
        self._begun = True
        self.written = time.monotonic()

    def saved_options(self):
        """The options of the run in the file, or None where there is no checkpoint."""
        try:
            _, metadata, _ = read(self.path)
            return json.loads(metadata["options"])
        except (OSError, CheckpointError, KeyError, ValueError):
            return None

    def load(self, net, optimizer, schedule, loader):
        """Restore all of them to where the run stopped. Returns its History, for `fit(..., history=...)`.

        Raises CheckpointError, leaving them unchanged, if the file is damaged or not a checkpoint, or belongs to
        another network or optimizer or to a run with other options; FileNotFoundError if there is none.
        """
        arrays, metadata, whole = read(self.path)
        if metadata.get("format") != CHECKPOINT:
            raise CheckpointError(
                f"{self.path} is not a checkpoint of a run; to read weights alone, use bp.load(net, path)"
            )
        before = net.state_dict(), optimizer.state_dict(), schedule and schedule.state_dict()
        with named(self.path):
            try:
                self._expect_same_run(
                    metadata, part(arrays, "train"), part(arrays, "model"), optimizer, schedule, loader, net
                )
                return _bring_back(arrays, net, optimizer, schedule, loader, whole)
            except Exception as error:  # anything may be wrong in a file
                net.load_state_dict(before[0])
                optimizer.load_state_dict(before[1])
                if schedule:
                    schedule.load_state_dict(before[2])
                if isinstance(error, CheckpointError):
                    raise
                raise CheckpointError(f"its contents are inconsistent: {error!r}") from error

    def _expect_same_run(self, metadata, train, model, optimizer, schedule, loader, net):
        """Raise CheckpointError if the file holds a different run."""
        for kind in ("options", "optimizer", "schedule"):
            if kind not in metadata:
                raise CheckpointError(f"its {kind} is missing")
        saved = json.loads(metadata["options"])
        other = sorted(name for name in {*saved, *self.options} if saved.get(name) != self.options.get(name))
        if other:
            changes = ", ".join(f"{name} was {saved.get(name)!r}, now {self.options.get(name)!r}" for name in other)
            raise CheckpointError(f"its run had other options: {changes}")
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


OF_STEPS = "losses", "terms", "correct", "answers"  # a History's lists with an entry for each step


def _bring_back(arrays, net, optimizer, schedule, loader, whole):
    """Load everything and return the History. Raises if anything is missing, of a wrong shape or impossible."""
    train = part(arrays, "train")
    history = _history(train, loader)
    places = {path: _natural(place, f"stream.{path}", (2,)) for path, place in part(train, "stream").items()}
    (seed,) = _natural(train["loader_seed"], "loader_seed", least=-1)
    best = part(arrays, "best")
    if best:
        net.load_state_dict(best)  # which fits, or raises
        history.best = net.state_dict()
    net.load_state_dict(part(arrays, "model"))
    optimizer.load_state_dict(part(arrays, "optim"))
    if schedule:
        schedule.load_state_dict(part(train, "schedule"))
        if schedule.last_epoch < len(history.losses):
            raise CheckpointError(f"its schedule took {schedule.last_epoch} steps, the run {len(history.losses)}")
    if not whole:
        raise CheckpointError(DAMAGED)
    for path, stream in net.named_streams():
        stream.seek(*places[path])
    loader.seed = None if seed < 0 else seed
    return history


def _history(train, loader):
    losses, epochs = train["losses"], train["epochs"]
    done, (first,) = len(losses), _natural(train["first_epoch"], "first_epoch")
    if "terms" not in train:  # a file of an earlier version: each image counted once
        sizes = [loader.batch_size] * done
        for last in range(len(loader) - 1, done, len(loader)):
            sizes[last] = (len(loader.images) - 1) % loader.batch_size + 1 if not loader.drop_last else sizes[last]
        train = {**train, "terms": np.array(sizes, float), "answers": np.array(sizes, float)}
    for name in OF_STEPS:
        if train[name].shape != (done,) or train[name].dtype.kind not in "fiu":
            raise CheckpointError(f"{name} has shape {train[name].shape}, but there were {done} steps")
    for name in ("terms", "answers"):
        if not (train[name] >= 0).all():
            raise CheckpointError(f"{name} must be >= 0, got a negative number or NaN")
    if epochs.ndim != 2 or epochs.shape[1] != 5 or not 0 <= done - len(epochs) * len(loader) <= len(loader):
        raise CheckpointError(f"{done} steps do not make {len(epochs)} epochs of {len(loader)} and part of another")
    lists = {name: train[name].tolist() for name in OF_STEPS}
    return History(**lists, epochs=[_as_epoch(row) for row in epochs.tolist()], first_epoch=first)


def _natural(array, name, shape=(), least=0):
    """An array as a list of integers; CheckpointError unless it has this shape and integers of at least `least`."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu" or array.shape != shape or (array < least).any() or (array > MOST).any():
        raise CheckpointError(f"{name} must be of shape {shape} and integers >= {least}, got {array.tolist()!r}")
    return array.reshape(-1).tolist()


MOST = (1 << 63) - 1


def _room(net, optimizer):
    """Bytes of two checkpoints with the optimizer's full state: the old one stays until the new one is complete."""
    weights = sum(array.data.nbytes for _, array in [*net.named_parameters(), *net.named_buffers()])
    return 2 * (2 * weights + optimizer.bytes_of_state()) + (1 << 16)


BATCHES = ("images", "batch_size", "shuffle", "drop_last")


def _batches(loader):
    """The settings that decide how many batches there are, and which images each has."""
    return np.array([len(loader.images), loader.batch_size, loader.shuffle, loader.drop_last], np.int64)


def _as_saved(options):
    """Options as a file returns them: tuples become lists, and what JSON cannot hold becomes its text."""
    return json.loads(json.dumps(options, default=str))


def _as_row(epoch):
    """An Epoch as five numbers, NaN in place of None."""
    return [np.nan if value is None else value for value in dataclasses.astuple(epoch)]


def _as_epoch(row):
    loss, accuracy, *tested, seconds = row
    return Epoch(loss, accuracy, *(tested if not np.isnan(tested[0]) else (None, None)), seconds)
