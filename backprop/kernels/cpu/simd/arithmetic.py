"""What a tile computes."""

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from backprop.kernels.cpu.simd.memory import INDEX
from backprop.kernels.cpu.simd.tile import Elements, call, spread, whole


@intrinsic
def outer(typing, tile, a, i, step, b, j):
    """tile[r, c] + a[i + r step] b[j + c]: a column of numbers times a row of vectors, added to the tile.

    j is one index for neighbouring vectors, or a tuple with one for each of them. Each product and sum is one fused
    instruction, rounded once.
    """
    starts = types.UniTuple(INDEX, tile.vectors) if isinstance(j, types.BaseTuple) else INDEX

    def codegen(context, builder, signature, args):
        out, a, i, step, b, j = args
        column = Elements(context, builder, signature.args[1], a)
        row = Elements(context, builder, signature.args[4], b)
        vectors = []
        for v in range(tile.vectors):
            at = builder.extract_value(j, v) if starts is not INDEX else builder.add(j, whole(v * tile.lanes, j))
            vectors.append(builder.load(row.register_pointer(tile, at), align=tile.bytes))
        for r in range(tile.rows):
            number = builder.load(column.pointer(builder.add(i, builder.mul(step, whole(r, step)))))
            factor = spread(builder, number, tile.lanes)
            for v, vector in enumerate(vectors):
                sum_so_far = builder.extract_value(out, tile.at(r, v))
                args = [factor, vector, sum_so_far]
                out = builder.insert_value(
                    out, call(builder, f"llvm.fma.{tile.suffix}", tile.register, args), tile.at(r, v)
                )
        return out

    return tile(tile, a, INDEX, INDEX, b, starts), codegen


@intrinsic
def add(typing, x, y):
    """x + y, two tiles of one shape"""

    def codegen(context, builder, signature, args):
        return _each(builder, x, args, builder.fadd)

    return x(x, y), codegen


@intrinsic
def maximum(typing, x, y):
    """max(x, y), two tiles of one shape; NaN in x stays NaN"""

    def codegen(context, builder, signature, args):
        return _each(builder, x, args, lambda p, q: builder.select(builder.fcmp_ordered("<", p, q), q, p))

    return x(x, y), codegen


@intrinsic
def transpose(typing, x):
    """x[c, r], for a tile of as many rows as lanes and one vector.

    An element's place is a row number and a lane number. Exchanging bit b of the one with bit b of the other, for every
    bit, exchanges rows and columns; and one bit is one shuffle for each register.
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


def _each(builder, tile, args, operation):
    x, y = args
    for k in range(tile.rows * tile.vectors):
        x = builder.insert_value(x, operation(builder.extract_value(x, k), builder.extract_value(y, k)), k)
    return x


def _lanes(numbers):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
