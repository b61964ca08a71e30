"""What several tests share."""

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings

import backprop as bp
import data_tools
from data_tools.download import cached


def has_gpu():
    """Whether NVIDIA's driver is here and knows a GPU."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


# Tests of CUDA kernels run on the GPU where there is one, and in numba's simulator where there is none.
if not has_gpu():
    os.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")

# In CI a failing example is shown as it was found: making it smaller once took longer than all other tests together.
settings.register_profile("ci", phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target], print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_addoption(parser):
    parser.addoption("--networks", type=int, default=30, help="how many random networks each test of them tries")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """For `-n auto`: each process compiles, and takes half a gigabyte."""
    return min(4, os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def _seeded():
    bp.manual_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["reference", "cpu"])
def each_kernels(request):
    """The test runs once with each set of kernels."""
    with bp.use_kernels(request.param):
        yield request.param


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder of the real MNIST: $BACKPROP_MNIST, or the user's cache."""
    given = os.environ.get("BACKPROP_MNIST")
    folder = Path(given) if given else cached("mnist")
    if folder is None or not folder.is_dir():
        pytest.skip("no MNIST here: set BACKPROP_MNIST to a folder with its four files, or fetch it")
    return folder


@pytest.fixture(scope="session")
def small_digits(tmp_path_factory):
    """A folder with 600 synthesized training digits and 100 test digits."""
    return data_tools.synthesize(tmp_path_factory.mktemp("digits"), train=600, test=100, seed=1)
