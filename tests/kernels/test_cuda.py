"""The CUDA kernels against the reference: on a GPU, or in numba's simulator, which also looks for races."""

import numpy as np
import pytest

from backprop.kernels import load
from backprop.kernels.cuda.kernel import flat, kernel, u32
from backprop.kernels.cuda.machine import machine
from backprop.kernels.device import DeviceArray, to_host
from backprop.kernels.transfer import to_device
from tests.kernels.cases import Columns, cases, kernel_of
from tests.kernels.test_contract import functions

cuda = pytest.importorskip("numba.cuda")
DTYPES = np.float32, np.float64
TOLERANCE = {np.float32: {"rtol": 1e-4, "atol": 1e-5}, np.float64: {"rtol": 1e-10, "atol": 1e-12}}
CASES = [(name, dtype, n) for dtype in DTYPES for n, (name, _) in enumerate(cases(dtype))]


def test_every_kernel_of_the_contract_has_a_case():
    assert {name for name, _, _ in CASES} | {"all_parameters"} == set(functions("reference"))


@pytest.mark.parametrize(("name", "dtype", "number"), CASES, ids=lambda v: getattr(v, "__name__", v))
def test_kernel_computes_what_the_reference_does(name, dtype, number):
    args = list(cases(dtype))[number][1]
    expected, found = _each(args, np.copy), _each(args, to_device)
    for k, given in (("reference", expected), ("cuda", found)):
        kernel_of(load(k), name)(*[load(k).all_parameters(*a) if isinstance(a, Columns) else a for a in given])
    for want, got in zip(_arrays(expected), _arrays(found), strict=True):
        np.testing.assert_allclose(to_host(got), want, **TOLERANCE[dtype])


def _each(args, change):
    """The arguments, each array of them changed."""
    if isinstance(args, Columns):
        return Columns([[change(array) for array in column] for column in args])
    return [_each(a, change) if isinstance(a, Columns) else change(a) if isinstance(a, np.ndarray) else a for a in args]


def _arrays(args):
    for a in args:
        if isinstance(a, Columns):
            yield from (array for column in a for array in column)
        elif isinstance(a, (np.ndarray, DeviceArray)):
            yield a


def test_a_second_run_gives_the_same_bits(rng):
    p, q = (to_device(rng.standard_normal((33, 70)).astype(np.float32)) for _ in range(2))
    runs = []
    for _ in range(2):
        out = machine().empty((33, 33), np.float32)
        load("cuda").matmul_nt(p, q, out, False)
        runs.append(to_host(out))
    assert np.array_equal(*runs)


# What the simulator finds, and a GPU does not say.

simulated = pytest.mark.skipif(not machine().simulated, reason="a GPU finds nothing of this")


@kernel
def shifted(u, out, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = u[i + 1]


@kernel
def swapped_in_place(u, size):
    i = u32(cuda.grid(1))
    if i < size:
        u[i] = u[size - 1 - i]


@kernel
def reversed_without_barrier(u, out):
    shared = cuda.shared.array(4, np.float64)
    t = u32(cuda.threadIdx.x)
    shared[t] = u[t]
    out[t] = shared[3 - t]


@kernel
def reversed_with_barrier(u, out):
    shared = cuda.shared.array(4, np.float64)
    t = u32(cuda.threadIdx.x)
    shared[t] = u[t]
    cuda.syncthreads()
    out[t] = shared[3 - t]


@simulated
def test_the_simulator_finds_an_index_out_of_bounds():
    u = to_device(np.arange(4.0))
    with pytest.raises(IndexError, match="index 4 is out of bounds of an array of 4"):
        shifted.each(4, u, machine().empty((4,), u.dtype))


@simulated
def test_the_simulator_finds_threads_that_read_what_others_write():
    with pytest.raises(RuntimeError, match="a race"):
        swapped_in_place.each(4, to_device(np.arange(4.0)))


@kernel
def all_to_one_place(u, out, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[0] = u[i]


@simulated
@pytest.mark.parametrize("block", [1, 2, 4])
def test_the_simulator_finds_blocks_that_write_to_one_place(block):
    """Threads of a block that has ended leave their identity to those of the next: a race among blocks once went by."""
    u, out = to_device(np.arange(4.0)), machine().empty((1,), np.float64)
    for _ in range(20):
        with pytest.raises(RuntimeError, match="a race"):
            all_to_one_place(4 // block, block, u, out, 4)


@simulated
def test_the_simulator_finds_a_missing_barrier():
    u = to_device(np.arange(4.0))
    out = machine().empty((4,), u.dtype)
    reversed_with_barrier(1, 4, u, out)
    assert to_host(out).tolist() == [3, 2, 1, 0]
    with pytest.raises(RuntimeError, match="a race"):
        reversed_without_barrier(1, 4, u, out)


@simulated
def test_the_simulator_hands_out_memory_full_of_nan():
    for _ in range(2):  # the second time the memory of the first
        assert np.isnan(to_host(machine().empty((3,), np.float32))).all()


def test_a_flat_kernel_hides_its_size():
    @flat
    def doubled(u, out, size):
        """out = 2 u"""
        i = u32(cuda.grid(1))
        if i < size:
            out[i] = u[i] + u[i]

    u = to_device(np.arange(3.0))
    doubled(u, u)
    assert to_host(u).tolist() == [0, 2, 4]
