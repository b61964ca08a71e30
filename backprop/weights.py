"""Weights in a file. Files are safetensors: numbers and names, never code.

A file of weights holds `state_dict()` and nothing else, so PyTorch reads it, too. Every file is written beside the one
it replaces and then takes its place in one step: whenever the process is killed, it is either the old one or the new.
"""

import contextlib
import os
from pathlib import Path

from backprop.errors import CheckpointError

CHECKPOINT = "backprop checkpoint 1"  # the format that a checkpoint's metadata name


def save(net, path):
    """Write the parameters and buffers of `net` to `path`, as a safetensors file under PyTorch's names."""
    write(Path(path), net.state_dict(), {})


def load(net, path, strict=True):
    """Read the parameters and buffers of `net` from a file of weights, or from a checkpoint. Returns the network.

    Raises CheckpointError, with the network as it was, if the file is torn or foreign, a name is missing or unknown, or
    a shape differs; FileNotFoundError if there is none.
    """
    arrays, metadata = read(Path(path))
    state = part(arrays, "model") if metadata.get("format") == CHECKPOINT else arrays
    with named(path):
        net.load_state_dict(state, strict)
    return net


def part(arrays, prefix):
    """The arrays whose names begin with "prefix.", without that."""
    return {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}


def write(path, arrays, metadata):
    """One step replaces the file: what was written is on the disk before the new name points at it."""
    from safetensors.numpy import save as encode

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        file.write(encode(arrays, metadata))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read(path):
    """(arrays, metadata) of a safetensors file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} is no whole safetensors file: {error}") from None


@contextlib.contextmanager
def named(path):
    """Puts the file's name before the message of a CheckpointError that leaves the block."""
    try:
        yield
    except CheckpointError as error:
        error.message = f"{path}: {error.message}"
        raise
