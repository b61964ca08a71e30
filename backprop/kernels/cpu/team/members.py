"""The team's helpers: threads that take part in the calls of whichever Python thread has called first.

They start when a call is large enough to be shared, wait in compiled code without the interpreter's lock, and sleep
when there is nothing to do. Before a process forks they end, and start again when they are needed: so a child does not
wait for threads that it has not got. They also end before the process does.
"""

import atexit
import ctypes
import functools
import os
import sys
import threading

import numba
import numpy as np

from backprop.errors import OptionError
from backprop.kernels.buffers import aligned
from backprop.kernels.cpu.team import walk as w
from backprop.kernels.cpu.team.words import INT

MOST = numba.config.NUMBA_NUM_THREADS  # the cores that this process may use, unless its user says otherwise

_words = aligned((w.ASLEEP + w.EACH * MOST,), np.int64)
_words[:] = 0
_words[w.LEFT] = -1
_changing = threading.Lock()  # held while helpers are started or ended
_helpers, _asked = [], 0
OFTEN = 20


class Context(threading.local):
    """What the calls of one Python thread need to know, as words at `address`; at `alone` for calls without the team.

    noted    a list while calls are only noted, as (kernel, arguments); else None
    listed   the Calls (calls.py) in which calls are put instead of being made; else None
    """

    def __init__(self):
        self._all_words = np.zeros((2, w.CONTEXT), np.int64)
        self.words, alone = self._all_words
        self.words[[w.TEAM, w.THREADS]], alone[w.THREADS] = (_words.ctypes.data, MOST), 1
        self.address = self.alone = self.noted = self.listed = None

    def begin(self):
        """Compile `walk`, before the first call."""
        self._all_words[:, w.WALK] = _address_of_walk()
        self.address, self.alone = (words.ctypes.data for words in self._all_words)


OWN = ("walk", (INT,) * 4), ("help_team", (INT,) * 2)  # what it needs compiled, by name and types


@functools.cache
def _address_of_walk():
    """Where kernels find `walk`, as a function of C."""
    w.walk.compile((INT,) * 4)
    compiled = w.walk.overloads[(INT,) * 4]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)


context = Context()


def set_num_threads(count):
    """Let the calls of this Python thread use `count` threads, from 1 to as many as it may have (the cores)."""
    if not 1 <= count <= MOST:
        raise OptionError(f"threads must be from 1 to {MOST}, got {count}")
    context.words[w.THREADS] = count


def get_num_threads():
    """How many threads the calls of this Python thread use."""
    return int(context.words[w.THREADS])


def _system_calls():
    """The addresses of what gives way to other threads, and of what acquires and releases a lock of Python's.

    The only place that knows which system this is.
    """
    system = ctypes.WinDLL("kernel32") if sys.platform == "win32" else ctypes.CDLL(None)
    give_way = system.SwitchToThread if sys.platform == "win32" else system.sched_yield
    calls = give_way, ctypes.pythonapi.PyThread_acquire_lock, ctypes.pythonapi.PyThread_release_lock
    return [ctypes.cast(call, ctypes.c_void_p).value for call in calls]


def _new_lock():
    """The address of a lock that is held: whoever acquires it waits for a release."""
    python = ctypes.pythonapi
    python.PyThread_allocate_lock.restype = ctypes.c_void_p
    lock = python.PyThread_allocate_lock()
    python.PyThread_acquire_lock(ctypes.c_void_p(lock), 1)
    return lock


def start(at_once=True):
    """Start the helpers; not `at_once`, if this has been asked OFTEN, since what they run may have to be compiled.

    Where there can be none, each thread makes its calls alone, with the same bits.
    """
    global _asked
    with _changing:
        _asked += 1
        if _words[w.HELPERS] or not at_once and _asked < OFTEN:
            return
        _join()
        w.help_team.compile((INT, INT))  # here, so that whoever waits for it is told
        try:
            _words[[w.GIVE_WAY, w.ACQUIRE, w.RELEASE]] = _system_calls()
            _words[w.QUIT] = 0  # nothing else: another thread may be within a list that it began with helpers
            for number in range(MOST - 1):
                place = w.EACH * number
                _words[w.ASLEEP + place], _words[w.LOCK + place] = 0, _words[w.LOCK + place] or _new_lock()
                args = _words.ctypes.data, number
                helper = threading.Thread(target=w.help_team, args=args, name="backprop helper", daemon=True)
                helper.start()
                _helpers.append(helper)
        except (AttributeError, OSError, RuntimeError):  # no such calls in this system, or no more threads
            context.words[w.THREADS] = len(_helpers) + 1
        _words[w.HELPERS] = len(_helpers)


def end():
    """End the helpers, each after the part that it is computing. Whoever shares work with them finishes it."""
    with _changing:
        _words[w.HELPERS] = 0
        _join()


def _join():
    """Wait until all helpers have ended, also those of an `end` that was interrupted."""
    if _helpers:
        _words[w.QUIT] = 1
        w.wake_all(_words.ctypes.data, len(_helpers))
    while _helpers:
        _helpers[-1].join()
        _helpers.pop()


def _begin_anew():
    """In the child of a fork, which has one thread only."""
    global _changing
    _changing = threading.Lock()
    _helpers.clear()
    _words[[w.HELPERS, w.BUSY, w.LEFT]] = 0, 0, -1
    _words[w.TICKET] = (_words[w.TICKET] | w.PARTS) + 1  # nothing is left of a list that another thread was within


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=end, after_in_child=_begin_anew)
atexit.register(end)
