"""Tiles into arrays: array[i + r step + c] becomes tile[r, c].

i is one index, where the vectors of a row are neighbours, or a tuple with one for each vector.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backprop.kernels.cpu.simd.places import INDEX, index, parts, register_at, starts
from backprop.kernels.cpu.simd.tile import Elements, call, spread, whole


@intrinsic
def store(typing, tile, array, i, step):
    """array[i + r step + c] = tile[r, c]"""
    i = starts(tile, i)

    def codegen(context, builder, signature, args):
        value, array, i, step = args
        elements = Elements(context, builder, signature.args[1], array)
        for r, v in tile.registers:
            pointer = elements.register_pointer(tile, index(builder, tile, i, step, r, v))
            builder.store(builder.extract_value(value, tile.at(r, v)), pointer, align=tile.bytes)
        return context.get_dummy_value()

    return types.void(tile, array, i, INDEX), codegen


@intrinsic
def store_part(typing, tile, array, i, step, height, width):
    """As `store`, where r < height and c < width; with a tuple for i, the width is that of each vector."""
    i = starts(tile, i)

    def codegen(context, builder, signature, args):
        value, array, i, step, height, width = args
        elements = Elements(context, builder, signature.args[1], array)
        for r, v, pointer, mask in parts(builder, tile, elements, i, step, height, width):
            part = builder.extract_value(value, tile.at(r, v))
            args = [part, pointer, ir.Constant(ir.IntType(32), tile.bytes), mask]
            call(builder, f"llvm.masked.store.{tile.suffix}.p0", ir.VoidType(), args)
        return context.get_dummy_value()

    return types.void(tile, array, i, INDEX, INDEX, INDEX), codegen


@intrinsic
def store_at(typing, tile, array, at, k):
    """The reverse of `load_at`"""

    def codegen(context, builder, signature, args):
        value, array, at, k = args
        elements = Elements(context, builder, signature.args[1], array)
        place, count = register_at(builder, at, k)
        _put(builder, tile, elements, value, place, count)
        return context.get_dummy_value()

    return types.void(tile, array, types.UniTuple(INDEX, 4), INDEX), codegen


@intrinsic
def put_some(typing, tile, array, i):
    """array[i + n] = the numbers of a register; those behind the array's end are left out"""

    def codegen(context, builder, signature, args):
        value, array, i = args
        elements = Elements(context, builder, signature.args[1], array)
        _put(builder, tile, elements, value, i, builder.sub(elements.array.nitems, i))
        return context.get_dummy_value()

    return types.void(tile, array, INDEX), codegen


def _put(builder, tile, elements, value, i, count):
    """The first `count` numbers of a register into the elements from i on."""
    ((_, _, pointer, mask),) = parts(builder, tile, elements, i, whole(0, i), whole(1, i), count)
    args = [builder.extract_value(value, 0), pointer, ir.Constant(ir.IntType(32), tile.bytes), mask]
    call(builder, f"llvm.masked.store.{tile.suffix}.p0", ir.VoidType(), args)


@intrinsic
def store_whole(typing, tile, array, i, count, first, step):
    """array[i + c] = tile[0, c] + first + c step for c < count, as integers; those of the tile are below 2^31."""

    def codegen(context, builder, signature, args):
        value, array, i, count, first, step = args
        elements = Elements(context, builder, signature.args[1], array)
        number, lanes = elements.array.data.type.pointee, tile.lanes
        several = ir.VectorType(number, lanes)
        numbers = ir.Constant(several, list(range(lanes)))
        short = builder.fptosi(builder.extract_value(value, 0), ir.VectorType(ir.IntType(32), lanes))
        away = builder.add(builder.mul(numbers, spread(builder, step, lanes)), spread(builder, first, lanes))
        whole_numbers = builder.add(builder.sext(short, several), away)
        mask = builder.icmp_signed("<", numbers, spread(builder, count, lanes))
        pointer = builder.bitcast(elements.pointer(i, count), several.as_pointer())
        args = [whole_numbers, pointer, ir.Constant(ir.IntType(32), 8), mask]
        call(builder, f"llvm.masked.store.v{lanes}i64.p0", ir.VoidType(), args)
        return context.get_dummy_value()

    return types.void(tile, array, INDEX, INDEX, INDEX, INDEX), codegen


@intrinsic
def store_between(typing, tile, array, i, step, begin, end):
    """As `store`, but of each vector only the lanes from `begin` up to, not with, `end`; i, begin, end are tuples."""

    def codegen(context, builder, signature, args):
        value, array, i, step, begin, end = args
        elements = Elements(context, builder, signature.args[1], array)
        numbers = ir.Constant(ir.VectorType(ir.IntType(32), tile.lanes), list(range(tile.lanes)))
        masks, firsts, counts = [], [], []
        for v in range(tile.vectors):
            first, last = builder.extract_value(begin, v), builder.extract_value(end, v)
            low, high = (spread(builder, builder.trunc(n, ir.IntType(32)), tile.lanes) for n in (first, last))
            inside = builder.icmp_signed(">=", numbers, low), builder.icmp_signed("<", numbers, high)
            masks.append(builder.and_(*inside))
            firsts.append(first)
            counts.append(builder.sub(last, first))
        for r, v in tile.registers:
            at = index(builder, tile, i, step, r, v)
            if context.enable_boundscheck:
                some = builder.icmp_signed(">", counts[v], whole(0, at))
                elements.pointer(builder.add(at, firsts[v]), counts[v], some)
            pointer = builder.bitcast(builder.gep(elements.array.data, [at]), tile.register.as_pointer())
            part = builder.extract_value(value, tile.at(r, v))
            args = [part, pointer, ir.Constant(ir.IntType(32), tile.bytes), masks[v]]
            call(builder, f"llvm.masked.store.{tile.suffix}.p0", ir.VoidType(), args)
        return context.get_dummy_value()

    tuples = types.UniTuple(INDEX, tile.vectors)
    return types.void(tile, array, tuples, INDEX, tuples, tuples), codegen
