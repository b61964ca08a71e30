"""The machine without a GPU: numba's simulator, which runs one Python thread for each thread of a kernel.

It computes the same formulas, very slowly, in smaller blocks, and with indices of any size, which do not wrap around
as they would on a GPU. And it finds what a GPU would hide: an index out of bounds, a number read before it was written
(it is NaN), and data races between threads of one launch.
"""

import contextlib
import sys
import types
import warnings

import numpy as np
from numba import cuda
from scipy import special

from backprop.kernels.buffers import Buffers
from backprop.kernels.cuda.watching import Trace, Watched
from backprop.kernels.cuda.writing import bound, element_type
from backprop.kernels.device import DeviceArray

FEW = 32  # threads of a block, where a kernel does not depend on their number

# Python's math would compute float64 and raise errors where a GPU gives infinity.
MATH = types.SimpleNamespace(
    exp=np.exp, expm1=np.expm1, log=np.log, log1p=np.log1p, tanh=np.tanh, sqrt=np.sqrt, erfc=special.erfc,
    copysign=np.copysign, isnan=np.isnan, isinf=np.isinf, inf=np.inf, floor=np.floor,
)  # fmt: skip


class Simulator:
    """The same methods as Gpu has."""

    name, simulated = "numba's simulator", True

    def __init__(self):
        self._buffers = Buffers(self.fresh, smallest=0)
        self._captured = None
        self.launches = 0

    def fresh(self, shape, dtype):
        """A new array, in newly allocated memory."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        return DeviceArray(Memory(self, size), 0, shape, dtype)

    def empty(self, shape, dtype):
        """An array in which every number is NaN, or -1, whatever was there before."""
        array = self._buffers.empty(tuple(shape), dtype)
        array.memory.bytes[...] = 255
        return array

    def read(self, array):
        return array.handle.array.reshape(array.shape).copy()

    def write(self, array, values):
        array.handle.array[...] = values.reshape(-1)

    def copy(self, source, out):
        out.handle.array[...] = source.handle.array

    def synchronize(self):
        """Wait until all launches are done: here they are."""

    def block_of(self, size, threads):
        """How many threads a block has if each element has one."""
        return min(size, threads, FEW)

    def team_of(self, size, threads):
        """How many threads of a block share `size` elements."""
        return min(1 << max(size - 1, 0).bit_length(), threads, 8)

    def launch(self, kernel, grid, block, args):
        if self._captured is not None:
            self._captured.append((kernel, grid, block, args))
            return
        self.launches += 1
        real = element_type(args)
        names = {**kernel.names, "real": real, "u32": int, "i32": int, "math": MATH}
        body = bound(kernel.body, names, lambda part: self._part(part, names))
        with warnings.catch_warnings(), _often_switching():
            warnings.simplefilter("ignore", RuntimeWarning)  # a GPU does not warn
            cuda.jit(body)[grid, block](*self._arguments(args, real, Trace()))

    def _part(self, part, names):
        body = bound(part.body, names | part.names, lambda inner: self._part(inner, names))
        return cuda.jit(device=True)(body) if "cuda" in body.__code__.co_names else body

    def _arguments(self, args, real, trace):
        for argument in args:
            if isinstance(argument, DeviceArray):
                yield Watched(argument.handle.array, trace)
            elif isinstance(argument, tuple):
                yield tuple(self._arguments(argument, real, trace))
            elif isinstance(argument, np.generic):
                yield argument.item()
            elif isinstance(argument, float):
                yield real(argument)
            elif isinstance(argument, int):
                yield argument
            else:
                yield [Watched(array.handle.array, trace) for array in argument.arrays]

    def captured(self, write_down):
        """The Graph of all that `write_down()` launches: nothing runs yet, and the Graph can be launched many times."""
        graph = Graph(self)
        self._captured = graph.launches
        try:
            write_down()
        finally:
            self._captured = None
        return graph


@contextlib.contextmanager
def _often_switching():
    """Let Python switch threads fifty times as often: numba's simulator waits for them in a busy loop."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Graph:
    """Launches, recorded with their arguments."""

    def __init__(self, machine):
        self.machine, self.launches = machine, []

    def launch(self):
        for kernel, grid, block, args in self.launches:
            self.machine.launch(kernel, grid, block, args)


class Memory:
    """Bytes in place of a GPU's memory."""

    def __init__(self, machine, size):
        self.machine, self.bytes = machine, np.full(size, 255, np.uint8)

    def handle(self, start, count, dtype):
        return Handle(self.bytes[start : start + count * dtype.itemsize].view(dtype))


class Handle:
    """A flat array in place of an address."""

    def __init__(self, array):
        self.array = array
