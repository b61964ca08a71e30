"""The type of a tile, and what its intrinsics share.

Where a kernel calls an intrinsic, its `codegen` writes the instructions in LLVM's language. A loop in codegen is a
Python loop that runs once, while the kernel is compiled: for a tile of 8 x 3 registers it writes 24
instructions. LLVM turns them into those of the CPU at hand, AVX-512, AVX2, NEON, or plain ones where it must.
"""

import platform

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel.models import PrimitiveModel
from numba.extending import register_model

_features = llvm.get_host_cpu_features()
WIDTH = 64 if _features.get("avx512f") else 32 if _features.get("fma") else 16  # bytes of one register
LANES = WIDTH // 4  # the most numbers in one: those of float32
REGISTERS = 32 if WIDTH == 64 or platform.machine().lower() in ("arm64", "aarch64") else 16


class Tile(types.Type):
    """rows x vectors registers, each of `lanes` numbers of one type: a matrix of rows x (vectors * lanes)."""

    def __init__(self, dtype, rows, vectors):
        self.dtype, self.rows, self.vectors = dtype, rows, vectors
        self.lanes = WIDTH * 8 // dtype.bitwidth
        self.registers = [(r, v) for r in range(rows) for v in range(vectors)]
        super().__init__(f"Tile({dtype}, {rows}, {vectors} x {self.lanes})")

    def at(self, r, v):
        """The number of the register in row r and column of vectors v."""
        return r * self.vectors + v

    @property
    def register(self):
        """LLVM's type of one register."""
        return ir.VectorType(ir.FloatType() if self.dtype.bitwidth == 32 else ir.DoubleType(), self.lanes)

    @property
    def suffix(self):
        """How LLVM names functions of such registers: llvm.fma.v16f32."""
        return f"v{self.lanes}f{self.dtype.bitwidth}"

    @property
    def bytes(self):
        """The bytes of one number."""
        return self.dtype.bitwidth // 8


@register_model(Tile)
class TileModel(PrimitiveModel):
    """To LLVM a tile is an array of registers, which it keeps in registers as long as there are enough of them."""

    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(tile.register, tile.rows * tile.vectors))


def whole(value, like):
    """A constant of the same type of integer as `like`."""
    return ir.Constant(like.type, value)


def call(builder, name, returns, args, fastmath=()):
    """Call one of LLVM's own functions."""
    function_type = ir.FunctionType(returns, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args, fastmath=fastmath)


def spread(builder, x, lanes):
    """A register that holds x in every lane."""
    undefined = ir.Constant(ir.VectorType(x.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, x, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))


def first_lanes(builder, tile, count):
    """(count, but at most as many as there are lanes; the mask of so many). Integers of 32 bits fill one register."""
    full, short = whole(tile.lanes, count), ir.IntType(32)
    count = builder.select(builder.icmp_signed("<", count, full), count, full)
    numbers = ir.Constant(ir.VectorType(short, tile.lanes), list(range(tile.lanes)))
    return count, builder.icmp_signed("<", numbers, spread(builder, builder.trunc(count, short), tile.lanes))


class Elements:
    """The elements of an array, by flat index, as codegen reads and writes them."""

    def __init__(self, context, builder, array_type, array):
        self.context, self.builder = context, builder
        self.array = context.make_array(array_type)(context, builder, array)

    def pointer(self, index, count=1, live=None):
        """The address of element `index`; the `count` elements from it on are about to be used, if `live`."""
        if self.context.enable_boundscheck:
            builder = self.builder
            stop = builder.add(index, whole(count, index) if isinstance(count, int) else count)
            outside = builder.or_(
                builder.icmp_signed("<", index, whole(0, index)), builder.icmp_signed(">", stop, self.array.nitems)
            )
            if live is not None:
                outside = builder.and_(outside, live)
            with builder.if_then(outside, likely=False):
                self.context.call_conv.return_user_exc(builder, IndexError, ("a tile reaches outside its array",))
        return self.builder.gep(self.array.data, [index])

    def register_pointer(self, tile, index, count=None, live=None):
        """The same, as a pointer to a register's worth of elements."""
        pointer = self.pointer(index, tile.lanes if count is None else count, live)
        return self.builder.bitcast(pointer, tile.register.as_pointer())

    def load(self, tile, index, count=None, behind=None):
        """The register's worth of elements from `index` on; only `count` of them, if it is given, and then the lanes of
        the register `behind`, or zeros.
        """
        if count is None:
            return self.builder.load(self.register_pointer(tile, index), align=tile.bytes)
        count, mask = first_lanes(self.builder, tile, count)
        pointer = self.register_pointer(tile, index, count)
        args = [pointer, ir.Constant(ir.IntType(32), tile.bytes), mask, behind or ir.Constant(tile.register, None)]
        return call(self.builder, f"llvm.masked.load.{tile.suffix}.p0", tile.register, args)
