"""All parameters of a network as one list of blocks, so that one kernel call updates them all."""

from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from backprop.kernels.cpu.parts import BLOCK
from backprop.kernels.cpu.views import flat_array


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


@intrinsic(prefer_literal=True)
def arrays_of(typing, rows, r, like, number):
    """The first `number` arrays, a constant, of block r, as a tuple."""
    array_type, count = types.Array(like.dtype, 1, "C"), number.literal_value
    returned = types.UniTuple(array_type, count)

    def codegen(context, builder, signature, args):
        table = context.make_array(rows)(context, builder, args[0])
        row = builder.gep(table.data, [builder.mul(args[1], builder.extract_value(table.shape, 1))])
        size, *addresses = (
            builder.load(builder.gep(row, [context.get_constant(types.intp, n)])) for n in range(count + 1)
        )
        pointer = context.get_data_type(like.dtype).as_pointer()
        arrays = [flat_array(context, builder, array_type, builder.inttoptr(at, pointer), size) for at in addresses]
        return context.make_tuple(builder, returned, arrays)

    return returned(rows, types.intp, like, number), codegen
