"""Arithmetic on tiles."""

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from backprop.kernels.cpu.simd.places import INDEX, start, starts
from backprop.kernels.cpu.simd.tile import Elements, call, spread, whole


@intrinsic
def outer(typing, tile, a, i, step, b, j):
    """tile[r, c] + a[i + r step] b[j + c]: a column of numbers times a row of vectors, added to the tile.

    j is one index for neighbouring vectors, or a tuple with one for each of them. Each product and sum is one fused
    instruction, rounded once.
    """

    def codegen(context, builder, signature, args):
        out, a, i, step, b, j = args
        column = Elements(context, builder, signature.args[1], a)
        row = Elements(context, builder, signature.args[4], b)
        vectors = [row.load(tile, start(builder, tile, j, v)) for v in range(tile.vectors)]
        for r in range(tile.rows):
            factor = _everywhere(builder, tile, column, builder.add(i, builder.mul(step, whole(r, step))))
            for v, vector in enumerate(vectors):
                out = _multiply_add(builder, tile, out, r, v, factor, vector)
        return out

    return tile(tile, a, INDEX, INDEX, b, starts(tile, j)), codegen


@intrinsic(prefer_literal=True)
def slide(typing, tile, a, i, b, j, count):
    """tile[r, c] + sum_q a[i[r // L] + r % L + q] b[j + q columns + c] for q < count: the rows of b slide along a.

    L = rows / len(i), columns = vectors * lanes; count is a constant. A number of a is loaded once for all q that
    use it.
    """
    length, several = tile.rows // len(i), count.literal_value

    def codegen(context, builder, signature, args):
        out, a, i, b, j, _ = args
        numbers, other = (Elements(context, builder, signature.args[k], array) for k, array in ((1, a), (3, b)))
        steps = [whole(k * tile.lanes, j) for k in range(several * tile.vectors)]
        vectors = [other.load(tile, builder.add(j, step)) for step in steps]
        for run in range(len(signature.args[2])):
            first = builder.extract_value(i, run)
            for n in range(length + several - 1):
                factor = _everywhere(builder, tile, numbers, builder.add(first, whole(n, first)))
                for q in range(max(0, n - length + 1), min(several, n + 1)):
                    for v in range(tile.vectors):
                        met = vectors[q * tile.vectors + v]
                        out = _multiply_add(builder, tile, out, run * length + n - q, v, factor, met)
        return out

    return tile(tile, a, types.UniTuple(INDEX, len(i)), b, INDEX, count), codegen


