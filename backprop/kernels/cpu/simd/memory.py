"""Tiles from arrays: tile[r, c] is array[i + r step + c]. And memory for them."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backprop.kernels.cpu.simd.places import INDEX, index, parts, register_at
from backprop.kernels.cpu.simd.tile import WIDTH, Elements, Tile, call, spread, whole


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
    tile = _tile(like, rows, vectors)

    def codegen(context, builder, signature, args):
        return ir.Constant(context.get_value_type(tile), None)

    return tile(like, rows, vectors), codegen


@intrinsic(prefer_literal=True)
def splat(typing, like, number, rows, vectors):
    """A tile that holds the number everywhere, of the element type of the array `like`."""
    tile = Tile(like.dtype, rows.literal_value, vectors.literal_value)

    def codegen(context, builder, signature, args):
        number = spread(builder, args[1], tile.lanes)
        out = ir.Constant(context.get_value_type(tile), ir.Undefined)
        for r, v in tile.registers:
            out = builder.insert_value(out, number, tile.at(r, v))
        return out

    return tile(like, like.dtype, rows, vectors), codegen


@intrinsic(prefer_literal=True)
def load(typing, array, i, step, rows, vectors):
    """tile[r, c] = array[i + r step + c]; rows and vectors are constants, rows = 0 stands for as many as lanes."""
    tile = _tile(array, rows, vectors)

    def codegen(context, builder, signature, args):
        array, i, step, _, _ = args
        elements = Elements(context, builder, signature.args[0], array)
        out = ir.Constant(context.get_value_type(tile), None)
        for r, v in tile.registers:
            pointer = elements.register_pointer(tile, index(builder, tile, i, step, r, v))
            out = builder.insert_value(out, builder.load(pointer, align=tile.bytes), tile.at(r, v))
        return out

    return tile(array, INDEX, INDEX, rows, vectors), codegen


@intrinsic
def load_even(typing, array, i):
    """A register of array[i + 2 n]; the element after the last one must exist, too."""
    tile = Tile(array.dtype, 1, 1)

    def codegen(context, builder, signature, args):
        array, i = args
        elements = Elements(context, builder, signature.args[0], array)
        rows = elements.load(tile, i), elements.load(tile, builder.add(i, whole(tile.lanes, i)))
        even = ir.Constant(ir.VectorType(ir.IntType(32), tile.lanes), list(range(0, 2 * tile.lanes, 2)))
        register = builder.shuffle_vector(*rows, even)
        return builder.insert_value(ir.Constant(context.get_value_type(tile), None), register, 0)

    return tile(array, INDEX), codegen


@intrinsic(prefer_literal=True)
def load_part(typing, array, i, step, height, width, rows, vectors):
    """As `load`, where r < height and c < width; the rest of the tile is 0 and the rest of the array is not touched."""
    tile = _tile(array, rows, vectors)

    def codegen(context, builder, signature, args):
        array, i, step, height, width, _, _ = args
        elements = Elements(context, builder, signature.args[0], array)
        out, zero = ir.Constant(context.get_value_type(tile), None), ir.Constant(tile.register, None)
        for r, v, pointer, mask in parts(builder, tile, elements, i, step, height, width):
            args = [pointer, ir.Constant(ir.IntType(32), tile.bytes), mask, zero]
            part = call(builder, f"llvm.masked.load.{tile.suffix}.p0", tile.register, args)
            out = builder.insert_value(out, part, tile.at(r, v))
        return out

    return tile(array, INDEX, INDEX, INDEX, INDEX, rows, vectors), codegen


@intrinsic
def load_at(typing, array, at, k, number):
    """A register of array[i + k step + n] for n < count - k fewer, where at = (i, step, count, fewer); the number is in
    the lanes behind them.
    """
    tile = Tile(array.dtype, 1, 1)

    def codegen(context, builder, signature, args):
        array, at, k, number = args
        place, count = register_at(builder, at, k)
        elements = Elements(context, builder, signature.args[0], array)
        register = elements.load(tile, place, count, spread(builder, number, tile.lanes))
        return builder.insert_value(ir.Constant(context.get_value_type(tile), None), register, 0)

    return tile(array, types.UniTuple(INDEX, 4), INDEX, array.dtype), codegen


@intrinsic
def some_of(typing, array, i):
    """A register of array[i + n], zeros behind the array's end."""
    tile = Tile(array.dtype, 1, 1)

    def codegen(context, builder, signature, args):
        elements = Elements(context, builder, signature.args[0], args[0])
        register = elements.load(tile, args[1], builder.sub(elements.array.nitems, args[1]))
        return builder.insert_value(ir.Constant(context.get_value_type(tile), None), register, 0)

    return tile(array, INDEX), codegen


@intrinsic(prefer_literal=True)
def indices(typing, array, i, count):
    """The tuple array[i], ..., array[i + count - 1]; count is a constant."""
    returned = types.UniTuple(INDEX, count.literal_value)

    def codegen(context, builder, signature, args):
        elements = Elements(context, builder, signature.args[0], args[0])
        numbers = [
            builder.load(elements.pointer(builder.add(args[1], whole(k, args[1])))) for k in range(len(returned))
        ]
        return context.make_tuple(builder, returned, numbers)

    return returned(array, INDEX, count), codegen


@intrinsic
def moved(typing, starts, by):
    """A tuple of indices, each increased by `by`."""

    def codegen(context, builder, signature, args):
        out, by = args
        for k in range(len(signature.return_type)):
            out = builder.insert_value(out, builder.add(builder.extract_value(out, k), by), k)
        return out

    return starts(starts, INDEX), codegen


@intrinsic
def prefetch(typing, array, i):
    """Ask for the cache line of array[i] ahead of time. The element need not exist."""

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
