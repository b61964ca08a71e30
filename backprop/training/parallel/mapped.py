"""One copy of a data set in a machine's memory, whatever the number of ranks: they map the same file."""

import mmap
import os
import pickle
import tempfile


def written(value):
    """Pickle a value, with its arrays in a file. Returns what `read` needs."""
    places, start = [], 0
    fd, path = tempfile.mkstemp(prefix="backprop-", suffix=".mapped")
    with open(fd, "wb") as file:

        def put(buffer):
            nonlocal start
            raw = buffer.raw()
            places.append((start, raw.nbytes))
            start += file.write(raw)
            start += file.write(bytes(-start % 64))

        try:
            head = pickle.dumps(value, protocol=5, buffer_callback=put)
        except Exception:
            os.unlink(path)
            raise
    return path, head, places


def read(path, head, places):
    """The value, its arrays mapped from the file. A page is read when it is used, and copied only if it is changed."""
    if not os.path.getsize(path):
        return pickle.loads(head, buffers=[bytearray(size) for _, size in places])
    with open(path, "rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(head, buffers=[whole[start : start + size] for start, size in places])