@intrinsic(prefer_literal=True)
def slide_sum(typing, tile, a, i, step, b, j, count, block):
    """tile[r count + q, c] + sum_n a[i + r step + n + q] b[j + n lanes + c] for n < block: the adjoint of `slide`.

    count and block are constants, the tile has one vector.
    """
    several, positions = count.literal_value, block.literal_value

    def codegen(context, builder, signature, args):
        out, a, i, step, b, j, _, _ = args
        numbers, other = (Elements(context, builder, signature.args[k], array) for k, array in ((1, a), (4, b)))
        vectors = [other.load(tile, builder.add(j, whole(n * tile.lanes, j))) for n in range(positions)]
        for r in range(tile.rows // several):
            first = builder.add(i, builder.mul(step, whole(r, step)))
            for at in range(positions + several - 1):
                factor = _everywhere(builder, tile, numbers, builder.add(first, whole(at, first)))
                for q in range(max(0, at - positions + 1), min(several, at + 1)):
                    out = _multiply_add(builder, tile, out, r * several + q, 0, factor, vectors[at - q])
        return out

    return tile(tile, a, INDEX, INDEX, b, INDEX, count, block), codegen


@intrinsic
def dot(typing, tile, a, i, step, b, j):
    """tile[r, v] += a[i + r step + n] b[j[v] + n], n in its own lane: dot products, a register for each of them.

    Row r of a is multiplied by b from each start in the tuple j; `total` adds up the lanes at the end.
    """
    return _dot(tile, a, b, False)


@intrinsic
def dot_part(typing, tile, a, i, step, b, j, count):
    """As `dot`, for the lanes n < count only."""
    return _dot(tile, a, b, True)


@intrinsic
def total(typing, tile, array, i, step):
    """array[i + r step + v] = the sum over the lanes of register (r, v)"""

    def codegen(context, builder, signature, args):
        value, array, i, step = args
        elements = Elements(context, builder, signature.args[1], array)
        zero = ir.Constant(tile.register.element, 0.0)
        for r, v in tile.registers:
            args = [zero, builder.extract_value(value, tile.at(r, v))]
            in_pairs = ("reassoc",)  # instead of one lane after the other
            lanes = call(builder, f"llvm.vector.reduce.fadd.{tile.suffix}", zero.type, args, in_pairs)
            place = builder.add(builder.add(i, builder.mul(step, whole(r, step))), whole(v, i))
            builder.store(lanes, elements.pointer(place))
        return context.get_dummy_value()

    return types.void(tile, array, INDEX, INDEX), codegen


@intrinsic
def sum_of(typing, tile):
    """The sum over all lanes of a register."""
    return _reduced(tile, "fadd", 0.0)


@intrinsic
def largest_of(typing, tile):
    """The largest number in a register; NaN does not count."""
    return _reduced(tile, "fmax")


@intrinsic
def add(typing, x, y):
    """x + y, two tiles of one shape"""

    def codegen(context, builder, signature, args):
        return _each(builder, x, args, builder.fadd)

    return x(x, y), codegen


@intrinsic
def maximum(typing, x, y):
    """max(x, y), two tiles of one shape; NaN in x stays NaN, and of two zeros y's sign counts: that of ReLU is +"""

    def codegen(context, builder, signature, args):
        return _each(builder, x, args, lambda p, q: builder.select(builder.fcmp_unordered(">", p, q), p, q))

    return x(x, y), codegen


@intrinsic
def keep_larger(typing, best, where, met, here):
    """(best, where), with met and here in their place where met is larger than best, or NaN"""

    def codegen(context, builder, signature, args):
        best, where, met, here = args
        for k in range(len(signature.return_type[0].registers)):
            b, w, m, h = (builder.extract_value(arg, k) for arg in (best, where, met, here))
            larger = builder.or_(builder.fcmp_ordered(">", m, b), builder.fcmp_unordered("uno", m, m))
            best = builder.insert_value(best, builder.select(larger, m, b), k)
            where = builder.insert_value(where, builder.select(larger, h, w), k)
        return context.make_tuple(builder, signature.return_type, (best, where))

    return types.UniTuple(best, 2)(best, where, met, here), codegen


@intrinsic
def transpose(typing, x):
    """x[c, r], for a tile of as many rows as lanes and one vector.

    An element's place is a row number and a lane number. Exchanging bit b of the one with bit b of the other, for every
    bit, exchanges rows and columns; and each bit takes one shuffle per register.
    """
    if x.rows != x.lanes or x.vectors != 1:
        raise TypingError(f"a tile of {x.rows} rows and {x.vectors} vectors of {x.lanes} lanes is not square")

    def codegen(context, builder, signature, args):
        (out,) = args
        n = x.lanes
        rows = [builder.extract_value(out, r) for r in range(n)]
        bit = 1
        while bit < n:
            for r in range(n):
                if not r & bit:
                    upper, lower = rows[r], rows[r + bit]
                    # Lanes 0 to n-1 of a shuffle are those of the upper row, n to 2n-1 those of the lower one.
                    keep = [n + c - bit if c & bit else c for c in range(n)]
                    hand_over = [n + c if c & bit else c + bit for c in range(n)]
                    rows[r] = builder.shuffle_vector(upper, lower, _lanes(keep))
                    rows[r + bit] = builder.shuffle_vector(upper, lower, _lanes(hand_over))
            bit *= 2
        for r in range(n):
            out = builder.insert_value(out, rows[r], r)
        return out

    return x(x), codegen


def _dot(tile, a, b, part):
    def codegen(context, builder, signature, args):
        out, a, i, step, b, j, *count = args
        rows, others = (Elements(context, builder, signature.args[k], array) for k, array in ((1, a), (4, b)))
        # The vectors of b are loaded first, those of a one by one: beside 8 x 3 sums, 8 + 1 would be one too many.
        vectors = [others.load(tile, start(builder, tile, j, v), *count) for v in range(tile.vectors)]
        for r in range(tile.rows):
            row = rows.load(tile, builder.add(i, builder.mul(step, whole(r, step))), *count)
            for v, vector in enumerate(vectors):
                out = _multiply_add(builder, tile, out, r, v, row, vector)
        return out

    indices = types.UniTuple(INDEX, tile.vectors)
    return tile(tile, a, INDEX, INDEX, b, indices, *[INDEX] * part), codegen


def _reduced(tile, name, *first):
    def codegen(context, builder, signature, args):
        element = tile.register.element
        args = [*(ir.Constant(element, number) for number in first), builder.extract_value(args[0], 0)]
        return call(builder, f"llvm.vector.reduce.{name}.{tile.suffix}", element, args, ("reassoc",))

    return tile.dtype(tile), codegen


def _everywhere(builder, tile, elements, index):
    """One number, in all lanes."""
    return spread(builder, builder.load(elements.pointer(index)), tile.lanes)


def _multiply_add(builder, tile, out, r, v, x, y):
    """out, its register (r, v) increased by x y"""
    args = [x, y, builder.extract_value(out, tile.at(r, v))]
    return builder.insert_value(out, call(builder, f"llvm.fma.{tile.suffix}", tile.register, args), tile.at(r, v))


def _each(builder, tile, args, operation):
    x, y = args
    for k in range(tile.rows * tile.vectors):
        x = builder.insert_value(x, operation(builder.extract_value(x, k), builder.extract_value(y, k)), k)
    return x


def _lanes(numbers):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
