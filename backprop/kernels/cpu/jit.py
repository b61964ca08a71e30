"""How every CPU kernel is compiled, and the rule that makes its bits independent of the number of threads.

Each output is owned by one iteration of the parallel loop, which computes it from beginning to end in a fixed order.
Loops over single elements run in blocks of BLOCK: a thread gets whole blocks, so vector code gives way to scalar code
at the same elements, whatever the number of threads.

A sum of many numbers is accumulated in float64. Where they are neighbours in memory, SOME of them are added up first in
vectors of their own type. So float32 keeps six digits, however many terms there are.
"""

import functools
import os
import threading
import types

import numba

from backprop.errors import DeviceError, OptionError
from backprop.kernels.cpu import compiling  # noqa: F401  it listens from now on
from backprop.kernels.cpu.ahead import Kernel
from backprop.kernels.cpu.cache import Cache, is_cached

BLOCK = 2048
SOME = 64

# Sums may be reordered into vector lanes and a*b + c fused; NaN and infinity keep their meaning, so they can be found.
FAST, EXACT = {"reassoc", "contract", "nsz"}, {"contract", "nsz"}


def _compiled(**options):
    """The decorator that compiles with these options and caches the result (cache.py).

    It omits Numba's wrapper for C, which takes time to compile: kernels are not called from C.
    """
    if numba.config.DISABLE_JIT:
        raise DeviceError("NUMBA_DISABLE_JIT is set, but the cpu kernels need the JIT; use bp.use_kernels('reference')")
    jit = numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options)

    def decorate(function):
        dispatcher = jit(function)
        if is_cached(function):
            dispatcher._cache = Cache(function)
        if options.get("_nrt") is False:
            _refuse_arrays(dispatcher)
        return dispatcher

    return decorate


def _refuse_arrays(dispatcher):
    """Raise TypeError for a compiled function that returns an array which it has only borrowed."""
    accept = dispatcher.add_overload

    def add_overload(compiled):
        returned = compiled.signature.return_type
        if any(isinstance(part, numba.types.Buffer) for part in (returned, *getattr(returned, "types", ()))):
            raise TypeError(f"{dispatcher.py_func.__name__} returns {returned}; use maker")
        accept(compiled)

    dispatcher.add_overload = add_overload


def kernel(function):
    """A function that Python calls, whose `prange` loops are shared by threads."""
    return Kernel(_compiled(parallel=True, fastmath=FAST)(function))


def exact_kernel(function):
    """The same where the order of the operations matters."""
    return Kernel(_compiled(parallel=True, fastmath=EXACT)(function))


def with_words(function, name, **words):
    """The same function under another name, where some of its global names mean these: a row of a table, say.

    Of a closure Numba's cache would not know in the next process that it is the same.
    """
    own = types.FunctionType(function.__code__, {**function.__globals__, **words}, name)
    own.__qualname__, own.__module__, own.__doc__ = name, function.__module__, function.__doc__
    return own


SMALL = 1 << 15  # elements that one thread finishes before several have started


def sized_kernel(function):
    """A kernel in two forms: `prange` is a plain loop where the first array has at most SMALL elements."""
    twin = with_words(function, f"{function.__name__}_alone")
    alone, together = Kernel(_compiled(fastmath=FAST)(twin)), kernel(function)

    @functools.wraps(function)
    def call(*args):
        return (alone if args[0].size <= SMALL else together)(*args)

    return call


# Parts of kernels. They borrow their arrays: Numba's reference counting, whose atomic instructions wait for all other
# cores, cost a tile more than the sum it computes. So none of them may return an array or create one.
BORROWED = {"_nrt": False}
inner = _compiled(fastmath=EXACT, **BORROWED)  # runs within an iteration
inlined = _compiled(fastmath=EXACT, forceinline=True, **BORROWED)  # so small that a call would cost too much
maker = _compiled(fastmath=EXACT, forceinline=True)  # may return or create an array

# Numba would try TBB first and fall back to a pool of its own, which aborts the process when two Python threads use it.
# OpenMP has a limit, too: a process that has run a kernel can fork, but the child cannot run one; use "spawn".
if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

# GNU's OpenMP lets an idle thread spin for milliseconds. Where other processes need the cores, it then delays the very
# thread that it waits for: with two trainings of LeNet side by side, each step took 150 ms. But a sleeping thread takes
# 50 us to wake, and only 10 us pass between two kernels. A step by two threads, alone and beside two others, took 2.7
# and 2.9 ms with a spin count of 1000, 1.4 and 5.7 with 5000, 1.4 and 8.7 with 10000; by one thread alone 2.2.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")


@inner
def blocks(size):
    """How many blocks cover `size` elements."""
    return (size + BLOCK - 1) // BLOCK


@maker
def part(array, block):
    """Block number `block` of a flat array. Its indices begin at 0: an index that might be negative, counted from the
    end, would have to be tested before each use, and the loop would not be vectorized.
    """
    return array[block * BLOCK : (block + 1) * BLOCK]


class _Chosen(threading.local):
    """How many threads this Python thread has asked for. Asking Numba for it takes a microsecond."""

    count = numba.config.NUMBA_NUM_THREADS


_chosen = _Chosen()


def threads():
    """How many threads a kernel called from here may use."""
    return _chosen.count


def set_num_threads(count):
    """Use `count` threads, from 1 to as many as Numba started with (the machine's cores)."""
    most = numba.config.NUMBA_NUM_THREADS
    if not 1 <= count <= most:
        raise OptionError(f"threads must be from 1 to {most}, got {count}")
    numba.set_num_threads(count)
    _chosen.count = count


def get_num_threads():
    """How many threads the kernels use."""
    return numba.get_num_threads()
