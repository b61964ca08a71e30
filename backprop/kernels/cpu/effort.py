"""About how long a kernel takes to compile: who waits is told so, and the longest begin first.

That grows with its source, counted with all functions of ours that it calls, wherever they stand.
"""

import functools
import types

from numba.core.dispatcher import Dispatcher

LEAST, PER_BYTE, SHORT = 0.2, 0.8e-3, 1000  # seconds, for each byte of Python's code beyond the first ones; measured
# What writes LLVM's language itself, so that Numba has nothing to analyse.
QUICK = tuple(f"backprop.kernels.cpu.{each}" for each in ("elementary.", "simd.", "team.words", "kernel"))


@functools.cache
def seconds(function):
    """About how many it takes to compile this function."""
    size = sum(len(code.co_code) for code in _codes(function))
    return max(LEAST, PER_BYTE * (size - SHORT))


def _codes(function):
    """The code objects of a function, and of all that it names."""
    found, ahead = set(), [function]
    while ahead:
        function = _plain(ahead.pop())
        if function is None or function.__code__ in found:
            continue
        names, inside = set(), [function.__code__]
        while inside:
            code = inside.pop()
            found.add(code)
            names.update(code.co_names)
            inside += [each for each in code.co_consts if isinstance(each, types.CodeType)]
        ahead += [function.__globals__[name] for name in names if name in function.__globals__]
    return found


def _plain(named):
    """The function of this package that is compiled or called for this global name, or None."""
    if isinstance(named, Dispatcher):
        named = named.py_func
    named = getattr(named, "_defn", named)  # of an intrinsic
    if not isinstance(named, types.FunctionType) or named.__module__.startswith(QUICK):
        return None
    return named if named.__module__.startswith("backprop.") else None
