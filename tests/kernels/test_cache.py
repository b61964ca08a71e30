"""What was compiled once is not compiled again: not in the next process, nor in another clone with the same kernels."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import backprop

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_mnist.py"

SOME = """
import numpy as np, backprop as bp
from backprop import kernels
with kernels.on_compile(print):
    bp.GELU()(np.ones(3, np.float32)), bp.ReLU()(np.ones(3, np.float32))
"""
ALL = """
import numpy as np, backprop as bp
from backprop import kernels
from backprop.lecture.examples import examples
with kernels.on_compile(print):
    for example in examples():
        module = example.module.to(np.float32)
        inputs = [np.float32(a) if a.dtype.kind == "f" else a for a in example.inputs]
        out = module(*inputs)
        module.backward(np.ones_like(out) if isinstance(out, np.ndarray) else 1)
"""


def compiled(code, **environment):
    """The names of the functions that a process compiles for this code."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def copy(place):
    """The package, as in another clone."""
    shutil.copytree(Path(backprop.__file__).parent, place / "backprop", ignore=shutil.ignore_patterns("__pycache__"))
    return str(place)


def test_a_second_process_compiles_nothing_for_any_layer_or_loss():
    compiled(ALL)
    assert compiled(ALL) == []


def test_another_clone_compiles_nothing_and_a_change_in_any_file_everything(tmp_path):
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert "relu" in compiled(SOME, PYTHONPATH=copy(tmp_path / "one"), **kept)
    other = copy(tmp_path / "other")
    assert compiled(SOME, PYTHONPATH=other, **kept) == []
    for path in Path(other).rglob("*.py"):
        os.utime(path)
    assert compiled(SOME, PYTHONPATH=other, **kept) == []
    with Path(other, "backprop/kernels/cpu/simd/memory.py").open("a") as file:
        file.write("# changed\n")
    assert "relu" in compiled(SOME, PYTHONPATH=other, **kept)


LOOP = """
import numpy as np, backprop as bp
net, loss = bp.Sequential(bp.Tanh(), bp.GELU(), bp.Mish(), bp.Softmax(), bp.PReLU()), bp.CrossEntropyLoss()
sgd = bp.SGD(net.parameters(), 0.1)
for _ in range(3):
    loss(net(np.eye(5, 4, dtype=np.float32)), np.arange(5) % 3)
    net.backward(loss.backward())
    sgd.step()
"""


def test_a_loop_written_by_hand_says_once_that_it_compiles_and_the_next_one_has_nothing_to_say(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", LOOP], capture_output=True, text=True, env=environment) for _ in range(2)
    )
    assert (first.returncode, first.stdout, second.returncode, second.stdout) == (0, "", 0, "")
    assert re.fullmatch(r"compiling kernels, once(: \d+, about \d+ s)?; they are kept in \S+\n", first.stderr)
    assert second.stderr == ""


def test_a_class_can_have_its_kernels_compiled_before(tmp_path):
    kept = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    warm = [sys.executable, "-m", "backprop.lecture.warm"]
    done = subprocess.run([*warm, "linear"], capture_output=True, text=True, env=kept)
    assert done.stdout.startswith("linear: its kernels are ready\ncompiled kernels are in "), done.stderr
    train = [
        sys.executable,
        SCRIPT,
        "--model",
        "linear",
        "--data",
        "synthetic",
        "--epochs",
        "1",
        "--out",
        tmp_path / "o",
    ]
    trained = subprocess.run(train, capture_output=True, text=True, env=kept)
    assert trained.returncode == 0 and "compiling" not in trained.stdout + trained.stderr
    done = subprocess.run([*warm, "linaer"], capture_output=True, text=True, env=kept)
    assert done.returncode == 1 and "there is no network 'linaer', only bias, linear" in done.stderr


def test_of_old_digests_only_the_last_ones_are_kept(tmp_path):
    for number in range(12):
        place = tmp_path / "kernels" / f"{number:016d}"
        place.mkdir(parents=True)
        os.utime(place, (number, number))
    compiled(SOME, NUMBA_CACHE_DIR=str(tmp_path))
    left = sorted(place.name for place in (tmp_path / "kernels").iterdir())
    assert len(left) == 8 and f"{11:016d}" in left and f"{4:016d}" not in left
