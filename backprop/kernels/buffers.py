"""Arrays that are used again once nobody looks at them.

A training step needs the same outputs and deltas over and over. Asking the operating system for each of them costs
more than filling them, so they are kept here and handed out again, under one rule: only when nobody else refers to
them. A view refers to its array, so it counts. What a caller holds therefore never changes under it. What is handed
out is a view itself, so that a caller who reshapes it in place reshapes only his own.
"""

import math
import sys
import threading

import numpy as np

SMALLEST = 4096  # bytes; below this the allocator is as quick as we are
MOST_ALIKE = 16  # arrays kept of one shape: whoever keeps thousands of results gets fresh ones
MOST_BYTES = 1 << 30  # kept in all, in one thread; past it the idle ones are let go
LINE = 64  # bytes of a cache line, and of the widest registers: what begins with one is read without crossing any


def aligned(shape, dtype):
    """A new array of arbitrary content that begins with a cache line."""
    dtype = np.dtype(dtype)
    count = math.prod(shape) * dtype.itemsize
    memory = np.empty(count + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + count].view(dtype).reshape(shape)


class Buffers(threading.local):
    """One thread's arrays, by shape and element type. `make(shape, dtype)` makes a new one, whose `base` is its memory.
    None smaller than `smallest` bytes is kept, nor more than `alike` of one shape, nor more than `most` bytes in all.
    """

    def __init__(self, make=aligned, smallest=SMALLEST, alike=None, most=None):
        self.make, self.smallest = make, smallest
        self.most_alike, self.most = alike or MOST_ALIKE, most or MOST_BYTES
        self.kept = {}
        self.bytes = 0
        self.idle_count = self._measure_idle_count()

    def empty(self, shape, dtype):
        """An array of this shape and type with arbitrary content that nobody else can see."""
        dtype = np.dtype(dtype)
        alike = self.kept.get((shape, dtype))
        if alike is not None:
            for memory, array in alike:
                if sys.getrefcount(memory) == self.idle_count:
                    return array.view()
        fresh = self.make(shape, dtype)
        if self.smallest <= fresh.nbytes <= self.most and (alike is None or len(alike) < self.most_alike):
            if self.bytes + fresh.nbytes > self.most:
                self.release()
            self.kept.setdefault((shape, dtype), []).append((fresh.base, fresh))
            self.bytes += fresh.nbytes
            return fresh.view()
        return fresh

    def release(self):
        """Let go of all that nobody else refers to (and forget the rest: it lives as long as its holders)."""
        self.kept.clear()
        self.bytes = 0

    @staticmethod
    def _measure_idle_count():
        """What `getrefcount` says, in a loop like the one above, of memory that only its list and array refer to.

        Measured, not assumed: Python versions differ in whether a loop variable counts.
        """
        fresh, count = aligned((1,), np.float32), 0
        alike = [(fresh.base, fresh)]
        for memory, _ in alike:
            count = sys.getrefcount(memory)
        return count


_buffers = Buffers()
empty, release = _buffers.empty, _buffers.release
