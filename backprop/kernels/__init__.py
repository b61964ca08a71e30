"""The kernels, which do all arithmetic: one contract, kept by each set of them. Only this file chooses between sets.

    reference   plain NumPy, obvious, also for complex numbers: the others are tested against it
    cpu         Numba: parallel, float32 and float64
    cuda        numba-cuda: the same on a GPU, for arrays in its memory

Every kernel is a function of C-contiguous arrays that writes into `out` (an optimizer's: into its parameters) and
returns nothing. It allocates no result, depends on no layer and checks nothing: `backprop.functional` has done that.
Arguments are positional and have no defaults: inputs first, then numbers, then `out`, then `accumulate` (True adds to
what `out` holds). A step of training is therefore a list of kernel calls and nothing else. `empty(shape, dtype)` gives
the arrays to write into.

On finite numbers the sets agree up to rounding. NaN and infinity may spread further in one set than in another: some
multiply them by zeros that others skip, such as a convolution's padding.
"""

import contextlib
import contextvars
import functools
import importlib.util

import numpy as np

from backprop.errors import DeviceError, DTypeError
from backprop.kernels.device import DeviceArray, device_of, is_array

NAMES = ("reference", "cpu")  # the sets for arrays on the CPU, between which one may choose

_DEFAULT = "cpu" if importlib.util.find_spec("numba") else "reference"
_active = contextvars.ContextVar("backprop_kernels", default=_DEFAULT)
recorder = contextvars.ContextVar("backprop_recorder", default=None)  # replaces the kernels while calls are recorded


@contextlib.contextmanager
def use_kernels(name):
    """Within this block, use the kernels called `name`, "cpu" or "reference", for arrays on the CPU.

    >>> with use_kernels("reference"):
    ...     active()
    'reference'
    """
    if name not in NAMES:
        raise DeviceError(f"kernels must be one of {', '.join(NAMES)}, got {name!r}")
    token = _active.set(name)
    try:
        yield
    finally:
        _active.reset(token)


def active():
    """The name of the kernels in use for arrays on the CPU: "cpu", or "reference" where Numba is not installed."""
    return _active.get()


def chosen(otherwise):
    """The same if `use_kernels` has chosen them, else `otherwise`."""
    return _active.get(otherwise)


@functools.cache
def load(name):
    """The kernel set `name` as a module. Imported at first use, so that `import backprop` stays light.

    Raises DeviceError for the cpu kernels where Numba is not installed.
    """
    if name == "cpu" and _DEFAULT != "cpu":
        raise DeviceError("the cpu kernels need Numba: pip install numba, or use bp.use_kernels('reference')")
    return importlib.import_module(f"backprop.kernels.{name}")


_FLOATS = {
    "reference": tuple(map(np.dtype, ("f4", "f8", "c16"))),
    "cpu": tuple(map(np.dtype, ("f4", "f8"))),
    "cuda": tuple(map(np.dtype, ("f4", "f8"))),
}


def set_of(array):
    """The name of the kernel set for this array: "cuda" if it is on a GPU, else the set in use."""
    return "cuda" if isinstance(array, DeviceArray) else active()


def of(*arrays):
    """The kernel set for these floating-point arrays; None stands for an omitted argument.

    Raises DTypeError unless all are arrays of one element type that the set supports, DeviceError unless all are on one
    device. The others must match the last array (a layer's parameter): the fix in the message names its type or device.
    """
    name, recording = expect_computed(*arrays), recorder.get()
    return load(name) if recording is None else recording


def expect_computed(*arrays):
    """The name of the kernel set for these arrays; raises the same errors as `of`."""
    wanted, name = None, _active.get()
    for array in arrays:
        if array is not None:
            if type(array) is not np.ndarray or (wanted is not None and array.dtype is not wanted):
                return _expect_each(*arrays)
            wanted = array.dtype
    return name if wanted in _FLOATS[name] else _expect_each(*arrays)


def _expect_each(*arrays):
    """The same, where the arrays are not all NumPy's and of one element type that kernels compute."""
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
    """Raise DeviceError unless both arrays are on one device."""
    if isinstance(array, DeviceArray) is not isinstance(other, DeviceArray):
        here, there = device_of(array), device_of(other)
        cure = "bp.to_device(x, 'cuda')" if there == "cuda" else "bp.to_host(x), or net.to('cuda')"
        raise DeviceError(f"expects an array on {there!r}, got one of shape {array.shape} on {here!r}; use {cure}")


listeners = []  # those that show a user that a kernel is about to be compiled
watchers = []  # those that only want to know


@contextlib.contextmanager
def on_compile(callback, shows=True):
    """Within this block, call `callback(name)` whenever a kernel is about to be compiled, which takes about a second.

    Compiled kernels are cached on disk, so each is compiled once per machine. Unless some callback `shows` it to the
    user, a line on stderr does.
    """
    told = listeners if shows else watchers
    told.append(callback)
    try:
        yield
    finally:
        told.remove(callback)


def tell_compiling(name):
    """Call the listeners and the watchers before a kernel is compiled."""
    for listener in (*listeners, *watchers):
        listener(name)


def set_num_threads(count):
    """Let the CPU kernels use `count` threads, from 1 to the machine's cores. Results do not depend on it."""
    load("cpu").set_num_threads(count)


def get_num_threads():
    """How many threads the CPU kernels use."""
    return load("cpu").get_num_threads()
