"""The race. Machines are shared, and their speed changes from second to second: only times taken in turns compare.

Each player lives in a process of its own, so that its threads, allocator and caches do not disturb the others, bound
to as many cores as it may use threads. Before anything is timed, all players' numbers are compared.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

SCRIPTS = Path(__file__).resolve().parent.parent
LARGE_THRESHOLDS = {  # freed memory is kept for the next step, instead of being returned and requested again
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_TOP_PAD_": "100000000",
}
RIVALS = {  # name in tables -> module, environment
    "ours": ("ours", {}),
    "NumPy": ("with_numpy", {}),
    "PyTorch": ("with_torch", {}),
    "PyTorch, large thresholds": ("with_torch", LARGE_THRESHOLDS),
    "torch.compile": ("with_torch_compile", LARGE_THRESHOLDS),
    "JAX": ("with_jax", {}),
}
SHORTEST = 0.02  # seconds of one turn
WARM = 0.1  # seconds before it, until threads, which all wake up on one core, have spread over the cores
PAUSE = 0.05  # seconds after it, until threads that spin for more work have gone to sleep


class Asked:
    """A `process` with a `name` that answers each line with a line of JSON."""

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended with status {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Player(Asked):
    """A process that does work when told to, `bound` to as many cores as it may use threads."""

    def __init__(self, name, threads, rivals=None, bound=True):
        module, environment = (rivals or RIVALS)[name]
        self.name, self.threads = name, threads
        variables = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"
        environment = os.environ | dict.fromkeys(variables, str(threads)) | environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.play", module],
            cwd=SCRIPTS, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=self._bind if bound else None,
        )  # fmt: skip
        self.missing = self.answer().get("missing")

    def _bind(self):
        if hasattr(os, "sched_setaffinity") and self.threads:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: self.threads])

    def prepare(self, kind, sizes, before=3):
        """Its numbers after it has done this work `before` times, or None if it cannot do it."""
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "result.npz")
            if not self._ask(do="prepare", kind=kind, sizes=sizes, before=before, file=file)["able"]:
                return None
            with np.load(file) as arrays:
                return list(arrays.values())

    def time(self, times):
        """Seconds of one repetition, the mean over `times` of them."""
        warm = WARM if self.threads > 1 else 0
        return self._ask(do="time", times=times, warm=warm)["seconds"]

    def peak_memory(self):
        """The most bytes that its process has had in memory at one time."""
        return self._ask(do="peak")["bytes"]

    def _ask(self, **order):
        return self.ask(json.dumps(order))


class Time(NamedTuple):
    """Seconds of one repetition: the median, and the quartiles; `first`: until the first few were done, with all that
    was compiled for them.
    """

    median: float
    low: float
    high: float
    first: float = None


def _alike(mine, theirs, tolerance):
    scale = np.abs(mine).max(initial=1e-6)
    same = mine.size == theirs.size and np.abs(mine.ravel() - theirs.ravel()).max(initial=0) <= tolerance * scale
    return bool(same)


def race(players, kind, sizes, rounds=11, tolerance=1e-3, before=3):
    """name -> Time of each player that can do this work, all in turns. Their numbers are compared first: with the first
    player's, and a rival with others is left out, unless it is the only one.
    """
    able, ours, first, others = [], None, {}, []
    for player in players:
        begin = time.perf_counter()
        numbers = player.prepare(kind, sizes, before)
        first[player.name] = time.perf_counter() - begin
        if numbers is None:
            continue
        if ours is None:
            ours = numbers
        if all(_alike(mine, theirs, tolerance) for mine, theirs in zip(ours, numbers, strict=True)):
            able.append(player)
        else:
            others.append(player.name)
            print(f"{players[0].name} and {player.name} computed different numbers: {kind} {sizes}", file=sys.stderr)
    if others and len(able) <= 1:
        raise RuntimeError(f"{players[0].name} and {', '.join(others)} computed different numbers: {kind} {sizes}")
    times = {player.name: max(1, int(SHORTEST / max(player.time(before), 1e-9))) for player in able}
    taken = {player.name: [] for player in able}
    for _ in range(rounds):
        for player in able:
            taken[player.name].append(player.time(times[player.name]))
            time.sleep(PAUSE)
    return {
        name: Time(statistics.median(some), *np.quantile(some, [0.25, 0.75]), first[name])
        for name, some in taken.items()
    }
