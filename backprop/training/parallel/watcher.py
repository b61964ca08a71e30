"""Who was killed? mpiexec ends all ranks when one is killed, and does not say which. One small process on each machine
does: every rank there keeps a connection to it, and the first that breaks off without a goodbye is the one.

This file is also that process's program. It imports nothing of backprop, and outlives the ranks by a moment.
"""

import contextlib
import os
import select
import socket
import subprocess
import sys
import tempfile

SECONDS = 10.0  # that a rank waits for the watcher to begin
READY, GOODBYE, ALL = (
    b"+",
    b".",
    b"!",
)  # it is watched; this rank ends well; all will be ended, and it has been said why


class Watched:
    """One rank's connection to the watcher of its machine."""

    def __init__(self):
        self._connection = None

    def begin(self, wire, here):
        """Let all ranks `here`, on this machine, be watched."""
        folder, path = None, None
        if wire.rank == here[0] and hasattr(select, "epoll"):  # on Linux, where clusters are
            with contextlib.suppress(OSError):
                folder = tempfile.mkdtemp(prefix="backprop-")
                path = os.path.join(folder, "watcher")
                _start(path, len(here))
        path = wire.from_first(path, here)
        if path is not None:
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.settimeout(SECONDS)
            with contextlib.suppress(OSError):
                self._connection.connect(path)
                self._connection.sendall(f"{wire.rank} {os.getpid()}\n".encode())
                self._connection.recv(1)  # now it watches
        wire.everyone(None)
        if folder is not None:
            with contextlib.suppress(OSError):
                os.unlink(path)
                os.rmdir(folder)

    def leave(self, word=GOODBYE):
        """Break off, with a last word."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sendall(word)
            self._connection.close()
            self._connection = None


def _start(path, count):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(count)
        command = [sys.executable, "-S", "-E", __file__, str(count)]
        subprocess.Popen(command, stdin=server.fileno(), stdout=subprocess.DEVNULL, start_new_session=True)


def watch(server, count):
    """The words about the rank that was killed first, or None if all said goodbye."""
    names, ready = {}, select.epoll()  # which keeps the order in which connections break off
    for _ in range(count):
        connection, _ = server.accept()
        rank, process = connection.makefile().readline().split()
        names[connection.fileno()] = connection, f"rank {rank}, process {process}"
        ready.register(connection.fileno(), select.EPOLLIN | select.EPOLLHUP)
        connection.sendall(READY)
    while names:
        for number, _ in ready.poll(maxevents=1):
            connection, name = names.pop(number)
            ready.unregister(number)
            word = b""
            with contextlib.suppress(OSError):
                word = connection.recv(1)
            if word == ALL:
                return None
            if word != GOODBYE:
                return f"{name}: killed, or crashed; all ranks end"
    return None


if __name__ == "__main__":
    words = watch(socket.socket(fileno=0), int(sys.argv[1]))
    if words is not None:
        os.write(2, f"\n{words}\n".encode())
