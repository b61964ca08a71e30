"""Importing is light: no kernel is compiled, no GPU is asked for, nothing heavy comes along."""

import os
import subprocess
import sys
from pathlib import Path


def loaded_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return set(out.stdout.split())


def test_importing_backprop_loads_no_compiler_no_gpu_and_no_plots():
    # numba-cuda puts an import hook into every Python process, which is no import of ours
    heavy = {"numba", "numba.cuda", "matplotlib", "scipy", "pooch", "data_tools"}
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


def in_a_process(code, **environment):
    command = [sys.executable, "-W", "ignore", "-c", f"import numpy as np, backprop as bp\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=600)


RELU = "print(bp.ReLU()(np.array([-1.0, 2.0])))"


def test_where_no_folder_can_be_written_kernels_are_kept_for_the_run_and_that_is_said(tmp_path):
    """It ended in "cannot cache function 'blocks'"."""
    (tmp_path / "file").write_text("a file where a folder should be")
    done = in_a_process(RELU, NUMBA_CACHE_DIR=str(tmp_path / "file" / "below"))
    assert done.stdout == "[0. 2.]\n", done.stderr
    assert "compiled kernels are cached for this run only" in done.stderr


def test_what_is_kept_of_kernels_may_be_cut_or_foreign(tmp_path):
    """A line and a second, not the run."""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert in_a_process(RELU, **environment).returncode == 0
    for path in [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]:
        path.write_bytes(path.read_bytes()[:20])
    done = in_a_process(RELU, **environment)
    assert done.stdout == "[0. 2.]\n", done.stderr
    assert "compiled kernels cannot be cached or loaded" in done.stderr


def test_without_numba_everything_imports_and_trains_on_the_reference_and_the_cpu_kernels_say_so(tmp_path):
    code = """
import sys
from pathlib import Path
sys.modules["numba"] = sys.modules["llvmlite"] = None
import numpy as np, backprop as bp
bp.manual_seed(0)
net, loss = bp.Sequential(bp.Linear(4, 8), bp.GELU(), bp.Linear(8, 3)), bp.CrossEntropyLoss()
train = bp.DataLoader(np.random.default_rng(0).random((60, 4)).astype(np.float32), np.arange(60) % 3, batch_size=10)
print(len(bp.fit(net, loss, bp.Adam(net.parameters()), train, epochs=2, progress=False).losses))
print(bp.gradcheck(net, np.ones((2, 4))).ok, np.log(bp.Value(2.0)).backward())
with bp.use_kernels("cpu"):
    net(np.ones((2, 4), np.float32))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == "12\nTrue None\n", done.stderr
    assert "the cpu kernels need Numba: pip install numba, or use bp.use_kernels('reference')" in done.stderr
    code = "import sys, runpy; sys.modules['numba'] = sys.modules['llvmlite'] = None; sys.argv = sys.argv[1:]\n"
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    script = Path(__file__).parents[1] / "scripts" / "train_mnist.py"
    options = ["--data", "synthetic", "--epochs", "1", "--batch-size", "2000", "--out", tmp_path]
    done = subprocess.run([sys.executable, "-c", code, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "reference kernels" in done.stdout, done.stderr


def test_a_check_needs_no_compiler_unless_its_kernels_were_chosen():
    """The ten lines of the README took 13 seconds where nothing was compiled."""
    check = "print(bp.gradcheck(bp.Linear(3, 2), np.ones((4, 3))).ok)"
    asked = "import sys; print('backprop.kernels.cpu' in sys.modules)"
    assert in_a_process(f"{check}; {asked}").stdout == "True\nFalse\n"
    assert in_a_process(f"with bp.use_kernels('cpu'): {check}\n{asked}").stdout == "True\nTrue\n"


def test_without_a_compiler_the_reference_trains_and_the_cpu_kernels_say_so():
    train = """
net = bp.Sequential(bp.Linear(2, 3))
loader = bp.DataLoader(np.ones((4, 2), np.float32), np.arange(4) % 3, batch_size=2)
with bp.use_kernels("reference"):
    print(len(bp.fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), loader, progress=False).losses))
"""
    done = in_a_process(train, NUMBA_DISABLE_JIT="1")
    assert done.stdout == "2\n", done.stderr
    done = in_a_process(RELU, NUMBA_DISABLE_JIT="1")
    assert "NUMBA_DISABLE_JIT is set, but the cpu kernels need the JIT; use bp.use_kernels('reference')" in done.stderr
