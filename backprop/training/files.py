"""Files that are replaced atomically: whenever the process is killed, either the old file is there or the new one.

Temporary files left by killed processes of this machine are removed by the next process that writes there; other
readers and writers are not disturbed. If the path is a link, the file that it points to is replaced.
"""

import contextlib
import os
import secrets
import socket
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """A binary file to write into. If the block ends without an error, the file is flushed to the disk and replaces
    `path` in one step. Otherwise it is removed, and an OSError without a file name, as of a full disk, gets `path`.
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
    """The beginning of this machine's temporary file names; a process id follows."""
    begins = path.name.encode()[:80].decode(errors="ignore")  # the name of `path` may have the greatest length allowed
    return f".{begins}.{socket.gethostname()}-"


def _sweep(path):
    """Remove the files of processes that were killed while writing."""
    for left in path.parent.glob(f"{_prefix(path).replace('[', '[[]')}*.tmp"):
        number = left.name[len(_prefix(path)) :].partition("-")[0]
        if number.isdigit() and not _alive(int(number)):
            with contextlib.suppress(OSError):
                left.unlink()


def _alive(process):
    """Whether there is a process with this id; True where that cannot be checked."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process, or not a process id
        return True
    return True
