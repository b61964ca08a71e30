"""Where a command prints: a terminal that may be closed, a pipe whose reader may leave, or a file."""

import errno
import os
import sys
from pathlib import Path

GONE = errno.EPIPE, errno.EIO  # a pipe whose reader has left, a terminal that was closed


def run(main):
    """The exit status of the command `main()`; 130 after Ctrl-C.

    Characters that the output cannot encode become question marks. If nobody reads the output any more, the work is
    still finished, since its results are files.
    """
    sys.stdout, sys.stderr = (stream and _Stream(stream) for stream in (sys.stdout, sys.stderr))
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    if sys.stdout:
        sys.stdout.flush()
    return status


def python():
    """How this Python is typed: `.venv/bin/python` where it is below the folder that one is in, else `python`."""
    try:
        return Path(sys.executable).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return "python"


class _Stream:
    """A text stream that falls silent, and raises nothing, once its other end is gone."""

    def __init__(self, stream):
        stream.reconfigure(errors="replace")
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        return self._try(self._stream.write, text)

    def flush(self):
        self._try(self._stream.flush)

    def _try(self, action, *args):
        try:
            return action(*args)
        except OSError as error:
            if error.errno not in GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # later output, even at exit, goes nowhere
            os.close(nowhere)
