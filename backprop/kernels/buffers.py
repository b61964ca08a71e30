"""A pool of arrays, each reused once nothing else refers to it.

A training step needs the same outputs and deltas over and over. Asking the operating system for each of them costs
more than filling them, so they are kept here and handed out again, under one rule: only when nothing else refers to
them. A view refers to its array, so it counts. An array that a caller holds is therefore never overwritten. A caller
gets a view, so that reshaping it in place does not reshape the array that is kept.
"""

import math
import sys
import threading

import numpy as np

SMALLEST = 4096  # bytes; below this the allocator is as quick as we are
MOST_ALIKE = 16  # arrays kept of one shape: a caller that holds thousands of results gets fresh ones
MOST_BYTES = 1 << 30  # kept in all, by one thread; beyond it the idle ones are released
LINE = 64  # bytes of a cache line, and of the widest registers: an aligned load crosses no line


def aligned(shape, dtype):
    """A new, uninitialized array that begins at a cache line."""
    dtype = np.dtype(dtype)
    count = math.prod(shape) * dtype.itemsize
    memory = np.empty(count + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + count].view(dtype).reshape(shape)


class Buffers(threading.local):
    """One thread's arrays, by shape and element type. `make(shape, dtype)` makes a new one, whose `base` is its memory.
    Arrays below `smallest` bytes are not kept, nor more than `alike` of one shape, nor more than `most` bytes in all.
    """

    def __init__(self, make=aligned, smallest=SMALLEST, alike=None, most=None):
        self.make, self.smallest = make, smallest
        self.most_alike, self.most = alike or MOST_ALIKE, most or MOST_BYTES
        self.kept = {}
        self.bytes = 0
        self.idle_count = self._measure_idle_count()

    def empty(self, shape, dtype):
        """An uninitialized array of this shape and type that nothing else refers to."""
        dtype = np.dtype(dtype)
        if self.make is aligned and math.prod(shape) * dtype.itemsize < self.smallest:
            return np.empty(shape, dtype)
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
        """Release all arrays that nothing else refers to and forget the rest, which lives as long as it is held."""
        self.kept.clear()
        self.bytes = 0

    @staticmethod
    def _measure_idle_count():
        """What `getrefcount` returns, in a loop like the one above, for memory that only its list and array refer to.

        Measured, not assumed: Python versions differ in whether a loop variable counts.
        """
        fresh, count = aligned((1,), np.float32), 0
        alike = [(fresh.base, fresh)]
        for memory, _ in alike:
            count = sys.getrefcount(memory)
        return count


_buffers = Buffers()
empty, release = _buffers.empty, _buffers.release
