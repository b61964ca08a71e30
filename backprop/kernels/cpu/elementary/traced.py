"""Formulas of numbers that become a kernel's instructions: a Python function is called once with Numbers, which note
what is done with them, and so it is compiled without being analysed.

    word(lambda x: x * x)        what a kernel may call, with float32, float64, or a Tile of them, element by element

All is computed in the type of the arguments: a Python number in a formula takes their type, where Numba would turn
everything into float64. There are no branches, `where` chooses instead, so the compiler computes many numbers at once.
"""

import inspect

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from backprop.kernels.cpu.simd.tile import Tile, spread

# A product and a sum may be rounded as one. Where an instruction has flags of its own, Numba adds none of the kernel's,
# by which it might put numbers into another order that were written in this one to keep digits.
FLAGS = ("contract",)


class Number:
    """A float32 or float64 in a function that is being compiled, or a register of them."""

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    @property
    def digits(self):
        """How many binary digits it has."""
        return DIGITS[element(self.value.type)]

    @property
    def bias(self):
        """What is added to its exponent where it is stored."""
        return (1 << BITS[element(self.value.type)] - self.digits - 1) - 1

    def like(self, number):
        """A constant, or the number itself, in this number's type."""
        if isinstance(number, Number):
            return number
        return Number(self.builder, constant(self.value.type, float(number)))

    def _with(self, operation, left, right):
        return Number(self.builder, operation(self.like(left).value, self.like(right).value, flags=FLAGS))

    def __add__(self, other):
        return self._with(self.builder.fadd, self, other)

    def __sub__(self, other):
        return self._with(self.builder.fsub, self, other)

    def __rsub__(self, other):
        return self._with(self.builder.fsub, other, self)

    def __mul__(self, other):
        return self._with(self.builder.fmul, self, other)

    def __truediv__(self, other):
        return self._with(self.builder.fdiv, self, other)

    def __rtruediv__(self, other):
        return self._with(self.builder.fdiv, other, self)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return Number(self.builder, self.builder.fneg(self.value))

    def __abs__(self):
        return (self.bits() & ~self._sign()).number()

    def _sign(self):
        """The integer with which only a sign is stored."""
        return -1 << BITS[element(self.value.type)] - 1

    def __pow__(self, times):
        return self if times == 1 else self * self ** (times - 1)

    def _compared(self, sign, other):
        return Truth(self, self.builder.fcmp_ordered(sign, self.value, self.like(other).value, flags=FLAGS))

    # All are false for NaN.
    __lt__, __le__, __gt__, __ge__, __eq__ = (
        lambda self, other, sign=sign: self._compared(sign, other) for sign in ("<", "<=", ">", ">=", "==")
    )
    __ne__ = __hash__ = None

    def bits(self):
        """The number as it is stored, as an integer: sign, exponent and fraction side by side."""
        real = self.value.type
        integer = ir.IntType(BITS[element(real)])
        if isinstance(real, ir.VectorType):
            integer = ir.VectorType(integer, real.count)
        return Bits(self.builder, self.builder.bitcast(self.value, integer), real)

    def with_digits(self, count):
        """Its first `count` binary digits, zeros behind them."""
        return (self.bits() & -(1 << self.digits - count)).number()


class Truth:
    """Whether something holds for a number."""

    def __init__(self, number, value):
        self.number, self.value = number, value

    def __and__(self, other):
        return Truth(self.number, self.number.builder.and_(self.value, other.value))

    def __or__(self, other):
        return Truth(self.number, self.number.builder.or_(self.value, other.value))

    def __bool__(self):
        raise TypeError("a formula for many numbers at once has no branches; use where(condition, yes, no)")


class Bits:
    """An integer as wide as a number."""

    def __init__(self, builder, value, real):
        self.builder, self.value, self.real = builder, value, real

    def _with(self, operation, other):
        other = other.value if isinstance(other, Bits) else constant(self.value.type, int(other))
        return Bits(self.builder, operation(self.value, other), self.real)

    def __add__(self, other):
        return self._with(self.builder.add, other)

    def __sub__(self, other):
        return self._with(self.builder.sub, other)

    def __and__(self, other):
        return self._with(self.builder.and_, other)

    def __or__(self, other):
        return self._with(self.builder.or_, other)

    def __lshift__(self, other):
        return self._with(self.builder.shl, other)

    def __rshift__(self, other):
        return self._with(self.builder.lshr, other)

    def number(self):
        """The number that is stored like this."""
        return Number(self.builder, self.builder.bitcast(self.value, self.real))


BITS = {ir.FloatType(): 32, ir.DoubleType(): 64}
DIGITS = {ir.FloatType(): 24, ir.DoubleType(): 53}


def element(kind):
    return kind.element if isinstance(kind, ir.VectorType) else kind


def constant(kind, value):
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def where(condition, yes, no):
    """yes where the condition holds, else no; both are computed"""
    yes, no = condition.number.like(yes), condition.number.like(no)
    return Number(yes.builder, yes.builder.select(condition.value, yes.value, no.value))


def copysign(x, other):
    """|x| with the other's sign"""
    return (abs(other.like(x)).bits() | (other.bits() & other._sign())).number()


def word(function, name=None):
    """A function of Numbers as a word that kernels may use. If it returns several, so does the word."""
    name = name or function.__name__
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.default is each.empty]

    def typed(*given):
        tile = next((each for each in given if isinstance(each, Tile)), None)
        real = tile.dtype if tile else next((each for each in given if isinstance(each, types.Float)), types.float64)
        if any(each != tile and not isinstance(each, (types.Number, types.Boolean)) for each in given):
            raise TypingError(f"{name} takes numbers, or tiles of one shape, got {given}")
        count = _count(function, len(given))

        def codegen(context, builder, signature, args):
            def one(arg, given, k):
                if given == tile:
                    return Number(builder, builder.extract_value(arg, k))
                arg = context.cast(builder, arg, given, real)
                return Number(builder, spread(builder, arg, tile.lanes) if tile else arg)

            def results(k=None):
                numbers = [one(arg, given, k) for arg, given in zip(args, signature.args, strict=True)]
                found = function(*numbers)
                return [numbers[0].like(each).value for each in (found if isinstance(found, tuple) else (found,))]

            if tile is None:
                found = results()
            else:
                found = [ir.Constant(context.get_value_type(tile), ir.Undefined)] * (count or 1)
                for k in range(len(tile.registers)):
                    parts = results(k)
                    found = [builder.insert_value(*each, k) for each in zip(found, parts, strict=True)]
            return found[0] if count is None else context.make_tuple(builder, signature.return_type, found)

        returned = tile or real
        return (returned if count is None else types.UniTuple(returned, count))(*given), codegen

    scope = {"typed": typed}
    exec(f"def {name}(typing, {', '.join(names)}):\n    return typed({', '.join(names)})", scope)
    made = scope[name]
    made.__doc__, made.__module__ = function.__doc__, function.__module__
    return intrinsic(made)


def _count(function, arguments):
    """How many results the function returns as a tuple, or None for a single one: found by calling it once."""
    module = ir.Module()
    kind = ir.FunctionType(ir.VoidType(), [ir.FloatType()] * arguments)
    tried = ir.Function(module, kind, "tried")
    builder = ir.IRBuilder(tried.append_basic_block())
    found = function(*[Number(builder, arg) for arg in tried.args])
    return len(found) if isinstance(found, tuple) else None
