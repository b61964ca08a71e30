"""The states of optimizers and schedules as dicts of arrays, and what a saved one must be to be loaded."""

import numpy as np

from backprop.errors import CheckpointError
from backprop.kernels.device import is_array, to_host


def kind_of(thing):
    """The name of a thing's class as an array: a safetensors file holds no strings."""
    return np.frombuffer(type(thing).__name__.encode(), np.uint8).copy()


def numbers_of(saved):
    """A state as a dict of arrays; CheckpointError unless it maps names to real numbers."""
    if not hasattr(saved, "items"):
        raise CheckpointError(f"a state must be a dict from names to arrays, got {type(saved).__name__}")
    found = {}
    for name, value in saved.items():
        array = np.asarray(to_host(value) if is_array(value) else value)
        words = isinstance(name, str) and name.startswith("options.")  # a user's own optimizer may have strings
        if not isinstance(name, str) or array.dtype.kind not in ("fiubU" if words else "fiub"):
            raise CheckpointError(f"a state must be a dict from names to real numbers, got {name!r}: {array.dtype}")
        found[name] = array
    return found


def expect_kind(thing, saved):
    """Raise CheckpointError if a state belongs to another class. Old states do not name theirs."""
    kind = bytes(saved["kind"].astype(np.uint8)).decode(errors="replace") if "kind" in saved else type(thing).__name__
    if kind != type(thing).__name__:
        raise CheckpointError(f"this is the state of {kind}, not of {type(thing).__name__}")
