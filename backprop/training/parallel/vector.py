"""What one all-reduce adds: arrays of any shapes and types, in one piece of memory."""

import math

import numpy as np

from backprop.kernels.buffers import LINE


class Vector:
    """Zeros for arrays of these (shape, dtype): `parts` are they, in the order given; `bytes` is all of their memory.

    Each part begins at a cache line, and is an array of its own rather than a view: a recorded step tells arrays apart
    by the memory that they own.
    """

    def __init__(self, kinds):
        kinds = [(tuple(shape), np.dtype(dtype)) for shape, dtype in kinds]
        types = sorted({dtype for _, dtype in kinds}, key=str)
        memory = bytearray(sum(_room(*kind) for kind in kinds) + LINE)
        start = first = -np.frombuffer(memory, np.uint8).ctypes.data % LINE
        found, self.sections, self._starts = {}, [], []
        for dtype in types:  # the arrays of one type lie side by side, to be added as one
            begins = start
            self._starts.append(start - first)
            for place, (shape, own) in enumerate(kinds):
                if own == dtype:
                    found[place] = np.ndarray(shape, dtype, memory, start)
                    start += _room(shape, dtype)
            self.sections.append(np.ndarray(((start - begins) // dtype.itemsize,), dtype, memory, begins))
        self.parts = [found[place] for place in range(len(kinds))]
        self.bytes = np.ndarray((start - first,), np.uint8, memory, first)

    def copy(self, other):
        """Take over the numbers of another Vector."""
        self.bytes[:] = other.bytes

    def add(self, other, piece=slice(None)):
        """self += other, or only a piece of their bytes, which begins and ends at cache lines"""
        begin, end, _ = piece.indices(len(self.bytes))
        for start, mine, theirs in zip(self._starts, self.sections, other.sections, strict=True):
            size = mine.itemsize
            part = slice(max(begin - start, 0) // size, max(end - start, 0) // size)
            mine[part] += theirs[part]


def _room(shape, dtype):
    """Bytes for such an array, rounded up to whole cache lines."""
    return -(-math.prod(shape) * dtype.itemsize // LINE) * LINE
