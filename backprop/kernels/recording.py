"""A step as a list of kernel calls: recorded by running the layers once without computing, then replayed often.

While a Recording takes the place of a kernel set, a layer that asks for a kernel gets one that only records its
arguments, and arrays that are used for nothing else. What NumPy computes, a copy or an operation of a graph, is
recorded as a call of its function. The calls are the same in every step as long as layers compute in these two ways and
no kernel's numbers change; it is up to the caller to make sure of that.
"""

import contextlib
import functools
import inspect
from typing import NamedTuple

import numpy as np

from backprop.errors import BackpropError
from backprop.kernels import load, recorder
from backprop.kernels.buffers import aligned
from backprop.kernels.device import DeviceArray, is_array, to_host
from backprop.kernels.transfer import new_array

WRITTEN = {  # what a kernel writes, where it is not `out`
    "max_pool": ("out", "where"),
    "conv_max_pool": ("out", "where"),
    "moments": ("mean", "var", "spread"),
    "root_mean_square": ("spread",),
    "spread_of": ("spread",),
    "track": ("running",),
    "cross_entropy": ("log_s", "delta", "found"),
}
CHANGED = "track", "count_up"  # kernels that also read what they write


class Unfit(BackpropError):
    """Raised where a recorded step depends on more than kernels."""


class Call(NamedTuple):
    """kernel(*args), by its name in the contract."""

    name: str
    kernel: object
    args: tuple

    def reads_and_writes(self):
        """(arrays that it reads, arrays that it writes); one that it updates is in both."""
        if isinstance(self.kernel, InPython):
            arrays, outs = self.args
            return [array for array in arrays if is_array(array)], outs
        names = list(inspect.signature(getattr(self.kernel, "py_func", self.kernel)).parameters)
        outputs = WRITTEN.get(self.name, ("out",))
        arrays = [(n, array) for n, array in zip(names, self.args, strict=True) if is_array(array)]
        adds = self.name in CHANGED or ("accumulate" in names and self.args[names.index("accumulate")])
        read = [array for name, array in arrays if adds or name not in outputs]
        return read, [array for name, array in arrays if name in outputs]


class Outside(BackpropError):
    """Raised by a recorded step for an index that is out of range: the layer knows how to say which."""


class InPython:
    """A function of arrays, called as call(arrays, outs), that writes what it returns into `outs`."""

    def __init__(self, function):
        self.function = function

    def __call__(self, arrays, outs):
        found = self.function(*arrays)
        found = [each for each in found if each is not None] if isinstance(found, list) else [found]
        for out, each in zip(outs, found, strict=True):
            out[...] = each


def mark():
    """A placeholder where the calls are divided."""


MARK = Call("mark", mark, ())


