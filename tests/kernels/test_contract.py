"""Every set of kernels keeps one contract: the same names, the same arguments in the same order, no defaults."""

import inspect

import numpy as np
import pytest

from backprop import kernels
from backprop.errors import DeviceError, DTypeError

SETS = *kernels.NAMES, "cuda"
NOT_KERNELS = {"empty", "get_num_threads", "set_num_threads"}


def contract(name):
    """Kernel name -> argument names."""
    return {
        key: list(inspect.signature(getattr(value, "py_func", value)).parameters.values())
        for key, value in functions(name).items()
    }


def functions(name):
    """Kernel name -> function. Those of a table are called "TABLE.row.forward" and "TABLE.row.backward"."""
    found = {}
    for key, value in vars(kernels.load(name)).items():
        if isinstance(value, dict) and key.isupper():
            for row, pair in value.items():
                found.update(zip((f"{key}.{row}.forward", f"{key}.{row}.backward"), pair, strict=True))
        elif callable(value) and key not in NOT_KERNELS:
            found[key] = value
    return found


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_kernels_have_the_names_and_arguments_of_the_reference(name):
    reference, other = contract("reference"), contract(name)
    assert len(reference) > 100
    assert {name: [str(p) for p in found] for name, found in reference.items()} == {
        name: [str(p) for p in found] for name, found in other.items()
    }


@pytest.mark.parametrize("name", SETS)
def test_kernels_have_no_default_arguments_and_a_docstring(name):
    for kernel, parameters in contract(name).items():
        assert all(p.default is p.empty for p in parameters), kernel
        assert functions(name)[kernel].__doc__, kernel


@pytest.mark.parametrize("name", SETS)
def test_same_file_holds_the_same_kernel_in_each_set(name):
    for kernel in contract("reference"):
        pair = [functions(set_name)[kernel] for set_name in ("reference", name)]
        files = {getattr(f, "py_func", f).__module__.rsplit(".")[-1] for f in pair}
        assert len(files) == 1, kernel


def test_use_kernels_chooses_and_restores():
    assert kernels.active() == "cpu"
    with kernels.use_kernels("reference"):
        assert kernels.of(np.zeros(1)) is kernels.load("reference")
    assert kernels.of(np.zeros(1)) is kernels.load("cpu")


def test_unknown_kernels_are_refused_by_name():
    with (
        pytest.raises(DeviceError, match="kernels must be one of reference, cpu, got 'gpu'"),
        kernels.use_kernels("gpu"),
    ):
        pass


def test_only_the_reference_takes_complex_numbers():
    z = np.zeros(2, complex)
    with pytest.raises(DTypeError, match="cpu kernels compute float32 or float64, got complex128"):
        kernels.of(z)
    with kernels.use_kernels("reference"):
        kernels.of(z)


def test_swapped_byte_order_is_refused():
    other = np.zeros(2, np.dtype("f4").newbyteorder())
    with pytest.raises(DTypeError, match=r"x\.astype\(np\.float32\)$"):
        kernels.of(other)
