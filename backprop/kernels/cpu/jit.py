"""How every CPU kernel is compiled, and the rule that makes its bits independent of the number of threads.

Each output is owned by one iteration of the parallel loop, which computes it from beginning to end in a fixed order.
Loops over single elements walk in blocks of BLOCK: a thread gets whole blocks, so the places where vector code hands
over to scalar code do not move when the number of threads changes.

Compiled kernels are kept in __pycache__. Numba would compile one again when its own file changes, but not when a file
does that it draws on; here any change in this folder counts.

A sum of many numbers is gathered in float64. Where they lie side by side, SOME of them are added up first in vectors of
their own type. So float32 keeps six digits, however many terms there are.
"""

import atexit
import contextlib
import functools
import os
import shutil
import sys
import tempfile
import threading
import types
from pathlib import Path

import numba
from numba.core import event
from numba.misc.appdirs import user_cache_dir

from backprop.errors import DeviceError, OptionError

HERE = Path(__file__).parent

BLOCK = 2048
SOME = 64

# Sums may be reordered into vector lanes and a*b + c fused; NaN and infinity keep their meaning, so they can be found.
FAST, EXACT = {"reassoc", "contract", "nsz"}, {"contract", "nsz"}


def _compiled(**options):
    """The decorator that compiles with these options and keeps the result until a file of this folder changes.

    Without a wrapper for C: nobody calls kernels from there, and each would be compiled with one.
    """
    if numba.config.DISABLE_JIT:
        raise DeviceError("NUMBA_DISABLE_JIT is set, and the cpu kernels are compiled; use bp.use_kernels('reference')")
    _find_cache_folder()
    jit = numba.njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options)

    def decorate(function):
        dispatcher = jit(function)
        cache = dispatcher._cache
        cache._cache_file._source_stamp = _stamp()
        cache.load_overload, cache.save_overload = _forgiving(cache.load_overload), _forgiving(cache.save_overload)
        if options.get("_nrt") is False:
            _refuse_arrays(dispatcher)
        return dispatcher

    return decorate


@functools.cache
def _find_cache_folder():
    """Let compiled kernels be kept where that is possible: beside their source, in the user's cache, or else for this
    process alone, which is said.
    """
    if numba.config.CACHE_DIR:
        return
    for folder in (HERE / "__pycache__", Path(user_cache_dir("numba"))):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return
    numba.config.CACHE_DIR = tempfile.mkdtemp(prefix="backprop-kernels-")
    atexit.register(shutil.rmtree, numba.config.CACHE_DIR, ignore_errors=True)
    print("compiled kernels are kept for this run alone: no folder for them can be written", file=sys.stderr)


def _forgiving(access):
    """Access to what is kept of a kernel on the disk. Where that fails, as on a full disk, or on files that are cut or
    foreign, the kernel is compiled, and it is said once.
    """

    def call(*args):
        try:
            return access(*args)
        except Exception as error:
            _tell_of_cache(f"{type(error).__name__}: {error}")
            return None

    return call


@functools.cache
def _tell_of_cache(words):
    print(f"compiled kernels cannot be kept or read: {words}", file=sys.stderr)


def _refuse_arrays(dispatcher):
    """Let nothing be compiled that returns an array which it has only borrowed."""
    accept = dispatcher.add_overload

    def add_overload(compiled):
        returned = compiled.signature.return_type
        if any(isinstance(part, numba.types.Buffer) for part in (returned, *getattr(returned, "types", ()))):
            raise TypeError(f"{dispatcher.py_func.__name__} returns {returned}; use maker")
        accept(compiled)

    dispatcher.add_overload = add_overload


@functools.cache
def _stamp():
    """Tells whether any of this folder's files has changed."""
    states = [path.stat() for path in sorted(HERE.rglob("*.py"))]
    return tuple((state.st_mtime, state.st_size) for state in states)


kernel = _compiled(parallel=True, fastmath=FAST)
exact_kernel = _compiled(parallel=True, fastmath=EXACT)  # where the order of the operations is the point

SMALL = 1 << 15  # elements that one thread is done with before several have begun


def sized_kernel(function):
    """A kernel in two forms: `prange` is a plain loop where the first array has at most SMALL elements."""
    twin = types.FunctionType(function.__code__, function.__globals__, f"{function.__name__}_alone")
    twin.__qualname__, twin.__module__ = twin.__name__, function.__module__  # under which it is kept on disk
    alone, together = _compiled(fastmath=FAST)(twin), kernel(function)

    @functools.wraps(function)
    def call(*args):
        return (alone if args[0].size <= SMALL else together)(*args)

    return call


# Parts of kernels. They borrow their arrays: counting who holds an array, which Numba would do with instructions that
# wait for all other cores, cost a tile more than the sum it computes. So none of them may return an array or make one.
BORROWED = {"_nrt": False}
inner = _compiled(fastmath=EXACT, **BORROWED)  # runs within an iteration
inlined = _compiled(fastmath=EXACT, forceinline=True, **BORROWED)  # so small that calling it would show
maker = _compiled(fastmath=EXACT, forceinline=True)  # one that does return or make an array

# Numba would try TBB first and fall back to a pool of its own, which ends the process when two Python threads enter it.
# OpenMP's own limit: a process that has run a kernel can fork, but the child cannot run one; start it with "spawn".
if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

# GNU's OpenMP lets an idle thread spin for milliseconds. Where other processes want the cores, it then holds up the
# very thread it waits for: of two trainings of LeNet side by side, each step took 150 ms. But a thread that has gone to
# sleep takes 50 us to wake, and between two kernels there are ten. Two threads alone, and side by side with two others,
# took 2.7 and 2.9 ms with 1000 turns, 1.4 and 5.7 with 5000, 1.4 and 8.7 with 10000; one thread alone 2.2.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")


@inner
def blocks(size):
    """How many blocks cover `size` elements."""
    return (size + BLOCK - 1) // BLOCK


@maker
def part(array, block):
    """Block number `block` of a flat array. Its indices begin at 0: an index that might be negative, counted from the
    end, would have to be looked at before each use, and no loop over such would be done in vectors.
    """
    return array[block * BLOCK : (block + 1) * BLOCK]


class _Chosen(threading.local):
    """How many threads this Python thread has asked for. Numba knows it, too, but takes a microsecond to tell."""

    count = numba.config.NUMBA_NUM_THREADS


_chosen = _Chosen()


def threads():
    """How many threads a kernel called from here may use."""
    return _chosen.count


class _Listener(event.Listener):
    def __init__(self, callback):
        self.callback = callback

    def on_start(self, event):
        self.callback(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event):
        pass


def on_compile(callback):
    """A context in which `callback(name)` hears of every kernel that is compiled, not of those loaded from disk."""
    return event.install_listener("numba:compile", _Listener(callback))


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
