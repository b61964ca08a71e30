"""Defects found in use that a later issue will fix: each of these fails today, and names the issue it waits for."""

import multiprocessing
import subprocess
import sys

import pytest

import backprop as bp

FORK = """
import multiprocessing, numpy as np, backprop as bp
x, net = np.ones((256, 784), np.float32), bp.Sequential(bp.Linear(784, 512), bp.ReLU(), bp.Linear(512, 10))
def score(seed): return float(net(x)[0, 0])
if __name__ == "__main__":
    first = score(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(score, range(4)).get(timeout=20) == [first] * 4
        pool.terminate()
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.xfail(strict=True, reason='issue "Ready at once, and at ease on a busy machine"')
def test_workers_that_are_forked_after_a_first_forward_compute():
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=120, stderr=subprocess.DEVNULL)


SCHEDULES = "SequentialLR", "ChainedScheduler", "ExponentialLR", "MultiStepLR", "LambdaLR", "ReduceLROnPlateau"


@pytest.mark.xfail(strict=True, reason='issue "The rest of the lecture"')
@pytest.mark.parametrize("name", [*SCHEDULES, "clip_grad_norm_"])
def test_what_a_learner_from_pytorch_looks_for_is_there(name):
    assert hasattr(bp, name)
