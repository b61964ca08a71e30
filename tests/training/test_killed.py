"""A run that is killed again and again, at any moment, loses nothing."""

import subprocess
import sys

import pytest

DRIVER = '''
import os, random, signal, sys, time
import numpy as np, backprop as bp
from backprop.training.fit import fit

path, rng = sys.argv[1], np.random.default_rng(0)
images, labels = rng.random((100, 8)).astype(np.float32), rng.integers(0, 3, 100)

def run(path, epochs):
    """Train up to `epochs`, from the checkpoint where there is one."""
    bp.manual_seed(7)
    net = bp.Sequential(bp.Linear(8, 50), bp.ReLU(), bp.Dropout(0.3), bp.BatchNorm1d(50), bp.Linear(50, 3))
    adam, train = bp.Adam(net.parameters()), bp.DataLoader(images, labels, batch_size=10, shuffle=True, seed=1)
    checkpoint = bp.Checkpoint(path, every=0)
    history = checkpoint.load(net, adam, None, train) if os.path.exists(path) else None
    how = {"epochs": epochs, "checkpoint": checkpoint, "history": history, "progress": False}
    history = fit(net, bp.CrossEntropyLoss(), adam, train, **how)
    return history, {name: array.tobytes() for name, array in net.state_dict().items()}

def saved(path):
    """What changes whenever the checkpoint is written anew."""
    return os.path.exists(path) and os.stat(path).st_ino, os.path.exists(path) and os.stat(path).st_mtime_ns

with bp.use_kernels("reference"):
    run(path + ".warm", 1)
    random.seed(0)
    for kill in range(50):
        before, child = saved(path), os.fork()
        if child == 0:
            run(path, 10**6)
        for _ in range(7 * (kill % 2)):  # of 7 checkpoints one comes before the steps, one may end an epoch
            while saved(path) == before:  # a busy machine would kill each child before its first step
                assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended by itself"
                time.sleep(0.0005)
            before = saved(path)
        time.sleep(random.uniform(0.002, 0.04))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    epochs = 1 + len(run(path, 0)[0].losses) // 10
    history, state = run(path, epochs)
    expected, expected_state = run(path + ".whole", epochs)
assert history.losses == expected.losses
assert state == expected_state
print(len(history.losses))
'''


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")
def test_killed_at_50_random_moments_it_ends_in_the_bits_of_a_run_that_was_left_alone(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", DRIVER, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100, "the children came to nothing: they were killed before their first steps"
