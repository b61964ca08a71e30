"""The one machine that the CUDA kernels run on: a GPU, or numba's simulator if NUMBA_ENABLE_CUDASIM is set."""

import functools


@functools.cache
def machine():
    """The GPU of this process, or the simulator; without either, a DeviceError says what is missing."""
    from numba import config

    if config.ENABLE_CUDASIM:
        from backprop.kernels.cuda.simulator import Simulator

        return Simulator()
    from backprop.kernels.cuda.gpu import Gpu

    return Gpu()


def empty(shape, dtype):
    """An uninitialized array in the machine's memory that nothing else refers to."""
    return machine().empty(shape, dtype)


def put(array):
    """A copy of a NumPy array in the machine's memory."""
    copy = empty(array.shape, array.dtype.newbyteorder("="))
    copy.fill_from(array)
    return copy
