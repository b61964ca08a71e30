"""The numbers: one contract, kept by each set of kernels. This file is the one place that chooses between them.

    reference   plain NumPy, obvious, also for complex numbers: the oracle of all the others
    cpu         Numba: parallel, float32 and float64
    cuda        numba-cuda: the same on a GPU, for arrays that lie there

Every kernel is a function of C-contiguous arrays that writes into `out` (an optimizer's: into its parameter) and
returns nothing. It allocates no result, knows no layer and checks nothing: `backprop.functional` has done that.
Arguments are positional and have no defaults: inputs first, then numbers, then `out`, then `accumulate` (True adds to
what `out` holds). A step of training is therefore a list of kernel calls and nothing else. `empty(shape, dtype)` gives
the arrays to write into.

On finite numbers the sets agree up to rounding. NaN and infinity may reach further in one set than in another: some
multiply them by zeros that others leave out, such as a convolution's margin.
"""

import contextlib
import contextvars
import functools
import importlib

import numpy as np

from backprop.errors import DeviceError, DTypeError
from backprop.kernels.device import DeviceArray, device_of, is_array

NAMES = ("reference", "cpu")  # of those for arrays on the CPU, of which one may choose

_active = contextvars.ContextVar("backprop_kernels", default="cpu")
recorder = contextvars.ContextVar("backprop_recorder", default=None)  # stands for the kernels while they are recorded


@contextlib.contextmanager
def use_kernels(name):
    """Within this block, arrays on the CPU are computed by the kernels called `name`: "cpu" or "reference".

    >>> with use_kernels("reference"):
    ...     active()
    'reference'
    """
    if name not in NAMES:
        raise DeviceError(f"no kernels are called {name!r}; there are {', '.join(NAMES)}")
    token = _active.set(name)
    try:
        yield
    finally:
        _active.reset(token)


def active():
    """The name of the kernels that compute arrays on the CPU just now."""
    return _active.get()


@functools.cache
def load(name):
    """The kernel set `name` as a module. Imported at first use, so that `import backprop` stays light."""
    return importlib.import_module(f"backprop.kernels.{name}")


_FLOATS = {
    "reference": tuple(map(np.dtype, ("f4", "f8", "c16"))),
    "cpu": tuple(map(np.dtype, ("f4", "f8"))),
    "cuda": tuple(map(np.dtype, ("f4", "f8"))),
}


def set_of(array):
    """The name of the kernels that compute this array: "cuda" where it lies on a GPU, else those in use."""
    return "cuda" if isinstance(array, DeviceArray) else active()


def of(*arrays):
    """The kernel set that computes these floating-point arrays; None stands for an argument left out.

    Raises DTypeError unless all are arrays of one element type that the set can compute, DeviceError unless all lie in
    one place. The last array is the one to follow (a layer's parameter): the cure names its type, or its place.
    """
    name, recording = expect_computed(*arrays), recorder.get()
    return load(name) if recording is None else recording


def expect_computed(*arrays):
    """The name of the kernel set that computes these arrays; the errors are those of `of`."""
    arrays = [array for array in arrays if array is not None]
    for array in arrays:
        if not is_array(array):
            raise DTypeError(f"expects a NumPy array, got {type(array).__name__}; use np.asarray(x, dtype=np.float32)")
        expect_beside(array, arrays[-1])
    name = set_of(arrays[-1])
    wanted = arrays[-1].dtype
    if wanted not in _FLOATS[name]:
        allowed = " or ".join(map(str, _FLOATS[name]))
        raise DTypeError(f"the {name} kernels compute {allowed}, got {wanted}; use x.astype(np.float32)", arrays[-1])
    for array in arrays:
        if array.dtype != wanted:
            raise DTypeError(f"expects {wanted} throughout, got {array.dtype}; use x.astype(np.{wanted})", array)
    return name


def expect_beside(array, other):
    """Raise DeviceError unless both arrays lie in one place."""
    if isinstance(array, DeviceArray) is not isinstance(other, DeviceArray):
        here, there = device_of(array), device_of(other)
        cure = "bp.to_device(x, 'cuda')" if there == "cuda" else "bp.to_host(x), or net.to('cuda')"
        raise DeviceError(f"expects an array on {there!r}, got one of shape {array.shape} on {here!r}; use {cure}")


_listeners = []  # who wants to hear what is compiled for a GPU


@contextlib.contextmanager
def on_compile(callback):
    """Within this block, call `callback(name)` whenever a kernel is about to be compiled, which takes about a second.

    Compiled kernels are kept on disk beside their source, so on a machine each is compiled once.
    """
    with contextlib.ExitStack() as stack:
        _listeners.append(callback)
        stack.callback(_listeners.remove, callback)
        if active() == "cpu":
            from backprop.kernels.cpu.jit import on_compile

            stack.enter_context(on_compile(callback))
        yield


def tell_compiling(name):
    """Let those who listen know that a kernel is about to be compiled for a GPU."""
    for listener in _listeners:
        listener(name)


def set_num_threads(count):
    """Let the CPU kernels use `count` threads, from 1 to the machine's cores. Results do not depend on it."""
    load("cpu").set_num_threads(count)


def get_num_threads():
    """How many threads the CPU kernels use."""
    return load("cpu").get_num_threads()
