"""Watched memory: records what a simulated kernel reads and writes, to find threads that would race on a GPU.

Numba's simulator runs the threads of a block in turns, which hides races that would go wrong on a GPU. Here every
access to global and shared memory is recorded, with the thread and the number of barriers it has passed. The last lines
of this file replace Numba's own shared memory and barrier.
"""

import sys
import threading

import numpy as np
from numba.cuda.simulator import kernelapi
from numba.cuda.simulator.kernel import BlockThread


class Trace:
    """Which threads of a launch read and wrote each address, to find two that race there.

    Threads of one block may use one address if a barrier lies between them. `phase` counts the barriers that a thread
    has passed.
    """

    def __init__(self):
        self.readers, self.writers = {}, {}

    def read(self, address):
        me = _me()
        if _meet(self.writers.get(address), me):
            raise RuntimeError("data race: a thread reads what another thread of this launch has written")
        other = self.readers.setdefault(address, me)
        if other != me:
            several = _meet(other, me)  # then no thread may write here before the next barrier
            self.readers[address] = (None, me[1] if other[1] == me[1] else None, me[2]) if several else me

    def write(self, address):
        me = _me()
        if _meet(self.writers.get(address), me) or _meet(self.readers.get(address), me):
            raise RuntimeError("data race: a thread writes where another thread of this launch reads or writes")
        self.writers[address] = me


def _me():
    """(thread, block, phase) of the current simulated thread."""
    thread = threading.current_thread()
    return tuple(thread.threadIdx), tuple(thread.blockIdx), getattr(thread, "phase", 0)


def _meet(other, me):
    """Whether two threads differ and no barrier keeps them apart."""
    if other is None or other[:2] == me[:2]:
        return False
    return other[1] != me[1] or other[2] == me[2]


class Watched:
    """A flat array as a kernel sees it, whose accesses are recorded."""

    def __init__(self, array, trace):
        self.array, self.trace = array, trace
        self.first, self.itemsize = array.__array_interface__["data"][0], array.itemsize

    def _address(self, i):
        if not 0 <= i < self.array.size:
            raise IndexError(f"index {i} is out of bounds of an array of {self.array.size}")
        return self.first + int(i) * self.itemsize

    def __getitem__(self, i):
        self.trace.read(self._address(i))
        return self.array[i]

    def __setitem__(self, i, value):
        self.trace.write(self._address(i))
        self.array[i] = value


class Shared(kernelapi.FakeCUDAShared):
    """Numba's stand-in for shared memory, but watched, new for each block, and with an alignment, which it refused."""

    def array(self, shape, dtype, alignment=None):
        caller = sys._getframe(1)
        key = caller.f_code, caller.f_lasti, tuple(threading.current_thread().blockIdx)
        if key not in self._allocations:
            bytes_ = np.full(shape * np.dtype(dtype).itemsize, 255, np.uint8)
            self._allocations.setdefault(key, Watched(bytes_.view(dtype), Trace()))
        return self._allocations[key]


def _count_barriers(passes):
    """numba's barrier, after which a thread is in its next phase."""

    def syncthreads(thread):
        passes(thread)
        thread.phase = getattr(thread, "phase", 0) + 1

    return syncthreads


kernelapi.FakeCUDAShared = Shared
BlockThread.syncthreads = _count_barriers(BlockThread.syncthreads)
