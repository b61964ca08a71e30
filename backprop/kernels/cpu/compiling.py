"""Who waits for the compiler is told so: listeners, such as the bar of `fit`, or else a line in any other program."""

import os
import sys
import time

from numba.core import event

from backprop.kernels import listeners, tell_compiling
from backprop.kernels.cpu.cache import folder

PATIENCE = 1.0  # seconds of compiling that need no words


def tell(what, of=""):
    """Call the listeners, or print a line if there are none; `of` says of how many kernels, and how long it takes."""
    if not listeners and not _compiling.told:
        print(f"compiling kernels, once{of}; they are kept in {short(folder())}", file=sys.stderr, flush=True)
    _compiling.told = True
    tell_compiling(what)


def tell_left(what, of=""):
    """The same, and again whenever a function is compiled, until what is left is told anew or, by None, not known."""
    _compiling.left = what
    if what is not None:
        tell(what, of)


def short(path):
    """The path as a user would write it."""
    home = os.path.expanduser("~")
    return str(path).replace(home, "~", 1) if home != "/" else str(path)


class _Compiling(event.Listener):
    """Functions are compiled within functions: `began` is when the outermost one did, None if none is. `left` says how
    many are left, where that is known (ahead.py).
    """

    began, depth, waited, told, left = None, 0, 0.0, False, None

    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if self.depth == 0:
            self.began = time.monotonic()
        self.depth += 1
        if not function.__module__.startswith("backprop."):  # one of Numba's own
            return
        if listeners or self.waited + time.monotonic() - self.began > PATIENCE:
            tell(self.left or function.__name__)

    def on_end(self, event):
        self.depth -= 1
        if self.depth == 0:
            self.waited += time.monotonic() - self.began


_compiling = _Compiling()
event.register("numba:compile", _compiling)
