"""Weights in a file, and runs that go on where they stopped. Files are safetensors: numbers and names, never code.

A file of weights holds `state_dict()` and nothing else, so PyTorch reads it, too. A checkpoint holds a whole run:

    model.NAME      state_dict() of the network
    optim.NAME      state_dict() of the optimizer
    train.NAME      the schedule, the random streams, the loader's seed, the losses and epochs so far

Every file is written beside the one it replaces and then takes its place in one step: whenever the process is killed,
the file is either the old one or the new one.
"""

import json
import os
import time
from pathlib import Path

import numpy as np

from backprop.errors import CheckpointError
from backprop.history import Epoch, History

FORMAT = "backprop checkpoint 1"


def save(net, path):
    """Write the parameters and buffers of `net` to `path`, as a safetensors file under PyTorch's names."""
    _write(Path(path), net.state_dict(), {})


def load(net, path, strict=True):
    """Read the parameters and buffers of `net` from a file of weights, or from a checkpoint. Returns the network.

    Raises CheckpointError, with the network as it was, if the file is torn or foreign, a name is missing or unknown, or
    a shape differs; FileNotFoundError if there is none.
    """
    arrays, metadata = _read(Path(path))
    state = _part(arrays, "model") if metadata.get("format") == FORMAT else arrays
    with _named(path):
        net.load_state_dict(state, strict)
    return net


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
        arrays = {f"{part}.{name}": array for part, found in parts.items() for name, array in found.items()}
        _write(self.path, arrays, {"format": FORMAT, "options": json.dumps(self.options)})
        self.written = time.monotonic()

    def load(self, net, optimizer, schedule, loader):
        """Bring all of them to where the run stopped. Returns its History, for `fit(..., history=...)`.

        Raises CheckpointError, with the network and the optimizer as they were, if the file is torn or foreign, belongs
        to another network or optimizer, or to a run with other options; FileNotFoundError if there is none.
        """
        arrays, metadata = _read(self.path)
        if metadata.get("format") != FORMAT:
            raise CheckpointError(
                f"{self.path} is no checkpoint of a run; weights alone are read by bp.load(net, path)"
            )
        self._expect_options(json.loads(metadata["options"]))
        model, train, before = _part(arrays, "model"), _part(arrays, "train"), net.state_dict()
        streams = dict(net.named_streams())
        with _named(self.path):
            if streams.keys() != _part(train, "stream").keys():
                raise CheckpointError(f"other random streams: {sorted(_part(train, 'stream'))}, not {sorted(streams)}")
            if bool(schedule) != bool(_part(train, "schedule")):
                raise CheckpointError("one of the two runs has a schedule, the other has none")
            net.load_state_dict(model)
            try:
                optimizer.load_state_dict(_part(arrays, "optim"))
            except CheckpointError:
                net.load_state_dict(before)
                raise
            if schedule:
                schedule.load_state_dict(_part(train, "schedule"))
        for path, place in _part(train, "stream").items():
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
    return [np.nan if value is None else value for value in vars(epoch).values()]


def _as_epoch(row):
    loss, accuracy, *tested, seconds = row
    return Epoch(loss, accuracy, *(tested if not np.isnan(tested[0]) else (None, None)), seconds)


def _part(arrays, part):
    """The arrays whose names begin with "part.", without that."""
    return {name[len(part) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{part}.")}


def _write(path, arrays, metadata):
    """One step replaces the file: what was written is on the disk before the new name points at it."""
    from safetensors.numpy import save as encode

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        file.write(encode(arrays, metadata))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _read(path):
    """(arrays, metadata) of a safetensors file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no whole safetensors file: {error}") from None


class _named:
    """Puts the file's name before the message of a CheckpointError that leaves the block."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, CheckpointError):
            error.message = f"{self.path}: {error.message}"
