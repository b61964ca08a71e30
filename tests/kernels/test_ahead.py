"""Kernels that a recorded step needs are compiled before it runs, by several processes, and what these leave, here."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import backprop as bp
from backprop import kernels
from backprop.kernels.cpu import ahead, effort, pointwise
from backprop.kernels.cpu.kernel import COMPILED

STEP = """
import sys, numpy as np, backprop as bp
from backprop import kernels
from backprop.kernels.cpu import ahead
ahead.os.cpu_count = lambda: 2
{before}
bp.manual_seed(0)
net, loss = bp.Sequential(bp.Tanh(), bp.GELU(), bp.Softmax(), bp.PReLU()), bp.CrossEntropyLoss()
names = []
with kernels.on_compile(names.append):
    step = bp.compile(net, loss)
    try:
        L = step(np.eye(5, 4, dtype=np.float32), np.arange(5) % 3)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    step.backward()
print(L, [float(abs(p.grad).sum()) for p in net.parameters()])
print(*names, sep="|")
"""


def run(cache, before="", **environment):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment}
    command = [sys.executable, "-c", STEP.format(before=before)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """(folder of the cache, what the first run printed)"""
    cache = tmp_path_factory.mktemp("cache")
    return cache, run(cache)


def test_a_first_step_is_compiled_by_other_processes_and_computes_the_same(compiled):
    cache, first = compiled
    second = run(cache)
    numbers, names = first.stdout.splitlines()
    assert second.stdout == f"{numbers}\n\n", first.stderr + second.stderr
    said = [re.fullmatch(r"(\d+) left, about \d+ s", name) for name in names.split("|")]
    assert {3, 4, 5} & {int(found[1]) for found in said if found}, names


def test_where_other_processes_end_or_cannot_be_had_the_kernels_are_compiled_here(compiled, tmp_path):
    expected = compiled[1].stdout.splitlines()[0]
    for before in ("ahead.sys.executable = '/bin/false'", "ahead.sys.executable = '/nowhere/python'"):
        done = run(tmp_path / before[-6:-1], before)
        numbers, names = done.stdout.splitlines()
        here = "tanh" in names.split("|") or all(f"{left} left, " in names for left in range(1, 8))  # one by one
        assert numbers == expected and here, done.stderr


def test_an_interrupt_while_others_compile_ends_them_all(tmp_path):
    before = """
def interrupted(what):
    if "left" in what:
        raise KeyboardInterrupt
listening = kernels.on_compile(interrupted)
listening.__enter__()
made, popen = [], ahead.subprocess.Popen
ahead.subprocess.Popen = lambda *args, **how: made.append(popen(*args, **how)) or made[-1]
import atexit
atexit.register(lambda: print(len(made), [child.poll() for child in made]))
"""
    done = run(tmp_path, before)
    assert done.returncode == 1 and "interrupted" in done.stderr
    assert done.stdout == "1 [-9]\n", done.stderr


def test_calls_are_noted_by_one_thread_and_made_by_the_others():
    u, noted_out, other_out = np.array([-1.0, 2.0]), np.full(2, 7.0), np.full(2, 7.0)
    with ahead.noting() as calls:
        pointwise.tanh(u, noted_out)
        thread = threading.Thread(target=pointwise.tanh, args=(u, other_out))
        thread.start()
        thread.join()
    assert [kernel.__name__ for kernel, _ in calls] == ["tanh"]
    assert noted_out.tolist() == [7.0, 7.0] and np.allclose(other_out, np.tanh(u))
    with bp.use_kernels("cpu"):
        assert np.allclose(bp.Tanh()(u), np.tanh(u))


def test_preparing_changes_no_array_of_the_step():
    """A step that was recorded in the middle of a run, for a last smaller batch, spoiled running statistics."""
    count, mean, running = np.array([3]), np.ones(2, np.float32), np.full(2, 5, np.float32)
    delta, a, grad = np.ones((20000, 2), np.float32), np.ones((20000, 3), np.float32), np.full((2, 3), 7, np.float32)
    k = kernels.load("cpu")
    ahead.prepare(
        [(k.count_up, (count,)), (k.track, (mean, 0.1, 1.0, running)), (k.matmul_tn, (delta, a, grad, False))]
    )
    assert (count.item(), running.tolist(), grad.min(), grad.max()) == (3, [5, 5], 7, 7)


def test_what_takes_longest_to_compile_is_thought_to():
    """It begins first: left for the end, it would keep one core busy while the others wait."""
    names = (
        "pointwise.relu_backward",
        "channels.sum_channels",
        "product.threads.by_strips",
        "convolution.correlate.convolve",
    )
    took = [effort.seconds(COMPILED[f"backprop.kernels.cpu.{name}"].py_func) for name in names]
    assert took == sorted(took) and 0.1 < took[0] < 1 < took[-1] < 10
