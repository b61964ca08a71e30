"""Memory that threads share, as numbered words of 64 bits from an address on, and calls of addresses."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

WORD = ir.IntType(64)
INT = types.intp


def _pointer(builder, address, word):
    return builder.gep(builder.inttoptr(address, WORD.as_pointer()), [word])


@intrinsic
def get(typing, address, word):
    """The word, of memory that no thread is changing."""

    def codegen(context, builder, signature, args):
        return builder.load(_pointer(builder, *args))

    return INT(INT, INT), codegen


@intrinsic
def put(typing, address, word, value):
    """Set the word, before a `store` that tells other threads of it."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _pointer(builder, *args[:2]))
        return context.get_dummy_value()

    return types.void(INT, INT, INT), codegen


@intrinsic
def load(typing, address, word):
    """The word, and with it all that was written before it was stored."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(_pointer(builder, *args), "seq_cst", 8)

    return INT(INT, INT), codegen


@intrinsic
def store(typing, address, word, value):
    """Set the word, after all that was written before."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[2], _pointer(builder, *args[:2]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(INT, INT, INT), codegen


@intrinsic
def add(typing, address, word, value):
    """Add to the word, in one go. Returns the sum."""

    def codegen(context, builder, signature, args):
        before = builder.atomic_rmw("add", _pointer(builder, *args[:2]), args[2], "seq_cst")
        return builder.add(before, args[2])

    return INT(INT, INT, INT), codegen


@intrinsic
def swap(typing, address, word, old, new):
    """Set the word to `new` if it is `old`, in one go. Returns whether it was."""

    def codegen(context, builder, signature, args):
        changed = builder.cmpxchg(_pointer(builder, *args[:2]), *args[2:], "seq_cst", "seq_cst")
        return builder.extract_value(changed, 1)

    return types.boolean(INT, INT, INT, INT), codegen


@intrinsic
def call_kernel(typing, entry, record, part, parts, worker):
    """Call the kernel's entry at this address (kernel.py). Returns 0, or 1 if it raised an exception."""

    def codegen(context, builder, signature, args):
        function = ir.FunctionType(WORD, [WORD] * 4)
        return builder.call(builder.inttoptr(args[0], function.as_pointer()), args[1:])

    return INT(INT, INT, INT, INT, INT), codegen


@intrinsic
def call_system(typing, function, argument):
    """Call a function of the system or of Python at this address, int f(void *, int), with 1 for the int."""

    def codegen(context, builder, signature, args):
        number = ir.IntType(32)
        function = ir.FunctionType(number, [WORD, number]).as_pointer()
        builder.call(builder.inttoptr(args[0], function), [args[1], number(1)])
        return context.get_dummy_value()

    return types.void(INT, INT), codegen
