"""How everything for the CPU is compiled."""

import types

import numba

from backprop.errors import DeviceError
from backprop.kernels.cpu import compiling  # noqa: F401  it listens from now on
from backprop.kernels.cpu.cache import Cache, is_cached
from backprop.kernels.cpu.linked import APART, LinkedCompiler, WholeCompiler

# Sums may be reordered into vector lanes and a*b + c fused; NaN and infinity keep their meaning, so they can be found.
FAST, EXACT = {"reassoc", "contract", "nsz"}, {"contract", "nsz"}


def compiled(pipeline_class=WholeCompiler, **options):
    """The decorator that compiles with these options and caches the result (cache.py).

    None of them counts references to arrays: the atomic instructions, which wait for all other cores, cost a tile more
    than the sum it computes. So they borrow their arrays, create none, and nothing of Numba's own may call them that
    would count.
    """
    if numba.config.DISABLE_JIT:
        raise DeviceError("NUMBA_DISABLE_JIT is set, but the cpu kernels need the JIT; use bp.use_kernels('reference')")
    jit = numba.njit(nogil=True, error_model="numpy", _nrt=False, pipeline_class=pipeline_class, **options)

    def decorate(function):
        dispatcher = jit(function)
        if pipeline_class is WholeCompiler and is_cached(function):
            dispatcher._cache = Cache(function)
        return dispatcher

    return decorate


# What becomes machine code only within what calls it (linked.py).
LINKED = {"pipeline_class": LinkedCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
within_kernels = {"forceinline": True, "_nrt": False, **LINKED}  # for an @overload
inner = compiled(fastmath=EXACT, forceinline=False, **LINKED)  # or it would be as what calls it first
summing = compiled(fastmath=FAST, forceinline=False, **LINKED)  # the same where sums may be taken in any order
inlined = compiled(fastmath=EXACT, forceinline=True, **LINKED)  # so small that a call would cost too much


def apart(function):
    """The same for one that is called at several places and so long that copies of it would take long to compile."""
    APART.add(function)
    return inner(function)


# Functions that Python or C calls, and that no team shares.
single = compiled(fastmath=EXACT, no_cfunc_wrapper=True)
callable_from_c = compiled(fastmath=EXACT)


def with_words(function, name, **words):
    """The same function under another name, where some of its global names mean these: a row of a table, say.

    Of a closure Numba's cache would not know in the next process that it is the same.
    """
    own = types.FunctionType(function.__code__, {**function.__globals__, **words}, name)
    own.__qualname__, own.__module__, own.__doc__ = name, function.__module__, function.__doc__
    return own
