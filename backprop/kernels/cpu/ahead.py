"""Kernels that a list of calls will need, compiled before it runs: by all cores, each in a process of its own.

Numba compiles one function at a time in a process. Which forms of which kernels a step needs is known once it is
recorded. So other processes take some of the missing ones and leave them in the cache, while this one compiles some.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from backprop.kernels.cpu.compiling import tell, tell_left
from backprop.kernels.cpu.effort import seconds
from backprop.kernels.cpu.kernel import COMPILED, is_missing
from backprop.kernels.cpu.team.calls import noting
from backprop.kernels.cpu.team.members import OWN
from backprop.kernels.recording import InPython

WORTH = 6  # seconds of compiling, for which another process is started
BYTES = 400 << 20  # what a compiling process may take


def prepare(calls):
    """Compile what the calls, (function, arguments) of this kernel set, need and what is nowhere cached yet."""
    new = {_kind(*call): call for call in calls if not isinstance(call[0], InPython)}
    new = {kind: call for kind, call in new.items() if kind not in _prepared}
    _prepared.update(new)
    with noting() as noted:
        for function, args in new.values():  # which may also compute in NumPy, so they are given arrays like their own
            function(*map(_like, args))
    needed = dict.fromkeys([*((kernel.name, kernel.types_of(args)) for kernel, args in noted), *OWN])
    missing = [form for form in needed if is_missing(*form)]
    others = min((os.cpu_count() or 1) - 1, len(missing) - 1, _free_memory() // BYTES)
    can_share = others > 0 and sys.executable  # an embedded Python may not know its own path
    if can_share and sum(map(_seconds, missing)) > WORTH:
        _share_out(sorted(missing, key=_seconds), others)


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


def _seconds(form):
    """About how long its compilation takes."""
    name, _ = form
    return seconds(COMPILED[name].py_func)


def _free_memory():
    """Bytes that processes may take; of a system that does not say, what one of them takes."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return BYTES


def _share_out(missing, others):
    """Let so many other processes take one after the other, the last ones first, as this one does. What none of them
    has compiled is compiled when it is called.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", "from backprop.kernels.cpu import ahead; ahead.serve()"]
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "env": environment}
    lock, children = threading.Lock(), []

    def next_form():
        with lock:
            return missing.pop() if missing else None

    def feed(child):
        with contextlib.suppress(OSError), child:  # whose end is waited for
            while form := next_form():
                child.stdin.write(pickle.dumps(form).hex().encode() + b"\n")
                child.stdin.flush()
                if not child.stdout.readline():
                    return  # it has died
            child.stdin.close()

    threads = []
    try:
        for _ in range(others):
            children.append(subprocess.Popen(command, **how))
            threads.append(threading.Thread(target=feed, args=children[-1:], daemon=True))
            threads[-1].start()
        while form := next_form():
            left = sum(map(_seconds, [form, *missing])) / (1 + others)
            tell_left(f"{len(missing) + 1} left, about {left:.0f} s", f": {len(missing) + 1}, about {left:.0f} s")
            name, types = form
            COMPILED[name].compile(types)
        for thread in threads:
            while thread.is_alive():
                tell("the last ones")  # whoever listens may raise
                thread.join(0.2)
    except OSError:  # no more processes are to be had
        pass
    finally:
        tell_left(None)
        missing.clear()
        for child in children:
            child.kill()
            child.wait()


def serve():
    """In a process of its own: compile what comes in, a line for each, and answer with a line.

    Ctrl-C is for the process that waits, which then ends this one.
    """
    from backprop.kernels import load

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load("cpu")
    for line in sys.stdin:
        name, types = pickle.loads(bytes.fromhex(line))
        COMPILED[name].compile(types)
        print(flush=True)
