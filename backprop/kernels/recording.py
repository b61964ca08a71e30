"""A step as a list of kernel calls: written down by running the layers once without computing, then run often.

While a Recording stands where kernels are chosen, a layer that asks for a kernel gets one that only writes down what it
was called with, and arrays that nobody else will get. What the layers do is the same in every step as long as they do
it by kernels alone and no kernel's numbers change; whether that is so is for the one who records to know.
"""

import contextlib
import inspect
from typing import NamedTuple

import numpy as np

from backprop.errors import BackpropError
from backprop.kernels import load, recorder
from backprop.kernels.buffers import aligned
from backprop.kernels.device import DeviceArray, is_array, to_host
from backprop.kernels.transfer import new_array

WRITTEN = {  # what a kernel writes if it is not `out`
    "max_pool": ("out", "where"),
    "conv_max_pool": ("out", "where"),
    "moments": ("mean", "var", "spread"),
    "root_mean_square": ("spread",),
    "spread_of": ("spread",),
    "track": ("running",),
    "cross_entropy": ("log_s", "delta", "found"),
}
CHANGED = "track", "count_up"  # kernels that add to what they write


class Unfit(BackpropError):
    """What was recorded depends on more than kernels."""


class Call(NamedTuple):
    """kernel(*args), by its name in the contract."""

    name: str
    kernel: object
    args: tuple

    def reads_and_writes(self):
        """(arrays that it reads, arrays that it writes); one that it changes is among both."""
        names = list(inspect.signature(getattr(self.kernel, "py_func", self.kernel)).parameters)
        outputs = WRITTEN.get(self.name, ("out",))
        arrays = [(n, array) for n, array in zip(names, self.args, strict=True) if is_array(array)]
        adds = self.name in CHANGED or ("accumulate" in names and self.args[names.index("accumulate")])
        read = [array for name, array in arrays if adds or name not in outputs]
        return read, [array for name, array in arrays if name in outputs]


def mark():
    """Stands where the calls are divided."""


MARK = Call("mark", mark, ())


class Recording:
    """Stands for a kernel set. `calls` are what was asked of it, in order."""

    def __init__(self, name):
        self.name, self._set, self.calls, self._made = name, load(name), [], {}

    def empty(self, shape, dtype):
        """An array for this step alone. It holds NaN: what NumPy computes of it is NaN, too, and refused as an operand.

        Of a comparison that is not so. That a layer uses kernels alone is a promise, and this a net below it.
        """
        array = new_array(shape, dtype) if self.name == "cuda" else aligned(shape, dtype)
        if array.dtype.kind in "fc":
            array.fill(np.nan)
        self._made[id(base_of(array))] = array
        return array

    def mark(self):
        """Divide the calls here in two."""
        self.calls.append(MARK)

    def made(self, array):
        """Whether the memory of this array is the recording's own."""
        return id(base_of(array)) in self._made

    def __getattr__(self, name):
        found = getattr(self._set, name)
        if name.startswith("first_"):
            return lambda *args: args[-1].fill(-1)  # nothing bad is found: nothing was computed yet
        return self._recorded(name, found)

    def _recorded(self, name, found):
        if isinstance(found, dict):
            return {key: self._recorded(f"{name}.{key}", value) for key, value in found.items()}
        if isinstance(found, tuple):
            return tuple(self._recorded(f"{name}.{n}", value) for n, value in enumerate(found))

        def call(*args):
            self.calls.append(Call(name, found, args))
            for array in self.calls[-1].reads_and_writes()[0]:
                if array.dtype.kind in "fc" and not self.made(array) and np.isnan(to_host(array)).any():
                    raise Unfit(f"{name} was given numbers that no kernel has computed")

        return call


def base_of(array):
    """The array, or the GPU's memory, that owns the elements of this one."""
    if isinstance(array, DeviceArray):
        return array.memory
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@contextlib.contextmanager
def recording(name):
    """Within this block kernels are written down, not run. Yields the Recording."""
    found = Recording(name)
    token = recorder.set(found)
    try:
        yield found
    finally:
        recorder.reset(token)
