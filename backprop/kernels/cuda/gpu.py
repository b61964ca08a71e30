"""The machine with a GPU: all driver calls of this project, through NVIDIA's own cuda.core and cuda.bindings.

There is one stream, so that launches run in order; the host waits only where it reads or writes arrays. Kernels are
launched by `cuda.core.launch`, with addresses and numbers alone: Numba's own launch inspects every array each time.
"""

import functools
import gc
import math
import threading

import numpy as np

from backprop.errors import DeviceError
from backprop.kernels.buffers import Buffers
from backprop.kernels.cuda import compiler
from backprop.kernels.cuda.graph import Graph
from backprop.kernels.cuda.writing import element_type
from backprop.kernels.device import DeviceArray

OLDEST = (7, 5)  # Turing, the oldest that CUDA 13 compiles for


class Gpu:
    """The GPU of this process: its memory, its stream, and the kernels that were loaded on it.

    Raises DeviceError, which says what was looked for, if there is none, or only one that is too old.
    """

    simulated = False

    def __init__(self):
        try:
            from cuda.bindings import driver
            from cuda.core import Device

            self._driver = driver
            self.device = Device()
            self.device.set_current()
        except Exception as error:  # the libraries raise a different error for each thing that is missing
            raise DeviceError(
                "no GPU found: looked for NVIDIA's driver, a CUDA device, and the packages of "
                f"pip install -e '.[cuda13]' ({error}); to run on the CPU, use device='cpu'"
            ) from error
        self.name = self.device.name
        self.capability = tuple(self.device.compute_capability)
        if self.capability < OLDEST:
            raise DeviceError(
                f"{self.name} has compute capability {'.'.join(map(str, self.capability))}, but the kernels "
                f"need at least {'.'.join(map(str, OLDEST))}; to run on the CPU, use device='cpu'"
            )
        self._expect_driver()
        self._thread = threading.get_ident()
        self._stream = self._into = self.device.create_stream()
        self._buffers = Buffers(self.fresh, smallest=0)
        self._loaded, self._configs, self._graph, self._loading = {}, {}, None, False
        self.launches = 0

    def _expect_driver(self):
        """Raise DeviceError for a driver that is older than the tools which compile for it."""
        try:
            from cuda.bindings import nvjitlink

            tools = nvjitlink.version()
        except (ImportError, RuntimeError) as error:
            raise DeviceError(
                f"{self.name} was found, but not NVIDIA's compiler ({error}); pip install -e '.[cuda13]', or "
                "'backprop[cuda12]' for a CUDA 12 driver"
            ) from error
        version = self._ask(self._driver.cuDriverGetVersion)
        if version // 1000 < tools[0]:
            raise DeviceError(
                f"the driver of {self.name} supports CUDA {version // 1000}.{version % 1000 // 10}, but the installed "
                f"packages compile for CUDA {tools[0]}; pip install -e '.[cuda{version // 1000}]', or a newer driver"
            )

    def _ask(self, function, *args):
        """What a function of the driver returns; DeviceError where it fails."""
        error, *results = function(*args)
        if error != self._driver.CUresult.CUDA_SUCCESS:
            _, text = self._driver.cuGetErrorString(error)
            raise DeviceError(f"{function.__name__} failed on {self.name}: {text.decode() if text else error}")
        return results[0] if len(results) == 1 else tuple(results)

    def fresh(self, shape, dtype):
        """A new array, in newly allocated memory."""
        size = max(int(np.prod(shape, dtype=np.int64)), 1) * np.dtype(dtype).itemsize
        return DeviceArray(Memory(self, self._allocate(size)), 0, shape, dtype)

    def _allocate(self, size):
        """The address of `size` new bytes. If there are not enough, unused buffers are freed first."""
        enough, full = self._driver.CUresult.CUDA_SUCCESS, self._driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY
        error, address = self._driver.cuMemAlloc(size)
        if error == full:
            self._buffers.release()
            error, address = self._driver.cuMemAlloc(size)
        if error == full:
            free, total = self._ask(self._driver.cuMemGetInfo)
            raise DeviceError(
                f"no memory left on {self.name}: asked for {size:,} bytes, {free:,} of {total:,} are free; "
                "a smaller batch size may help"
            )
        if error != enough:
            self._ask(self._driver.cuMemAlloc, size)  # again, to raise its error
        return int(address)

    def _expect_thread(self):
        """Raise DeviceError in any thread but the first: a capture would record what others launch."""
        if threading.get_ident() != self._thread:
            raise DeviceError(f"{self.name} belongs to the thread that used it first; use it from that one")

    def empty(self, shape, dtype):
        """An uninitialized array that nothing else refers to."""
        self._expect_thread()
        return self._buffers.empty(tuple(shape), np.dtype(dtype))

    def read(self, array):
        """The numbers of an array, as a NumPy array, once all earlier launches are done."""
        self._expect_thread()
        found = np.empty(array.shape, array.dtype)
        if array.size:
            self._ask(self._driver.cuMemcpyDtoHAsync, found.ctypes.data, array.handle, array.nbytes, self._raw)
            self.synchronize()
        return found

    def write(self, array, values):
        """Put the numbers of a contiguous NumPy array of the same type into an array."""
        self._expect_thread()
        if array.size:
            self._ask(self._driver.cuMemcpyHtoDAsync, array.handle, values.ctypes.data, array.nbytes, self._raw)
            self.synchronize()  # values may change, or be gone, as soon as this returns

    def copy(self, source, out):
        if source.size:
            self._ask(self._driver.cuMemcpyDtoDAsync, out.handle, source.handle, source.nbytes, self._raw)

    def synchronize(self):
        """Wait until all launches are done."""
        self._stream.sync()

    @functools.cached_property
    def _raw(self):
        return self._driver.CUstream(int(self._stream.handle))

    def block_of(self, size, threads):
        """How many threads a block has if each element has one: whole warps of 32."""
        return min(threads, -(-size // 32) * 32)

    def team_of(self, size, threads):
        """How many threads of a block share `size` elements: at least a warp."""
        return min(max(1 << max(size - 1, 0).bit_length(), 32), threads)

    def launch(self, kernel, grid, block, args):
        from cuda.core import LaunchConfig, launch

        self._expect_thread()
        real = element_type(args)
        kinds = compiler.kinds(args, real)
        code = self._loaded.get((kernel, kinds, real))
        if code is None:
            code = self._loaded[kernel, kinds, real] = self._load(kernel, kinds, real)
        config = self._configs.get((grid, block))
        if config is None:
            config = self._configs[grid, block] = LaunchConfig(grid=grid, block=block)
        if self._loading:
            return
        self.launches += 1
        if self._graph is not None:
            self._graph.keep(args)
        try:
            values = _values(args, real)
        except OverflowError as error:
            raise DeviceError(f"arrays on the GPU must have fewer than 2^32 elements: {error}") from error
        launch(self._into, config, code, *values)

    def _load(self, kernel, kinds, real):
        from cuda.core import ObjectCode

        cubin = compiler.compiled(kernel, kinds, real, self.capability)
        return ObjectCode.from_cubin(cubin.code).get_kernel(cubin.entry)

    def captured(self, write_down):
        """The Graph of all that `write_down()` launches: nothing runs yet, and the Graph can be launched many times.

        `write_down` is called twice. The first call compiles and loads kernels and makes arrays, which would break a
        capture. The arrays come from a pool that belongs to the graph, so that they are never used elsewhere.
        """
        graph, pool, collecting = Graph(self), self._buffers, gc.isenabled()
        builder = self._stream.create_graph_builder()
        self._buffers, self._graph = Buffers(graph.fresh, smallest=0, alike=math.inf, most=math.inf), graph
        graph.pool = self._buffers
        try:
            self._loading = True
            write_down()
            self._loading = False
            gc.disable()  # freeing memory during a capture would break it
            builder.begin_building("relaxed")  # which forbids nothing: what might break it was done before
            self._into = builder  # gets the launches in place of the stream
            write_down()
            graph.finish(builder.end_building().complete())
        finally:
            self._buffers, self._graph, self._into, self._loading = pool, None, self._stream, False
            builder.close()
            if collecting:
                gc.enable()
        return graph


class Memory:
    """A piece of a GPU's memory, freed when nothing refers to it any more."""

    def __init__(self, machine, address):
        self.machine, self.address = machine, address

    def handle(self, start, count, dtype):
        return self.address + start

    def __del__(self):
        self.machine._driver.cuMemFree(self.address)


def _values(args, real):
    """Arguments as `launch` takes them: addresses, and numbers of the width that the kernel was compiled for."""
    found = []
    for argument in args:
        kind = type(argument)
        if kind is DeviceArray:
            found.append(argument.handle)
        elif kind is int or kind is bool:
            found.append(np.uint32(argument))
        elif kind is float:
            found.append(real(argument))
        elif kind is tuple:
            found.extend(_values(argument, real))
        elif isinstance(argument, np.generic):
            found.append(argument)
        else:
            found.append(argument.addresses.handle)
    return found
