"""All parameters of a network as one argument, so that one kernel updates them all."""

import contextlib

import numpy as np

from backprop.kernels.cuda.kernel import Word
from backprop.kernels.cuda.machine import machine, put

BLOCK = 1024  # elements that one block of threads updates
NUMBERS = 16  # the most that an optimizer has


class Table:
    """Several arrays as one argument of a kernel, in which `array_at(table, n)` is array n."""

    kind = "[<i8]"

    def __init__(self, arrays):
        self.arrays = list(arrays)  # so that their addresses stay valid
        self.addresses = None
        if not machine().simulated:
            self.addresses = put(np.array([array.handle for array in self.arrays], np.int64))


class AllParameters:
    """Arrays that belong together, in blocks.

    rows     (R, 3)  the parameter of block r, where in it the block begins, and where it ends
    table    all arrays, parameter by parameter
    row      where an optimizer's kernel reads its numbers (learning rate, momentum, ...) if others write them, as for
             a recorded step; None: `put` writes them
    """

    row = None

    def __init__(self, columns):
        self.dtype = columns[0][0].dtype
        rows = [
            (number, start, min(start + BLOCK, theta.size))
            for number, theta in enumerate(columns[0])
            for start in range(0, theta.size, BLOCK)
        ]
        self.blocks = len(rows)
        self.rows = put(np.array(rows, np.uint32).reshape(-1, 3))
        self.table = Table(array for arrays in zip(*columns, strict=True) for array in arrays)
        self._numbers, self._written = machine().fresh((NUMBERS,), self.dtype), None

    @contextlib.contextmanager
    def reading(self, row):
        """Within this block kernels read their numbers from `row`, which the caller writes."""
        self.row = row
        try:
            yield
        finally:
            self.row = None

    def put(self, numbers):
        """Write numbers where the kernel reads them, unless they are there already; returns that place."""
        if self.row is not None:
            return self.row
        if numbers != self._written:
            self._numbers.fill_from(padded(numbers))
            self._written = numbers
        return self._numbers


def padded(numbers):
    """An optimizer's numbers, padded with zeros to one row."""
    return [*numbers, *[0.0] * (NUMBERS - len(numbers))]


def all_parameters(*columns):
    """Takes one list of flat arrays per argument: arrays at the same index have one length and belong together."""
    return AllParameters(columns)


def _array_at(real):
    """Numba's intrinsic for the array at an address."""
    from numba.core import types
    from numba.cuda.extending import intrinsic

    pointer = types.CPointer(real)

    @intrinsic
    def array_at(typing, table, n):
        def codegen(context, builder, signature, args):
            address = builder.load(builder.gep(args[0], [args[1]]))
            return builder.inttoptr(address, context.get_value_type(pointer))

        return pointer(table, n), codegen

    return array_at


array_at = Word("array_at", lambda table, n: table[n], _array_at)
