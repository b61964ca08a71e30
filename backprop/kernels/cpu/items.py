"""Items of scores u (B, C, D) over C classes: what softmax, and the losses behind it, compute at once.

D > 1                 as many neighbouring samples as a register has lanes, each in its own lane
D = 1, few classes    as many samples, transposed into memory beside, so that each has its own lane, and back again
D = 1, many classes   one sample, as many neighbouring classes in each register
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.simd import LANES, lanes, load_part, store_part, transpose
from backprop.kernels.cpu.views import flat_array

FEW = 32
SPACE = FEW * LANES


@inlined
def transposed(u):
    """Whether its items are transposed."""
    return u.shape[2] == 1 and u.shape[1] <= FEW


@intrinsic
def room(typing, u, beside):
    """Where `registers` finds the items, as a flat array: scratch memory for one if they are transposed, as `beside`
    says, else u's own elements.
    """
    flat = types.Array(u.dtype, 1, "C")

    def codegen(context, builder, signature, args):
        array, space = context.make_array(u)(context, builder, args[0]), context.get_constant(types.intp, SPACE)
        scratch = cgutils.alloca_once(builder, context.get_data_type(u.dtype), size=SPACE)
        scratch.align = 64
        data, count = builder.select(args[1], scratch, array.data), builder.select(args[1], space, array.nitems)
        return flat_array(context, builder, flat, data, count)

    return flat(u, types.boolean), codegen


@inlined
def items(u):
    """How many there are: none where there are no classes."""
    if transposed(u):
        return min(u.shape[1], 1) * ((u.shape[0] + lanes(u) - 1) // lanes(u))
    return min(u.shape[1], 1) * u.shape[0] * ((u.shape[2] + lanes(u) - 1) // lanes(u))


@inlined
def samples(u, item):
    """(first, count): the samples of an item, counted through B and D"""
    if u.shape[2] == 1:
        return (item * lanes(u), min(lanes(u), u.shape[0] - item * lanes(u))) if transposed(u) else (item, 1)
    blocks = (u.shape[2] + lanes(u) - 1) // lanes(u)
    b, first = item // blocks, item % blocks * lanes(u)
    return b * u.shape[2] + first, min(lanes(u), u.shape[2] - first)


@inlined
def registers(u, item):
    """(n, at): an item has n registers; `load_at` and `store_at` know by at = (i, step, count, fewer) where they are.
    Where its lanes are classes, at[3] > 0.
    """
    classes, after, size = u.shape[1], u.shape[2], lanes(u)
    if transposed(u):
        return classes, (0, size, size, 0)
    if after == 1:
        return (classes + size - 1) // size, (item * classes, size, classes, size)
    first, count = samples(u, item)
    return classes, (first + first // after * (classes - 1) * after, after, count, 0)


@inlined
def take(u, item, flat):
    """Bring an item to where `registers` finds it, in `flat`."""
    if transposed(u):
        exchange(u, item, flat)


@inlined
def put(flat, item, out):
    """Bring an item from `flat`, into which it was written, to its place."""
    if transposed(out):
        exchange_back(flat, item, out)


@inner
def exchange(u, item, flat):
    """flat[c, d] = u[item lanes + d, c]"""
    size, classes = lanes(u), u.shape[1]
    first, count = samples(u, item)
    for c in range(0, classes, size):
        tile = load_part(u, first * classes + c, classes, count, classes - c, 0, 1)
        store_part(transpose(tile), flat, c * size, size, classes - c, size)


@inner
def exchange_back(flat, item, out):
    """The reverse."""
    size, classes = lanes(out), out.shape[1]
    first, count = samples(out, item)
    for c in range(0, classes, size):
        tile = load_part(flat, c * size, size, classes - c, size, 0, 1)
        store_part(transpose(tile), out, first * classes + c, classes, count, classes - c)
