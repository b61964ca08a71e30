"""Tiles from arrays and back: tile[r, c] is array[i + r step + c]."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from backprop.kernels.cpu.simd.tile import WIDTH, Elements, Tile, call, spread, whole

INDEX = types.intp


@intrinsic
def lanes(typing, array):
    """How many elements of this array a register holds."""
    count = WIDTH * 8 // array.dtype.bitwidth

    def codegen(context, builder, signature, args):
        return context.get_constant(INDEX, count)

    return INDEX(array), codegen


@intrinsic(prefer_literal=True)
def zeros(typing, like, rows, vectors):
    """A tile of zeros, of the element type of the array `like`; rows and vectors are constants."""
    tile = Tile(like.dtype, rows.literal_value, vectors.literal_value)

    def codegen(context, builder, signature, args):
        return ir.Constant(context.get_value_type(tile), None)

    return tile(like, rows, vectors), codegen


@intrinsic(prefer_literal=True)
def load(typing, array, i, step, rows, vectors):
    """tile[r, c] = array[i + r step + c]; rows and vectors are constants, rows = 0 stands for as many as lanes."""
    tile = _tile(array, rows, vectors)

    def codegen(context, builder, signature, args):
        array, i, step, _, _ = args
        elements = Elements(context, builder, signature.args[0], array)
        out = ir.Constant(context.get_value_type(tile), None)
        for r, v in tile.registers:
            pointer = elements.register_pointer(tile, _index(builder, tile, i, step, r, v))
            out = builder.insert_value(out, builder.load(pointer, align=tile.bytes), tile.at(r, v))
        return out

    return tile(array, INDEX, INDEX, rows, vectors), codegen


@intrinsic
def store(typing, tile, array, i, step):
    """array[i + r step + c] = tile[r, c]"""

    def codegen(context, builder, signature, args):
        value, array, i, step = args
        elements = Elements(context, builder, signature.args[1], array)
        for r, v in tile.registers:
            pointer = elements.register_pointer(tile, _index(builder, tile, i, step, r, v))
            builder.store(builder.extract_value(value, tile.at(r, v)), pointer, align=tile.bytes)
        return context.get_dummy_value()

    return types.void(tile, array, INDEX, INDEX), codegen


@intrinsic(prefer_literal=True)
def load_part(typing, array, i, step, height, width, rows, vectors):
    """As `load`, where r < height and c < width; the rest of the tile is 0 and the rest of the array is not touched."""
    tile = _tile(array, rows, vectors)

    def codegen(context, builder, signature, args):
        array, i, step, height, width, _, _ = args
        elements = Elements(context, builder, signature.args[0], array)
        out, zero = ir.Constant(context.get_value_type(tile), None), ir.Constant(tile.register, None)
        for r, v, pointer, mask in _parts(builder, tile, elements, i, step, height, width):
            args = [pointer, ir.Constant(ir.IntType(32), tile.bytes), mask, zero]
            part = call(builder, f"llvm.masked.load.{tile.suffix}.p0", tile.register, args)
            out = builder.insert_value(out, part, tile.at(r, v))
        return out

    return tile(array, INDEX, INDEX, INDEX, INDEX, rows, vectors), codegen


@intrinsic
def store_part(typing, tile, array, i, step, height, width):
    """As `store`, where r < height and c < width."""

    def codegen(context, builder, signature, args):
        value, array, i, step, height, width = args
        elements = Elements(context, builder, signature.args[1], array)
        for r, v, pointer, mask in _parts(builder, tile, elements, i, step, height, width):
            part = builder.extract_value(value, tile.at(r, v))
            args = [part, pointer, ir.Constant(ir.IntType(32), tile.bytes), mask]
            call(builder, f"llvm.masked.store.{tile.suffix}.p0", ir.VoidType(), args)
        return context.get_dummy_value()

    return types.void(tile, array, INDEX, INDEX, INDEX, INDEX), codegen


@intrinsic(prefer_literal=True)
def scratch(typing, like, size):
    """A flat array of `size` elements, a constant, of the type of the array `like`, which is gone when the function
    returns. It lies on the stack: asking for it costs nothing. Its content is arbitrary.
    """
    array_type, count = types.Array(like.dtype, 1, "C"), size.literal_value

    def codegen(context, builder, signature, args):
        data = cgutils.alloca_once(builder, context.get_data_type(like.dtype), size=count)
        data.align = 64
        array = context.make_array(array_type)(context, builder)
        n, step = context.get_constant(INDEX, count), context.get_constant(INDEX, like.dtype.bitwidth // 8)
        shape, strides = cgutils.pack_array(builder, [n]), cgutils.pack_array(builder, [step])
        context.populate_array(array, data=data, shape=shape, strides=strides, itemsize=step, meminfo=None)
        return array._getvalue()

    return array_type(like, size), codegen


@intrinsic
def prefetch(typing, array, i):
    """Ask for the cache line of array[i] ahead of time. It does not matter whether there is such an element."""

    def codegen(context, builder, signature, args):
        array, i = args
        data = context.make_array(signature.args[0])(context, builder, array).data
        pointer = builder.bitcast(builder.gep(data, [i]), ir.IntType(8).as_pointer())
        to_read, into_second_level, data_cache = (ir.Constant(ir.IntType(32), value) for value in (0, 2, 1))
        call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, to_read, into_second_level, data_cache])
        return context.get_dummy_value()

    return types.void(array, INDEX), codegen


def _tile(array, rows, vectors):
    square = WIDTH * 8 // array.dtype.bitwidth
    return Tile(array.dtype, rows.literal_value or square, vectors.literal_value)


def _index(builder, tile, i, step, r, v):
    """i + r step + v lanes"""
    row = builder.add(i, builder.mul(step, whole(r, step)))
    return builder.add(row, whole(v * tile.lanes, i))


def _parts(builder, tile, elements, i, step, height, width):
    """Each register of a tile with its address and the mask of its lanes within height and width."""
    numbers = ir.Constant(ir.VectorType(i.type, tile.lanes), list(range(tile.lanes)))
    nothing = ir.Constant(ir.VectorType(ir.IntType(1), tile.lanes), None)
    rests = [builder.sub(width, whole(v * tile.lanes, width)) for v in range(tile.vectors)]
    masks = [builder.icmp_signed("<", numbers, spread(builder, rest, tile.lanes)) for rest in rests]
    for r, v in tile.registers:
        live = builder.icmp_signed("<", whole(r, height), height)
        count = builder.select(builder.icmp_signed("<", rests[v], whole(tile.lanes, i)), rests[v], whole(tile.lanes, i))
        used = builder.and_(live, builder.icmp_signed(">", count, whole(0, i)))
        pointer = elements.register_pointer(tile, _index(builder, tile, i, step, r, v), count, used)
        yield r, v, pointer, builder.select(live, masks[v], nothing)