class Recording:
    """Takes the place of a kernel set; `calls` are the calls made to it, in order."""

    def __init__(self, name):
        self.name, self._set, self.calls, self._made, self.inputs = name, load(name), [], {}, []

    def empty(self, shape, dtype):
        """An array for this step alone, full of NaN: what NumPy computes from it is NaN, too, and refused by kernels.

        A comparison is not NaN and goes unnoticed: layers promise to use kernels alone, and this is only a safety net.
        """
        array = new_array(shape, dtype) if self.name == "cuda" else aligned(shape, dtype)
        if array.dtype.kind in "fc":
            array.fill(np.nan)
        self._made[id(base_of(array))] = array
        return array

    def computed(self, function, *arrays):
        """What a function of NumPy returns for these arrays, one or a list with None for some: computed anew in every
        step, unless it is a view of one of them.
        """
        self._expect_recorded("NumPy", arrays)
        token = recorder.set(None)
        try:
            found = function(*arrays)
        finally:
            recorder.reset(token)
        known = {id(base_of(array)) for array in arrays if isinstance(array, np.ndarray)}
        several = found if isinstance(found, list) else [found]
        fresh = [None if each is None or id(base_of(each)) in known else each for each in several]
        if any(each is not None for each in fresh):
            outs = [None if each is None else self.empty(each.shape, each.dtype) for each in fresh]
            self.calls.append(
                Call("numpy", InPython(_chosen(function, fresh)), (arrays, [out for out in outs if out is not None]))
            )
            several = [each if out is None else out for each, out in zip(several, outs, strict=True)]
        return several if isinstance(found, list) else several[0]

    def written(self, function, arrays, out):
        """The same with its result in `out`."""
        self.calls.append(Call("numpy", InPython(function), (arrays, [out])))

    def mark(self):
        """Divide the list of calls here."""
        self.calls.append(MARK)

    def made(self, array):
        """Whether the memory of this array belongs to the recording."""
        return id(base_of(array)) in self._made

    def __getattr__(self, name):
        found = getattr(self._set, name)
        if name.startswith("first_"):
            return functools.partial(self._checked, name, found)
        return self._recorded(name, found)

    def _expect_recorded(self, name, arrays):
        for array in filter(is_array, arrays):
            if array.dtype.kind in "fc" and not self.made(array) and np.isnan(to_host(array)).any():
                raise Unfit(f"{name} was given numbers that no kernel has computed")

    def _checked(self, name, check, *args):
        """Nothing bad is found yet in what a step computes or is given: each step checks it anew. Only places that a
        kernel has found need no check.
        """
        values, *others, first = args
        if not self.made(values) and not any(base_of(values) is base_of(given) for given in self.inputs):
            return check(*args)
        first.fill(-1)
        writers = [
            call for call in self.calls if any(base_of(values) is base_of(a) for a in call.reads_and_writes()[1])
        ]
        if values.dtype.kind == "i" and writers and not any(isinstance(call.kernel, InPython) for call in writers):
            return None

        def expect(values):
            first = np.empty(1, np.int64)
            check(values, *others, first)
            if first[0] >= 0:
                raise Outside(f"{name}: {int(first[0])}")
            return []

        return self.calls.append(Call("expect", InPython(expect), ((values,), [])))

    def _recorded(self, name, found):
        if isinstance(found, dict):
            return {key: self._recorded(f"{name}.{key}", value) for key, value in found.items()}
        if isinstance(found, tuple):
            return tuple(self._recorded(f"{name}.{n}", value) for n, value in enumerate(found))

        def call(*args):
            self.calls.append(Call(name, found, args))
            self._expect_recorded(name, self.calls[-1].reads_and_writes()[0])

        return call


def _chosen(function, fresh):
    """The function, with None for the results that are not fresh."""
    if all(each is not None for each in fresh):
        return function

    def chosen(*arrays):
        return [None if old is None else each for each, old in zip(function(*arrays), fresh, strict=True)]

    return chosen


def computed(function, *arrays):
    """function(*arrays), of NumPy; in a recording, what it returns is computed anew in every step."""
    recording = recorder.get()
    if recording is None or recording.name == "cuda":
        return function(*arrays)
    return recording.computed(function, *arrays)


def unseen(array):
    """Raise Unfit where numbers are looked at that a step has yet to compute: they would decide once for all steps."""
    recording = recorder.get()
    if recording is not None and is_array(array) and recording.made(array):
        raise Unfit("it looks at numbers while it computes, which may differ in another step")


def replays(name, *lists):
    """For each list of (kernel, arguments) of the kernel set `name` a function that makes the calls, as often as one
    likes.
    """
    if name == "cpu":
        from backprop.kernels.cpu import ahead
        from backprop.kernels.cpu.team.calls import Replay

        ahead.prepare([call for some in lists for call in some])
        return [Replay(some) for some in lists]
    return [functools.partial(_replay, some) for some in lists]


def _replay(calls):
    for kernel, args in calls:
        kernel(*args)


def base_of(array):
    """The array, or the GPU's memory, that owns the elements of this one."""
    if isinstance(array, DeviceArray):
        return array.memory
    while isinstance(base := getattr(array.base, "array", array.base), np.ndarray):  # `array`: see shapes.contiguous
        array = base
    return array


@contextlib.contextmanager
def recording(name):
    """Within this block kernel calls are recorded, not run. Yields the Recording."""
    found = Recording(name)
    token = recorder.set(found)
    try:
        yield found
    finally:
        recorder.reset(token)
