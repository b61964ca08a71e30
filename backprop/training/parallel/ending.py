"""How all ranks end: together, and with one voice."""

import contextlib
import io
import os
import pickle
import sys
import time
import traceback

from backprop.errors import BackpropError, RankError
from backprop.training.parallel.watcher import ALL, GOODBYE
from backprop.training.parallel.wire import LAST

TOGETHER = 1.0  # seconds in which all ranks must fail for it to be one failure of all


def silence():
    """A context in which nothing is printed on stdout."""
    nothing = io.TextIOWrapper(io.FileIO(os.devnull, "w"), encoding="utf-8")
    return contextlib.redirect_stdout(nothing)


def end(wire, watched, error):
    """Leave the block: every rank must arrive here, with its error or None. If one fails and the others do not arrive,
    it ends them. If all fail, the first one that knows why says it, and the others leave without a word.
    """
    failed = error is not None and not (isinstance(error, SystemExit) and not error.code)
    if not wire.barrier(TOGETHER if failed else None):
        if getattr(error, "silent", None) is not None:
            time.sleep(min(wire.rank, 20) / 10)  # all others wait for the silent one, and notice: one voice is enough
        _say(wire.rank, error)
        watched.leave(ALL)
        wire.abort()
    # `elsewhere`: another rank knows more about this error
    how = words(error) if failed else None, getattr(error, "elsewhere", False)
    every = wire.everyone(how, LAST)  # not mixed up with what was sent to a rank that failed
    failures = sorted((elsewhere, rank) for rank, (said, elsewhere) in enumerate(every) if said)
    told = failures[0][1] if failures else None  # the first that knows why
    if told == wire.rank and told:
        _say(told, error)
    watched.leave(GOODBYE)
    if failed and (wire.rank or told != 0):
        sys.exit(1)


def sendable(error):
    """The error as another rank can raise it."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RankError(words(error))


def words(error):
    """An error in one line."""
    if isinstance(error, SystemExit):
        return f"exit {error.code}"
    return f"{error}" if isinstance(error, BackpropError) else f"{type(error).__name__}: {error}".rstrip(": ")


def _say(rank, error):
    """One line for what a user did, or a machine; for a program's mistake, the place where it happened, too."""
    plain = isinstance(error, (BackpropError, OSError, KeyboardInterrupt, SystemExit))
    text = words(error) if plain else "".join(traceback.format_exception(error)).rstrip()
    print(f"rank {rank}: {text}", file=sys.stderr, flush=True)
