"""Every CUDA kernel is compiled to machine code for two generations of GPUs, without a GPU; see offline.py."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

WORKERS = 2
REGISTERS = 65536  # of a multiprocessor, on every GPU since 2014
SHARED = 48 * 1024  # bytes that a block may have without asking for more


@pytest.fixture(scope="module")
def environment():
    """That of a process that can compile: Numba cannot in one that simulates."""
    for package in ("numba_cuda", "cuda.core", "nvidia"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is missing: NVIDIA's compiler comes with pip install -e '.[cuda13]'")
    return {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}


@pytest.fixture(scope="module")
def found(environment):
    """What the assembler said of every kernel."""
    command = [sys.executable, "-m", "tests.kernels.offline"]
    running = [
        subprocess.Popen([*command, str(n), str(WORKERS)], stdout=-1, stderr=-1, text=True, env=environment)
        for n in range(WORKERS)
    ]
    lines = []
    for process in running:
        out, errors = process.communicate()
        assert process.returncode == 0, errors
        lines += [json.loads(line) for line in out.splitlines()]
    return lines


def test_all_are_compiled_for_both_architectures_and_element_types(found):
    kernels = {line["kernel"] for line in found}
    assert len(kernels) > 60
    assert {(line["architecture"], line["real"]) for line in found} == {
        (architecture, real) for architecture in ("sm_80", "sm_90") for real in ("float32", "float64")
    }


def test_no_kernel_has_a_stack_or_spills_registers(found):
    assert [line for line in found if line["stack"] or line["spilled"]] == []


def test_each_kernel_has_the_parameters_that_a_launch_gives_it(found):
    """An address, or a number, for each argument, of just that width: nothing else would notice where it is not so."""
    assert [line for line in found if not line["fits"]] == []


def test_no_kernel_of_float32_computes_in_float64(found):
    """A plain 2.0 would make it so, or a comparison of a signed index with a long unsigned one."""
    assert [line for line in found if line["doubles"]] == []


def test_no_kernel_divides_long_integers(found):
    """It takes a GPU a hundred instructions: an index that is kept in 64 bits, or a product that divides, brings it."""
    assert [line for line in found if line["long_divisions"]] == []


def test_no_kernel_takes_more_than_a_multiprocessor_has(found):
    for line in found:
        blocks = line["blocks"] or 1
        assert blocks * line["threads"] * line["registers"] <= REGISTERS, line
        assert line["shared"] <= SHARED, line


def test_the_largest_tile_leaves_room_for_two_blocks(found):
    largest = [line for line in found if line["shared"] == 2 * 2 * 8 * (128 + 4) * 4]
    assert len(largest) >= 6
    assert all(line["registers"] <= 128 and line["threads"] == 256 for line in largest)


KEPT = """
import sys
from pathlib import Path

import numpy as np

from backprop import kernels
from backprop.kernels.cuda import compiler
from backprop.kernels.cuda.more_activations import ACTIVATIONS

compiler.FOLDER = Path(sys.argv[1])
with kernels.on_compile(print):
    for name in ("silu", "mish"):
        compiler.compiled(ACTIVATIONS[name][0].kernel, ("[<f4]", (), "[<f4]", "<u4"), np.float32, (9, 0))
"""


def test_machine_code_is_kept_for_each_kernel_and_compiled_again_only_when_it_must(environment, tmp_path):
    def compiled():
        done = subprocess.run([sys.executable, "-c", KEPT, tmp_path], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert compiled() == ["forward", "forward"]  # two rows of a table: one body, and two kernels
    assert compiled() == []
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    files[0].write_bytes(files[0].read_bytes()[:100])
    assert compiled() == ["forward"]
