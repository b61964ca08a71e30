"""Who waits for the compiler is told so: listeners, such as the bar of `fit`, or else a line in any other program."""

import sys
import time

from numba.core import event

from backprop.kernels import listeners, tell_compiling

PATIENCE = 1.0  # seconds of compiling that need no words
COMPILING = (
    "compiling kernels, once: they are cached for the next time (python -m backprop.lecture.warm prepares them all)"
)


def tell(what):
    """Call the listeners, or print a line if there are none."""
    if not listeners and not _compiling.told:
        print(COMPILING, file=sys.stderr, flush=True)
    _compiling.told = True
    tell_compiling(what)


class _Compiling(event.Listener):
    """Functions are compiled within functions: `began` is when the outermost one did, None if none is."""

    began, depth, waited, told = None, 0, 0.0, False

    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if self.depth == 0:
            self.began = time.monotonic()
        self.depth += 1
        if not function.__module__.startswith("backprop."):  # one of Numba's own
            return
        if listeners or self.waited + time.monotonic() - self.began > PATIENCE:
            tell(function.__name__)

    def on_end(self, event):
        self.depth -= 1
        if self.depth == 0:
            self.waited += time.monotonic() - self.began


_compiling = _Compiling()
event.register("numba:compile", _compiling)
