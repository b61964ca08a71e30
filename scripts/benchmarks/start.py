"""How long a newcomer waits: for the import, and for the first step of training, in seconds of the clock and of CPU.

Each first step is a process of its own. Some begin with nothing compiled; the others find what the one before them has
compiled, as a second run does, one from another clone, and one of a network that was changed a little.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.turns import RIVALS, SCRIPTS

NETWORKS = "mlp", "lenet", "cnn", "recurrent"
CHANGES = {  # what is changed in LeNet -> its arguments
    "nothing": {},
    "the image's size": {"image": 32},
    "the batch": {"batch": 50},
    "channels": {"channels": [8, 24]},
    "kernel size": {"taps": 3},
    "activation": {"activation": "GELU"},
}

FIRST_STEP = """
import json, sys
import numpy as np
import backprop as bp
from backprop import kernels, models

def lenet(image=28, channels=(6, 16), taps=5, activation="ReLU"):
    act, (one, two) = getattr(bp, activation), channels
    first, second = bp.Conv2d(1, one, taps, padding=2), bp.Conv2d(one, two, taps)
    images = bp.Sequential(first, act(), bp.MaxPool2d(2), second, act(), bp.MaxPool2d(2), bp.Flatten())
    (_, features) = images(np.zeros((1, 1, image, image), np.float32)).shape
    return bp.Sequential(images, bp.Linear(features, 120), act(), bp.Linear(120, 84), act(), bp.Linear(84, 10))

name, options = sys.argv[1], json.loads(sys.argv[2])
batch = options.pop("batch", 64)
with bp.use_kernels("reference"):
    net = lenet(**options) if name == "lenet" else models.MODELS[name]()
rng, size = np.random.default_rng(0), options.get("image", 28)
x, y = rng.random((batch, 1, size, size), dtype=np.float32), rng.integers(0, 10, batch)
loss, sgd, compiled = bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.01, momentum=0.9), []
with kernels.on_compile(compiled.append):
    step = bp.compile(net, loss)
    step(x, y)
    step.backward()
    sgd.step()
print(len(compiled))
"""

RIVAL = """
import importlib, sys
run, _ = importlib.import_module("benchmarks.players." + sys.argv[1]).step(sys.argv[2])
run()
"""


class Wait(NamedTuple):
    """Seconds of the clock and of CPU, and how often something was compiled."""

    seconds: float
    cpu: float
    compiled: int


def imports(rounds=9):
    """name -> seconds that a fresh process takes to import it, the median; all in turns."""
    names = ["numba", "backprop", "torch", "jax"]
    seconds = {name: [] for name in names}
    for _ in range(rounds + 1):  # the first one reads the files from disk
        for name in list(seconds):
            code = f"import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SCRIPTS.parent)
            if done.returncode:
                del seconds[name]
            else:
                seconds[name].append(float(done.stdout))
    return {name: statistics.median(some[1:]) for name, some in seconds.items()}


def first_steps(names=NETWORKS):
    """name -> {"nothing compiled", "a second process", "another clone": Wait} of each network."""
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as clone:
            package = Path(clone, "backprop")
            shutil.copytree(SCRIPTS.parent / "backprop", package, ignore=shutil.ignore_patterns("__pycache__"))
            found[name] = {
                "nothing compiled": first_step(name, cache),
                "a second process": first_step(name, cache),
                "another clone": first_step(name, cache, source=clone),
            }
    return found


def changes(names=CHANGES):
    """What is changed in LeNet -> Wait, where LeNet itself was compiled before."""
    found = {}
    with tempfile.TemporaryDirectory() as lenet:
        first_step("lenet", lenet)
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                cache = shutil.copytree(lenet, Path(folder, "cache"))
                found[name] = first_step("lenet", cache, **CHANGES[name])
    return found


def first_step(name, cache, source=SCRIPTS.parent, **options):
    """The Wait for a process that does one step, with kernels kept in the folder `cache`."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(source)}
    command = [sys.executable, "-c", FIRST_STEP, name, json.dumps(options)]
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=source)
    seconds, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Wait(seconds, cpu, int(done.stdout))


def rivals(model="mlp128", rounds=3):
    """name -> seconds from a rival's start to the end of its first step, the median; all in turns."""
    turns = {name: [] for name in RIVALS if "thresholds" not in name and name != "ours"}
    for _ in range(rounds):
        for name in list(turns):
            start, command = time.perf_counter(), [sys.executable, "-c", RIVAL, RIVALS[name][0], model]
            if subprocess.run(command, cwd=SCRIPTS, capture_output=True).returncode:
                del turns[name]
            else:
                turns[name].append(time.perf_counter() - start)
    return {name: statistics.median(some) for name, some in turns.items()}
