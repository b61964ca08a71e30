"""The way to a GPU: arrays that are sent there, and which device is meant."""

import sys

import numpy as np

from backprop.errors import DeviceError
from backprop.kernels.device import DeviceArray, to_host

DEVICES = ("cpu", "cuda")


def to_device(array, device="cuda"):
    """A copy of an array on "cuda" or "cpu"; the array itself where it is there already.

    Raises DeviceError where there is no GPU, or no memory left on it.
    """
    expect_device(device)
    if device == "cpu":
        return to_host(array)
    if isinstance(array, DeviceArray):
        return array
    array = np.asarray(array)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise DeviceError(f"on the GPU numbers are real, got {array.dtype}; use x.astype(np.float32)")
    _machine()  # or the error that says what is missing
    from backprop.kernels.cuda.machine import put

    return put(array)


def _machine():
    """The GPU, or the simulator. Imported at first use, so that nobody else needs what compiles for one."""
    try:
        from backprop.kernels.cuda.machine import machine
    except ImportError as error:
        raise DeviceError(
            f"no CUDA kernels here: numba-cuda is missing ({error}); the CPU works: use device='cpu'"
        ) from error
    return machine()


def new_array(shape, dtype):
    """An array on the GPU, of arbitrary content, in memory that is used for nothing else while it lives."""
    return _machine().fresh(shape, dtype)


def assign(array, values):
    """array[...] = values, for NumPy's values and an array wherever it lies."""
    if isinstance(array, DeviceArray):
        array.fill_from(values)
    else:
        array[...] = values


def synchronize():
    """Wait until all that was asked of a GPU is done; nothing, where no array was ever put on one."""
    machine = sys.modules.get("backprop.kernels.cuda.machine")
    if machine is not None and machine.machine.cache_info().currsize:
        _machine().synchronize()


def device_named(device):
    """The device that "cpu", "cuda" or "auto" stands for: "auto" is a GPU where there is one that works."""
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
        raise DeviceError(f"no device is called {device!r}; there are {', '.join(DEVICES)}")
