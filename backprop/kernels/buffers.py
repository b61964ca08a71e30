"""Arrays that are used again once nobody looks at them.

A training step needs the same outputs and deltas over and over. Asking the operating system for each of them costs
more than filling them, so they are kept here and handed out again, under one rule: only when nobody else refers to
them. A view refers to its array, so it counts. What a caller holds therefore never changes under it. What is handed
out is a view itself, so that a caller who reshapes it in place reshapes only his own.
"""

import sys
import threading

import numpy as np

SMALLEST = 4096  # bytes; below this the allocator is as quick as we are
MOST_ALIKE = 16  # arrays kept of one shape: whoever keeps thousands of results gets fresh ones
MOST_BYTES = 1 << 30  # kept in all, in one thread; past it the idle ones are let go


class Buffers(threading.local):
    """One thread's arrays, by shape and element type."""

    def __init__(self):
        self.kept = {}
        self.bytes = 0
        self.idle_count = self._measure_idle_count()

    def empty(self, shape, dtype):
        """An array of this shape and type with arbitrary content that nobody else can see."""
        dtype = np.dtype(dtype)
        alike = self.kept.get((shape, dtype))
        if alike is not None:
            for array in alike:
                if sys.getrefcount(array) == self.idle_count:
                    return array.view()
        fresh = np.empty(shape, dtype)
        if SMALLEST <= fresh.nbytes <= MOST_BYTES and (alike is None or len(alike) < MOST_ALIKE):
            if self.bytes + fresh.nbytes > MOST_BYTES:
                self.release()
            self.kept.setdefault((shape, dtype), []).append(fresh)
            self.bytes += fresh.nbytes
            return fresh.view()
        return fresh

    def release(self):
        """Let go of all that nobody else refers to (and forget the rest: it lives as long as its holders)."""
        self.kept.clear()
        self.bytes = 0

    @staticmethod
    def _measure_idle_count():
        """What `getrefcount` says, in a loop like the one above, of an array that only its list refers to.

        Measured, not assumed: Python versions differ in whether a loop variable counts.
        """
        alike, count = [np.empty(1)], 0
        for array in alike:
            count = sys.getrefcount(array)
        return count


_buffers = Buffers()
empty = _buffers.empty
