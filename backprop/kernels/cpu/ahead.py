"""Kernels that a list of calls will need, compiled before it runs: by all cores, each in a process of its own.

Numba compiles one function at a time in a process. Which forms of which kernels a step needs is known once it is
recorded, so the missing ones are shared out among processes, which leave them in the cache.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from backprop.kernels.cpu.compiling import tell
from backprop.kernels.cpu.kernel import KERNELS
from backprop.kernels.cpu.team.calls import noting

FEW = 2  # as many kernels are compiled here, before another process has started
BYTES = 400 << 20  # what a compiling process may take


def prepare(calls):
    """Compile what the calls, (function, arguments) of this kernel set, need and what is nowhere cached yet."""
    new = {_kind(*call): call for call in calls}
    new = {kind: call for kind, call in new.items() if kind not in _prepared}
    _prepared.update(new)
    with noting() as noted:
        for function, args in new.values():  # which may also compute in NumPy, so they are given arrays like their own
            function(*map(_like, args))
    needed = dict.fromkeys((kernel.name, kernel.types_of(args)) for kernel, args in noted)
    missing = [(name, types) for name, types in needed if KERNELS[name].is_missing(types)]
    processes = min(os.cpu_count() or 1, len(missing), max(1, _free_memory() // BYTES))
    if len(missing) > FEW and processes > 1 and sys.executable:  # an embedded Python may not know its own path
        _share_out(missing, processes)


_prepared = set()  # the kinds of calls whose kernels were compiled or found


def _kind(function, args):
    """What decides which forms of which kernels a call needs."""
    return function, *[
        (a.shape, a.dtype.char, a.flags.writeable) if isinstance(a, np.ndarray) else (type(a), repr(a)) for a in args
    ]


def _like(value):
    """An array of zeros like this one, or the value itself."""
    if not isinstance(value, np.ndarray):
        return value
    zeros = np.zeros(value.shape, value.dtype)
    zeros.flags.writeable = value.flags.writeable
    return zeros


def _free_memory():
    """Bytes that processes may take; of a system that does not say, what two of them take."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 2 * BYTES


def _share_out(missing, processes):
    """Let so many processes take one after the other. What none of them has compiled is compiled when it is called."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", "from backprop.kernels.cpu import ahead; ahead.serve()"]
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "env": environment}
    left, lock, children = list(reversed(missing)), threading.Lock(), []

    def work(child):
        while True:
            with lock:
                if not left:
                    return child.stdin.close()
                task = left.pop()
            try:
                child.stdin.write(pickle.dumps(task).hex().encode() + b"\n")
                child.stdin.flush()
                if not child.stdout.readline():
                    return None  # it has died
            except OSError:
                return None

    try:
        children = [subprocess.Popen(command, **how) for _ in range(processes)]
        with ThreadPoolExecutor(processes) as pool:
            try:
                futures = [pool.submit(work, child) for child in children]
                while wait(futures, timeout=0.2).not_done:  # whoever listens may raise KeyboardInterrupt
                    tell(f"{len(left) + processes} left, on {processes} cores")
            except BaseException:
                left.clear()
                for child in children:
                    child.kill()  # so that the threads end
                raise
    except OSError:  # no more processes are to be had
        pass
    finally:
        for child in children:
            with contextlib.suppress(OSError), child:
                child.kill()


def serve():
    """In a process of its own: compile what comes in, a line for each, and answer with a line.

    Ctrl-C is for the process that waits, which then ends this one.
    """
    from backprop.kernels import load

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load("cpu")
    for line in sys.stdin:
        name, types = pickle.loads(bytes.fromhex(line))
        KERNELS[name].dispatcher.compile(types)
        print(flush=True)
