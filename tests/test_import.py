"""Importing is light: no kernel is compiled, no GPU is asked for, nothing heavy comes along."""

import subprocess
import sys


def loaded_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return set(out.stdout.split())


def test_importing_backprop_loads_no_compiler_no_gpu_and_no_plots():
    # numba-cuda puts an import hook into every Python process, which is no import of ours
    heavy = {"numba", "numba.cuda", "matplotlib", "scipy.differentiate", "pooch", "data_tools"}
    assert not heavy & (loaded_after("import backprop") - loaded_after("pass"))


def test_data_tools_knows_nothing_of_backprop():
    modules = loaded_after("import data_tools, data_tools.__main__, data_tools.sheet")
    assert "backprop" not in modules


def test_both_packages_import_from_anywhere():
    loaded_after("import backprop, data_tools; backprop.Linear; data_tools.read")


def test_a_first_kernel_call_loads_no_gpu():
    statement = "import numpy as np, backprop as bp; bp.Linear(2, 2)(np.ones((1, 2), np.float32))"
    assert not {"cuda.core", "cuda.bindings"} & loaded_after(statement)


def test_compiling_is_announced_only_when_it_happens(tmp_path):
    code = (
        "import numpy as np, backprop as bp\n"
        "from backprop import kernels\n"
        "with kernels.on_compile(lambda name: print('compiling', name)):\n"
        "    bp.ReLU()(np.ones(3, np.float32))\n"
    )

    def run():
        environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)

    assert "compiling relu" in run().stdout
    assert run().stdout == ""
