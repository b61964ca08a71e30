"""Weights in a file. Files are safetensors: numbers and names, never code.

A file of weights holds `state_dict()` and nothing else, so PyTorch reads it, too. files.py shows how a new file
replaces an old one.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from backprop.errors import CheckpointError
from backprop.training import parallel
from backprop.training.files import replacing

CHECKPOINT = "backprop checkpoint 1"  # the format named in a checkpoint's metadata
DIGEST = "sha256"  # the digest's name in the metadata
DAMAGED = "it is damaged: it does not hold what was written; use an older one"
TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8"}
TYPES |= {"I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
PICKLE = "in PyTorch use safetensors.torch.save_file(net.state_dict(), 'net.safetensors')"
FOREIGN = (  # files that are not safetensors: how they begin, and what to do
    (b"PK\x03\x04", f"it is a zip archive; for .npz use net.load_state_dict(dict(np.load(path))), for .pt {PICKLE}"),
    (b"\x80", f"it is a pickle, which may hold code and is never read; {PICKLE}"),
    (b"\x89HDF", "it is an HDF5 file; use net.load_state_dict({name: array, ...})"),
    (b"\x93NUMPY", "it is a single NumPy array; use net.load_state_dict({name: np.load(path), ...})"),
    (b"version https://git-lfs", "it is a pointer of Git LFS, not the file; use `git lfs pull`"),
    (b"<", "it is a web page"),
)


def save(net, path):
    """Write the parameters and buffers of `net` to `path`, as a safetensors file under PyTorch's names."""
    write(Path(path), net.state_dict(), {})


def load(net, path, strict=True):
    """Read the parameters and buffers of `net` from a file of weights, or from a checkpoint. Returns the network.

    float16 and bfloat16 are read, too. With strict=False names may be missing or unknown, but not all of them;
    `net.load_state_dict(state, strict=False)` returns which.

    Raises CheckpointError, leaving the network unchanged, if the file is damaged or not safetensors, a name is missing
    or unknown, or a shape differs; FileNotFoundError if there is none.
    """
    arrays, metadata, whole = read(Path(path))
    state, before = part(arrays, "model") if metadata.get("format") == CHECKPOINT else arrays, net.state_dict()
    with named(path):
        names = net.load_state_dict(state, strict)
        if state and len(names.unexpected_keys) == len(state):
            raise CheckpointError(f"no name fits this network: {names}{names.cure(before)}")
        if not whole:
            net.load_state_dict(before)
            raise CheckpointError(DAMAGED)
    return net


def part(arrays, prefix):
    """The arrays whose names begin with "prefix.", under names without it."""
    return {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}


def write(path, arrays, metadata, room=0):
    """Replace the file `path`. Of several ranks the first does.

    `room`: bytes that must be free on the disk; otherwise nothing is written and OSError is raised.
    """
    from safetensors.numpy import save as encode

    if not parallel.is_first():
        return
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise CheckpointError(f"{name} is {array.dtype}, which safetensors files do not hold")
    with replacing(path) as file:
        if room and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, room)
            os.ftruncate(file.fileno(), 0)
        file.write(encode(arrays, {**metadata, DIGEST: digest(arrays, metadata)}))


def read(path):
    """(arrays, metadata, whole) of a safetensors file; `whole` is False if it does not hold what was written."""
    from safetensors import SafetensorError, deserialize

    content = _content(path) if parallel.current() is None else parallel.current().of_first(lambda: _content(path))
    try:
        found = deserialize(content)
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, ValueError) as error:
        start = content.lstrip()
        words = next((words for beginning, words in FOREIGN if start.startswith(beginning)), f"{error}")
        raise CheckpointError(f"{path} is not a complete safetensors file: {words}") from None
    arrays = {name: _array(f"{path}: {name}", **entry) for name, entry in found}
    written = metadata.pop(DIGEST, None)  # which other programs do not write
    return arrays, metadata, written in (None, digest(arrays, metadata))


def _content(path):
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    return path.read_bytes()


def _array(place, dtype, shape, data):
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if dtype not in TYPES:
        raise CheckpointError(f"{place} is of type {dtype}, which is not supported; save it as float32")
    array = np.frombuffer(data, TYPES[dtype]).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def digest(arrays, metadata):
    """SHA-256 of all that a file holds, so that even one flipped bit is noticed."""
    found = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)  # as the file has it
        found.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        found.update(array.tobytes())
    return found.hexdigest()


@contextlib.contextmanager
def named(path):
    """Puts the file's name before the message of a CheckpointError that leaves the block."""
    try:
        yield
    except CheckpointError as error:
        error.message = f"{path}: {error.message}"
        raise
