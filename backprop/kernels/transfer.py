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
    from backprop.kernels.cuda.machine import put

    return put(array)


def new_array(shape, dtype):
    """An array on the GPU, of arbitrary content, in memory that is used for nothing else while it lives."""
    from backprop.kernels.cuda.machine import machine

    return machine().fresh(shape, dtype)


def assign(array, values):
    """array[...] = values, for NumPy's values and an array wherever it lies."""
    if isinstance(array, DeviceArray):
        array.fill_from(values)
    else:
        array[...] = values


def synchronize():
    """Wait until all that was asked of a GPU is done; nothing, where no array was ever put on one."""
    if "backprop.kernels.cuda.machine" in sys.modules:
        from backprop.kernels.cuda.machine import machine

        if machine.cache_info().currsize:
            machine().synchronize()


def device_named(device):
    """The device that "cpu", "cuda" or "auto" stands for: "auto" is a GPU where there is one that works."""
    if device != "auto":
        expect_device(device)
        return device
    try:
        from backprop.kernels.cuda.machine import machine

        return "cpu" if machine().simulated else "cuda"
    except (DeviceError, ImportError):
        return "cpu"


def expect_device(device):
    """Raise DeviceError unless this is the name of a device."""
    if device not in DEVICES:
        raise DeviceError(f"no device is called {device!r}; there are {', '.join(DEVICES)}")
