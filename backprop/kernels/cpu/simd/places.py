"""Where in an array the registers of a tile begin, as codegen computes it."""

from llvmlite import ir
from numba import types

from backprop.kernels.cpu.simd.tile import first_lanes, whole

INDEX = types.intp


def starts(tile, i):
    """The type of one index, or of one for each vector of the tile."""
    return types.UniTuple(INDEX, tile.vectors) if isinstance(i, types.BaseTuple) else INDEX


def start(builder, tile, i, v):
    """Where vector v of the first row begins."""
    if isinstance(i.type, ir.ArrayType):
        return builder.extract_value(i, v)
    return builder.add(i, whole(v * tile.lanes, i))


def index(builder, tile, i, step, r, v):
    """Where vector v of row r begins."""
    return builder.add(start(builder, tile, i, v), builder.mul(step, whole(r, step)))


def register_at(builder, at, k):
    """(where register k begins, how many numbers it has): at = (i, step, count, fewer), see `load_at`."""
    i, step, count, fewer = (builder.extract_value(at, n) for n in range(4))
    return builder.add(i, builder.mul(k, step)), builder.sub(count, builder.mul(k, fewer))


def parts(builder, tile, elements, i, step, height, width):
    """Each register of a tile with its address and the mask of its lanes within height and width."""
    nothing = ir.Constant(ir.VectorType(ir.IntType(1), tile.lanes), None)
    apart = isinstance(i.type, ir.ArrayType)
    rests = [width if apart else builder.sub(width, whole(v * tile.lanes, width)) for v in range(tile.vectors)]
    firsts = [first_lanes(builder, tile, rest) for rest in rests]
    for r, v in tile.registers:
        count, mask = firsts[v]
        live = builder.icmp_signed("<", whole(r, height), height)
        used = builder.and_(live, builder.icmp_signed(">", count, whole(0, count)))
        pointer = elements.register_pointer(tile, index(builder, tile, i, step, r, v), count, used)
        yield r, v, pointer, builder.select(live, mask, nothing)
