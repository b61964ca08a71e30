"""Flat arrays that kernels make of memory which they only borrow: no references are counted."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def flat_array(context, builder, array_type, data, count):
    """An array of `count` elements from the pointer `data` on, as codegen makes it."""
    array, step = context.make_array(array_type)(context, builder), array_type.dtype.bitwidth // 8
    step = context.get_constant(types.intp, step)
    shape, strides = cgutils.pack_array(builder, [count]), cgutils.pack_array(builder, [step])
    context.populate_array(array, data=data, shape=shape, strides=strides, itemsize=step, meminfo=None)
    return array._getvalue()


@intrinsic(prefer_literal=True)
def scratch(typing, like, size):
    """An uninitialized flat array of `size` elements, a constant, of the type of the array `like`, or of type `like`.

    It is on the stack: it costs nothing to allocate, and is gone when the function returns.
    """
    array_type, size_of = types.Array(like.dtype, 1, "C"), size.literal_value

    def codegen(context, builder, signature, args):
        data = cgutils.alloca_once(builder, context.get_data_type(like.dtype), size=size_of)
        data.align = 64
        return flat_array(context, builder, array_type, data, context.get_constant(types.intp, size_of))

    return array_type(like, size), codegen
