"""All parameters of a network as one list of blocks, so that one kernel call, one parallel loop, updates them all."""

from typing import NamedTuple

import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from backprop.kernels.cpu.jit import BLOCK, maker


class AllParameters(NamedTuple):
    """Arrays that belong together, in blocks.

    rows     (R, 1 + A)  the number of elements in a block, and the address of each of its A arrays there
    like     an array of their element type
    arrays   the arrays themselves, so that their addresses stay valid
    """

    rows: np.ndarray
    like: np.ndarray
    arrays: tuple


def all_parameters(*columns):
    """Takes one list of flat arrays per argument: arrays at the same index have one length and belong together."""
    rows = [
        [min(BLOCK, arrays[0].size - start), *(array.ctypes.data + start * array.itemsize for array in arrays)]
        for arrays in zip(*columns, strict=True)
        for start in range(0, arrays[0].size, BLOCK)
    ]
    rows = np.array(rows, np.int64).reshape(-1, 1 + len(columns))
    return AllParameters(rows, np.empty(0, columns[0][0].dtype), columns)


@maker
def block(rows, r, number, like):
    """Array number `number` of block r."""
    return carray(_pointer(rows[r, 1 + number], like), (rows[r, 0],))


@intrinsic
def _pointer(typing, address, like):
    """The address, as a pointer to elements of the type of `like`."""
    pointer = types.CPointer(like.dtype)

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(address, like), codegen
