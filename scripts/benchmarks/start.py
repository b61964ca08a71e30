"""How long a user waits: for the import, and for the first step of training, before and after kernels are kept."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.turns import RIVALS, SCRIPTS

MODELS = "mlp128", "lenet"

FIRST_STEP = """
import importlib, sys
player = importlib.import_module("benchmarks.players." + sys.argv[1])
run, _ = player.step(sys.argv[2])
run()
"""


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


def first_steps(model, rounds=3):
    """name -> seconds from a process's start to the end of its first training step; ours also with nothing kept."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        kept = {"NUMBA_CACHE_DIR": folder}
        found["ours, kernels compiled"] = _seconds("ours", model, kept)
        turns = {name: [] for name in RIVALS if "thresholds" not in name}
        for _ in range(rounds):
            for name in list(turns):
                seconds = _seconds(RIVALS[name][0], model, kept)
                if seconds is None:
                    del turns[name]
                else:
                    turns[name].append(seconds)
    names = {"ours": "ours, kernels kept"}
    return found | {names.get(name, name): statistics.median(some) for name, some in turns.items()}


def _seconds(player, model, environment):
    """Wall time of a process that does one step, or None if this player cannot."""
    start = time.perf_counter()
    command = [sys.executable, "-c", FIRST_STEP, player, model]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, **environment}
    done = subprocess.run(command, cwd=SCRIPTS, env=environment, capture_output=True)
    return None if done.returncode else time.perf_counter() - start
