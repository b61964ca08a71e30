"""Files that appear whole or not at all: whenever the process is killed, there is the old one or the new.

What killed processes of this machine have left is swept away by the next one that writes there; whoever else writes or
reads is not disturbed. Where a link stands, the file behind it is replaced.
"""

import contextlib
import os
import secrets
import socket
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """A binary file to write into, which takes the place of `path` in one step when the block ends well, and is on the
    disk before. When it does not, it is removed; an OSError that names no file, as of a full disk, names `path` then.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    temporary = path.with_name(f"{_prefix(path)}{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _prefix(path):
    """How the temporary files of this machine begin; a process's number follows."""
    begins = path.name.encode()[:80].decode(errors="ignore")  # a name may be as long as names can be
    return f".{begins}.{socket.gethostname()}-"


def _sweep(path):
    """Remove what processes that were killed while they wrote have left."""
    for left in path.parent.glob(f"{_prefix(path).replace('[', '[[]')}*.tmp"):
        number = left.name[len(_prefix(path)) :].partition("-")[0]
        if number.isdigit() and not _alive(int(number)):
            with contextlib.suppress(OSError):
                left.unlink()


def _alive(process):
    """Whether there is such a process; True where that cannot be asked."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        return True
    return True
