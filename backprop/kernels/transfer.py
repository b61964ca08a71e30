"""Copies of arrays to a GPU, and which device a name stands for."""

import sys

import numpy as np

from backprop.errors import DeviceError
from backprop.kernels.device import DeviceArray, to_host

DEVICES = ("cpu", "cuda")


def to_device(array, device="cuda"):
    """A copy of an array on "cuda" or "cpu"; the array itself if it is there already.

    Raises DeviceError if there is no GPU, or no memory left on it.
    """
    expect_device(device)
    if device == "cpu":
        return to_host(array)
    if isinstance(array, DeviceArray):
        return array
    array = np.asarray(array)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise DeviceError(f"on the GPU numbers must be real, got {array.dtype}; use x.astype(np.float32)")
    _machine()  # raises the error that says what is missing
    from backprop.kernels.cuda.machine import put

    return put(array)


def _machine():
    """The GPU, or the simulator. Imported at first use, so that numba-cuda is needed only then."""
    try:
        from backprop.kernels.cuda.machine import machine
    except ImportError as error:
        raise DeviceError(
            f"the CUDA kernels need numba-cuda, which is missing ({error}); to run on the CPU, use device='cpu'"
        ) from error
    return machine()


def new_array(shape, dtype):
    """An uninitialized array on the GPU, in memory that is used for nothing else while it lives."""
    return _machine().fresh(shape, dtype)


def assign(array, values):
    """array[...] = values, for NumPy values and an array on any device."""
    if isinstance(array, DeviceArray):
        array.fill_from(values)
    else:
        array[...] = values


def synchronize():
    """Wait until all work on the GPU is done; do nothing if no array was ever put on one."""
    machine = sys.modules.get("backprop.kernels.cuda.machine")
    if machine is not None and machine.machine.cache_info().currsize:
        _machine().synchronize()


def device_named(device):
    """The device that "cpu", "cuda" or "auto" stands for: "auto" is a GPU if there is one that works."""
    if device != "auto":
        expect_device(device)
        return device
    try:
        return "cpu" if _machine().simulated else "cuda"
    except DeviceError:
        return "cpu"


def expect_device(device):
    """Raise DeviceError unless this is the name of a device."""
    if device not in DEVICES:
        raise DeviceError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
