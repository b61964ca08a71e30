"""Steps of one and of several ranks, in turns, and what an all-reduce takes over its size."""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from backprop.training.parallel.mpi import cores
from benchmarks.turns import PAUSE, SHORTEST, Asked

WORKER = Path(__file__).with_name("worker.py")
NETWORKS = {"mlp512": (64, 256), "cnn": (64,), "resnet": (64,)}  # -> sizes of a batch
SHARDS = 8
SIZES = [64, 1 << 10, 1 << 13, 1 << 15, 1 << 17, 1 << 19, 1 << 21, 1 << 23]  # bytes of an all-reduce
SLOW, RATE = "TCP, 1 Gbit/s", "1gbit"  # a line whose bandwidth is set
TCP = {"MPIR_CVAR_NOLOCAL": "1", "MPIR_CVAR_CH4_NETMOD": "ofi", "FI_PROVIDER": "tcp"}  # for MPICH


class Setting(NamedTuple):
    """How many ranks with how many threads; 0 ranks are one process without MPI. `way`: what lies between them."""

    ranks: int
    threads: int
    shards: int = SHARDS
    way: str = "memory"

    def __str__(self):
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        if not self.ranks:
            return f"one process, no shards, {threads}"
        return f"{self.ranks} rank{'s' * (self.ranks > 1)}, {threads}{' each' * (self.ranks > 1)}"


def settings():
    """One process without shards, one rank, then as many as there are cores, and one rank with as many threads."""
    most = 1 << (min(len(cores()), SHARDS).bit_length() - 1)
    counts = [1 << k for k in range(1, most.bit_length())]
    alone = [Setting(0, threads, 1) for threads in (1, most)]
    return [*alone, Setting(1, 1), Setting(1, most), *(Setting(ranks, 1) for ranks in counts)]


def mpiexec():
    """MPI's launcher, or None."""
    beside = Path(sys.executable).parent / "mpiexec"
    return str(beside) if beside.is_file() else shutil.which("mpiexec")


class Worker(Asked):
    """The ranks of one setting, in processes that wait, without computing, until they are asked."""

    def __init__(self, setting, model, batch):
        start = [mpiexec(), "-n", str(setting.ranks)] if setting.ranks else []
        command = [*start, sys.executable, str(WORKER), model, *map(str, (batch, setting.shards, setting.threads))]
        if setting.way == SLOW:  # in a network of its own, whose only line has so much bandwidth
            line = f"ip link set lo mtu 9000 up && tc qdisc add dev lo root tbf rate {RATE} burst 128kb latency 400ms"
            command = ["unshare", "-n", "sh", "-c", f'{line} && exec "$@"', "sh", *command]
        more = {} if setting.way == "memory" else TCP
        env = {**os.environ, "PYTHONPATH": str(WORKER.parents[3]), **more}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=env, **pipes)
        self.name = str(setting)
        self.bytes = self.answer()["bytes"]

    def train(self, steps):
        return self.ask(f"train {steps}")["seconds"]

    def reduce(self, size):
        return self.ask(f"reduce {size}")["seconds"]


@contextlib.contextmanager
def workers(settings, model, batch):
    found = []
    try:
        for setting in settings:
            found.append(Worker(setting, model, batch))
        yield found
    finally:
        for worker in found:
            worker.close()


def steps(rounds, networks=NETWORKS):
    """(model, batch) -> {Setting: median seconds of a step}, and model -> bytes of its gradients."""
    found, sizes, of_all = {}, {}, settings()
    for model, batches in networks.items():
        for batch in batches:
            with workers(of_all, model, batch) as some:
                sizes[model] = some[0].bytes
                count = max(2, int(SHORTEST / some[2].train(3)))
                taken = [[] for _ in some]
                for _ in range(rounds):
                    for worker, seconds in zip(some, taken, strict=True):
                        seconds.append(worker.train(count))
                        time.sleep(PAUSE)
            found[model, batch] = dict(zip(of_all, map(statistics.median, taken), strict=True))
            print(f"{model}, batch {batch}", file=sys.stderr)
    return found, sizes


def reductions():
    """way -> [(bytes, seconds)] between two ranks: through memory, TCP, and TCP with a bandwidth that is set."""
    found = {}
    for way in ("memory", "TCP", SLOW):
        try:
            with workers([Setting(2, 1, way=way)], "mlp128", 64) as (two,):
                found[way] = [(size, two.reduce(size)) for size in SIZES]
        except (OSError, RuntimeError) as error:
            print(f"without {way}: {error}", file=sys.stderr)
    return found
