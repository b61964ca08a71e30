"""The machine with a GPU, as far as it can be tested without one: its messages when something is missing."""

import gc
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from backprop.errors import DeviceError
from backprop.kernels.buffers import Buffers
from backprop.kernels.cuda.gpu import Gpu, _values
from backprop.kernels.cuda.graph import Graph
from backprop.kernels.device import DeviceArray

core = pytest.importorskip("cuda.core")
driver = pytest.importorskip("cuda.bindings.driver")


class Device:
    """A GPU of cuda.core that was never built."""

    name, compute_capability = "Old GPU", (7, 0)

    def set_current(self):
        pass

    def create_stream(self):
        return types.SimpleNamespace(handle=0, sync=lambda: None)


class Driver:
    """One that knows CUDA 12.4, and has a thousand bytes."""

    CUresult = driver.CUresult

    def __init__(self):
        self.left = 1000
        self.given = {}

    def cuDriverGetVersion(self):
        return self.CUresult.CUDA_SUCCESS, 12040

    def cuMemAlloc(self, size):
        if size > self.left:
            return self.CUresult.CUDA_ERROR_OUT_OF_MEMORY, 0
        address = 4096 * (len(self.given) + 1)
        self.left, self.given[address] = self.left - size, size
        return self.CUresult.CUDA_SUCCESS, address

    def cuMemFree(self, address):
        self.left += self.given.pop(address)
        return (self.CUresult.CUDA_SUCCESS,)

    def cuMemGetInfo(self):
        return self.CUresult.CUDA_SUCCESS, self.left, 1000


@pytest.fixture
def gpu():
    found = Gpu.__new__(Gpu)
    found.name, found._driver, found._buffers = "Small GPU", Driver(), Buffers(found.fresh, smallest=0)
    found._thread = threading.get_ident()
    return found


def test_a_gpu_that_is_too_old_is_named(monkeypatch):
    monkeypatch.setattr(core, "Device", Device)
    with pytest.raises(
        DeviceError, match="Old GPU has compute capability 7.0, .* need at least 7.5; to run on the CPU"
    ):
        Gpu()


def test_a_driver_that_is_too_old_is_told_what_to_install(monkeypatch):
    pytest.importorskip("cuda.bindings.nvjitlink")
    monkeypatch.setattr(core, "Device", Device)
    monkeypatch.setattr(Device, "compute_capability", (9, 0))
    for name in ("cuDriverGetVersion", "cuMemFree"):
        monkeypatch.setattr(driver, name, getattr(Driver(), name))
    with pytest.raises(
        DeviceError, match=r"the driver of Old GPU supports CUDA 12\.4, .* pip install -e '\.\[cuda12\]'"
    ):
        Gpu()


def test_where_memory_is_full_the_error_says_how_much_was_asked_for_and_how_much_is_free(gpu):
    kept = gpu.empty((200,), np.float32)
    message = "no memory left on Small GPU: asked for 400 bytes, 200 of 1,000 are free; a smaller batch size may help"
    with pytest.raises(DeviceError, match=message):
        gpu.empty((100,), np.float32)
    assert kept.size == 200


def test_what_nobody_uses_is_given_back_before_memory_is_said_to_be_full(gpu):
    gpu.empty((200,), np.float32)
    gc.collect()
    assert gpu._driver.left == 200  # idle, but kept for the next array of this size
    found = gpu.empty((100,), np.float32)
    assert gpu._driver.left == 600 and found.size == 100


def test_a_slice_keeps_the_memory_of_its_array(gpu):
    part = gpu.fresh((10, 3), np.float32)[2:]
    gc.collect()
    assert gpu._driver.left == 1000 - 120
    assert part.handle == part.memory.address + 24
    del part
    gc.collect()
    assert gpu._driver.left == 1000


def test_arguments_are_addresses_and_numbers_of_the_width_that_the_kernel_was_compiled_for(gpu):
    array = gpu.fresh((4,), np.float64)
    found = _values((array, 7, True, 0.5, (0.25, 3), np.int64(-1), np.int32(-2)), np.float64)
    assert found == [array.handle, 7, 1, 0.5, 0.25, 3, -1, -2]
    kinds = [np.uint32, np.uint32, np.float64, np.float64, np.uint32, np.int64, np.int32]
    assert [type(value) for value in found[1:]] == kinds
    assert isinstance(array, DeviceArray)
    with pytest.raises(OverflowError):
        _values((1 << 32,), np.float32)


def test_a_graph_holds_what_its_launches_use_and_lets_its_own_arrays_serve_again(gpu):
    graph = Graph(gpu)
    graph.pool = Buffers(graph.fresh, smallest=0)
    given, scratch = gpu.fresh((10,), np.float32), graph.pool.empty((10,), np.float32)
    graph.keep((given, scratch, 7))
    address, memory = scratch.handle, given.memory
    del given, scratch
    gc.collect()
    assert graph.kept == {memory}
    assert graph.pool.empty((10,), np.float32).handle == address  # the next launch may write there
    del memory
    gc.collect()
    assert len(gpu._driver.given) == 2  # neither was given back: the graph may run again
    del graph
    gc.collect()
    assert len(gpu._driver.given) == 0


def test_another_thread_is_refused(gpu):
    with ThreadPoolExecutor(1) as pool, pytest.raises(DeviceError, match="Small GPU belongs to the thread"):
        pool.submit(gpu.empty, (1,), np.float32).result()
