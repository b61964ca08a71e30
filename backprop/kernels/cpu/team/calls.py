"""Calls of kernels, listed once and then made as often as one likes, in one go."""

import contextlib
import functools
import time

import numpy as np

from backprop.kernels.buffers import aligned, empty
from backprop.kernels.cpu.team import walk as w
from backprop.kernels.cpu.team.members import context, start
from backprop.kernels.cpu.team.pace import Pace
from backprop.kernels.recording import InPython

ROOM = 1 << 12  # words for one call and its arguments


class Unlisted(Exception):
    """Raised by what computes in Python and so cannot be listed."""


class Calls:
    """A list of calls, and the arrays of their arguments."""

    def __init__(self):
        self._rows, self._args, self._memory, self._scratch, self._taken = [], [], None, {}, {}

    def list(self, function, args):
        """List the calls that function(*args) makes; nothing is computed. Raises Unlisted where that is impossible."""
        words, count = context.words, len(self._rows)
        buffer = np.empty(ROOM, np.int64)
        words[[w.LISTED, w.ROOM]] = buffer.ctypes.data, ROOM
        context.listed, self._buffer = self, buffer
        self._taken.clear()
        try:
            function(*args)
        except BaseException:
            del self._rows[count:], self._args[count:]
            raise
        finally:
            context.listed, self._buffer = None, None
            words[w.LISTED] = 0

    def take(self, args):
        """Take the call that a kernel has put into the buffer, and keep its arguments."""
        self._rows.append(self._buffer[: w.ROW + self._buffer[w.SIZE]].copy())
        self._args.append(args)

    def empty(self, shape, dtype):
        """Scratch memory for the calls of one function; another one's may lie in the same."""
        key = shape, np.dtype(dtype)
        number = self._taken[key] = self._taken.get(key, -1) + 1
        alike = self._scratch.setdefault(key, [])
        if number == len(alike):
            alike.append(aligned(*key))
        return alike[number]

    def __call__(self):
        """Make the calls."""
        if not self._rows:
            return
        if self._memory is None:
            self._lay_out()
        if context.address is None:
            context.begin()
        threads = context.words[w.THREADS] if self._pace.choose() else 1
        begin = time.perf_counter()
        answer = w.walk(context.address, self._address, len(self._rows), threads)
        if answer == w.RAISED:
            raise RuntimeError("a kernel raised an exception")
        if answer == w.WITHOUT_TEAM:
            start()
        else:
            self._pace.took(time.perf_counter() - begin)

    def __len__(self):
        return len(self._rows)

    def _lay_out(self):
        """The table, and behind it the arguments of all calls."""
        at = w.ROW * len(self._rows)
        self._pace = Pace()
        self._memory = np.zeros(at + sum(row.size for row in self._rows), np.int64)
        for number, row in enumerate(self._rows):
            arguments = row[w.ROW :]
            self._memory[at : at + arguments.size] = arguments
            place = self._memory[number * w.ROW :][: w.ROW]
            place[:] = row[: w.ROW]
            place[w.RECORD] = self._memory.ctypes.data + 8 * at
            at += arguments.size
        self._address = self._memory.ctypes.data


class Replay:
    """Makes calls, (function, arguments) of this kernel set, as often as one likes, and most of them in one go."""

    def __init__(self, calls):
        self._runs = [Calls()]
        for function, args in calls:
            try:
                if isinstance(function, InPython):
                    raise Unlisted
                self._runs[-1].list(function, args)
            except Unlisted:
                self._runs += [functools.partial(function, *args), Calls()]

    def __call__(self):
        for run in self._runs:
            run()


def computes_in_python():
    """To be called by a function that does, before it does: it cannot be listed."""
    if context.listed is not None:
        raise Unlisted


def scratch(shape, dtype):
    """An uninitialized array for the calls that a function makes: its own, or that of the list into which they go."""
    return (empty if context.listed is None else context.listed.empty)(shape, dtype)


@contextlib.contextmanager
def noting():
    """Within this block this thread's calls of kernels are noted and not made. Yields the list of (Kernel, args)."""
    context.noted = calls = []
    try:
        yield calls
    finally:
        context.noted = None
