"""Tiles from arrays and back: tile[r, c] is array[i + r step + c].

i is one index, where the vectors of a row are neighbours, or a tuple with one for each vector.
"""

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
            pointer = elements.register_pointer(tile, _index(builder, tile, i, step, r, v))
            out = builder.insert_value(out, builder.load(pointer, align=tile.bytes), tile.at(r, v))
        return out

    return tile(array, INDEX, INDEX, rows, vectors), codegen


@intrinsic
def load_even(typing, array, i):
    """A register of array[i + 2 n]; the one element behind them must be there, too."""
    tile = Tile(array.dtype, 1, 1)

    def codegen(context, builder, signature, args):
        array, i = args
        elements = Elements(context, builder, signature.args[0], array)
        rows = elements.load(tile, i), elements.load(tile, builder.add(i, whole(tile.lanes, i)))
        even = ir.Constant(ir.VectorType(ir.IntType(32), tile.lanes), list(range(0, 2 * tile.lanes, 2)))
        register = builder.shuffle_vector(*rows, even)
        return builder.insert_value(ir.Constant(context.get_value_type(tile), None), register, 0)

    return tile(array, INDEX), codegen


@intrinsic
def store(typing, tile, array, i, step):
    """array[i + r step + c] = tile[r, c]"""
    i = starts(tile, i)

    def codegen(context, builder, signature, args):
        value, array, i, step = args
        elements = Elements(context, builder, signature.args[1], array)
        for r, v in tile.registers:
            pointer = elements.register_pointer(tile, _index(builder, tile, i, step, r, v))
            builder.store(builder.extract_value(value, tile.at(r, v)), pointer, align=tile.bytes)
        return context.get_dummy_value()

    return types.void(tile, array, i, INDEX), codegen


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
    """As `store`, where r < height and c < width; with a tuple for i, the width is that of each vector."""
    i = starts(tile, i)

    def codegen(context, builder, signature, args):
        value, array, i, step, height, width = args
        elements = Elements(context, builder, signature.args[1], array)
        for r, v, pointer, mask in _parts(builder, tile, elements, i, step, height, width):
            part = builder.extract_value(value, tile.at(r, v))
            args = [part, pointer, ir.Constant(ir.IntType(32), tile.bytes), mask]
            call(builder, f"llvm.masked.store.{tile.suffix}.p0", ir.VoidType(), args)
        return context.get_dummy_value()

    return types.void(tile, array, i, INDEX, INDEX, INDEX), codegen


@intrinsic
def store_whole(typing, tile, array, i, count, first, step):
    """array[i + c] = tile[0, c] + first + c step for c < count, as whole numbers; those of the tile are below 2^31."""

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
            at = _index(builder, tile, i, step, r, v)
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


def starts(tile, i):
    """The type of one index, or of one for each vector of the tile."""
    return types.UniTuple(INDEX, tile.vectors) if isinstance(i, types.BaseTuple) else INDEX


def start(builder, tile, i, v):
    """Where vector v of the first row begins."""
    if isinstance(i.type, ir.ArrayType):
        return builder.extract_value(i, v)
    return builder.add(i, whole(v * tile.lanes, i))


def _index(builder, tile, i, step, r, v):
    """Where vector v of row r begins."""
    return builder.add(start(builder, tile, i, v), builder.mul(step, whole(r, step)))


def _parts(builder, tile, elements, i, step, height, width):
    """Each register of a tile with its address and the mask of its lanes within height and width."""
    numbers = ir.Constant(ir.VectorType(width.type, tile.lanes), list(range(tile.lanes)))
    nothing = ir.Constant(ir.VectorType(ir.IntType(1), tile.lanes), None)
    full, none = whole(tile.lanes, width), whole(0, width)
    apart = isinstance(i.type, ir.ArrayType)
    rests = [width if apart else builder.sub(width, whole(v * tile.lanes, width)) for v in range(tile.vectors)]
    masks = [builder.icmp_signed("<", numbers, spread(builder, rest, tile.lanes)) for rest in rests]
    for r, v in tile.registers:
        live = builder.icmp_signed("<", whole(r, height), height)
        count = builder.select(builder.icmp_signed("<", rests[v], full), rests[v], full)
        used = builder.and_(live, builder.icmp_signed(">", count, none))
        pointer = elements.register_pointer(tile, _index(builder, tile, i, step, r, v), count, used)
        yield r, v, pointer, builder.select(live, masks[v], nothing)
