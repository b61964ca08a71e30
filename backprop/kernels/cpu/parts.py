"""What belongs to a part of a kernel's work, and the rule that makes its bits independent of who computes it.

Each output is owned by one item, a row or an image, say, which computes it from beginning to end in a fixed order; a
part is some neighbouring items. Single elements come in blocks of BLOCK: a part gets whole blocks, so vector code gives
way to scalar code at the same elements, however many parts there are.
"""

from numba import types
from numba.extending import intrinsic

from backprop.kernels.cpu.jit import inlined
from backprop.kernels.cpu.views import flat_array

BLOCK = 2048
INDEX = types.intp


@inlined
def share(items, part, parts):
    """The items of a part: a range."""
    return range(part * items // parts, (part + 1) * items // parts)


@inlined
def blocks(size):
    """How many blocks cover `size` elements."""
    return (size + BLOCK - 1) // BLOCK


@intrinsic
def block_of(typing, array, block):
    """Block number `block` of a flat array, array[block * BLOCK : (block + 1) * BLOCK]."""

    def codegen(context, builder, signature, args):
        array, block = args
        whole, size = context.make_array(signature.args[0])(context, builder, array), context.get_constant(INDEX, BLOCK)
        start = builder.mul(block, size)
        rest = builder.sub(whole.nitems, start)
        count = builder.select(builder.icmp_signed("<", rest, size), rest, size)
        return flat_array(context, builder, signature.return_type, builder.gep(whole.data, [start]), count)

    return flat(array)(array, INDEX), codegen


@intrinsic
def piece(typing, array, start, count):
    """array[start : start + count] of an array's elements in memory, as a flat array.

    Its indices begin at 0: an index that might be negative, counted from the end, would have to be tested before each
    use, and the loop would not be vectorized.
    """

    return flat(array)(array, INDEX, INDEX), _piece


def _piece(context, builder, signature, args):
    array, start, count = args
    whole = context.make_array(signature.args[0])(context, builder, array)
    if context.enable_boundscheck:
        outside = builder.icmp_signed(">", builder.add(start, count), whole.nitems)
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a piece reaches outside its array",))
    return flat_array(context, builder, signature.return_type, builder.gep(whole.data, [start]), count)


@intrinsic(prefer_literal=True)
def pieces(typing, array, start, size, count):
    """`count` pieces of one size, one behind the other, as a tuple; count is a constant."""
    returned = types.UniTuple(flat(array), count.literal_value)

    def codegen(context, builder, signature, args):
        array, start, size, _ = args
        one = signature.return_type.dtype(signature.args[0], INDEX, INDEX)
        found = []
        for _ in range(len(returned)):
            found.append(_piece(context, builder, one, (array, start, size)))
            start = builder.add(start, size)
        return context.make_tuple(builder, returned, found)

    return returned(array, INDEX, INDEX, count), codegen


def flat(array):
    """The type of a flat array of the same elements."""
    return types.Array(array.dtype, 1, "C", readonly=not array.mutable)
