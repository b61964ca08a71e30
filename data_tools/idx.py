"""IDX, the file format of MNIST: an array of any rank, all numbers big-endian.

    offset   bytes     content
    0        2         zero
    2        1         type code, see TYPES
    3        1         rank R
    4        4 R       the R sizes, unsigned
    4 + 4R   the rest  the elements, last axis fastest

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "The IDX file format".
A file may be compressed by gzip: its content decides that, but a name that ends in .gz requires it.
"""

import contextlib
import gzip
import io
import lzma
import math
import os
import zlib

import numpy as np

from data_tools.atomic import replacing

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CODES = {np.dtype(name).newbyteorder("="): code for code, name in TYPES.items()}
MAX_BYTES = 1 << 32  # of elements in one file; a header that asks for more is taken for damage
MAX_RANK = 32  # what every NumPy can hold
GZIP_MAGIC, XZ_MAGIC = b"\x1f\x8b", b"\xfd7zXZ\0"
DENSEST = 1032  # deflate never makes a byte stand for more than this many


class IDXError(ValueError):
    """A file that is not one whole IDX file: its path, the offset in the decompressed bytes, what was expected."""

    def __init__(self, path, offset, expected, found):
        super().__init__(f"{os.fspath(path)}: at byte {offset} expected {expected}, found {found}")
        self.path, self.offset, self.expected, self.found = path, offset, expected, found


def read(path, max_bytes=MAX_BYTES):
    """The array in the IDX file `path`, plain or gzip, in this machine's byte order.

    Raises IDXError for anything but one whole IDX file, without ever allocating more than the file can really contain,
    at most `max_bytes`; FileNotFoundError where there is no file.
    """
    path = os.fsdecode(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        magic = file.read(2)
        file.seek(0)
        if magic == GZIP_MAGIC:
            with gzip.GzipFile(fileobj=file) as stream, _as_idx_error(path, stream):
                return _read(path, stream, max_bytes, room=size * DENSEST)
        if os.fspath(path).endswith(".gz"):
            raise IDXError(path, 0, "the gzip magic 1f 8b that the name promises", _describe(file.read(64)))
        return _read(path, file, max_bytes, room=size)


def read_bytes(name, content, max_bytes=MAX_BYTES):
    """The array in the content of an IDX file that is not compressed."""
    return _read(name, io.BytesIO(content), max_bytes, room=len(content))


def peeled(content, name, most=MAX_BYTES):
    """Compressed content, decompressed; None if it is not compressed by gzip or xz.  Raises IDXError."""
    file = io.BytesIO(content)
    kinds = {GZIP_MAGIC: gzip.open, XZ_MAGIC: lzma.open}
    opener = next((opener for magic, opener in kinds.items() if content.startswith(magic)), None)
    if opener is None:
        return None
    with opener(file) as stream, _as_idx_error(name, stream):
        inner = stream.read(most + 1)
    if len(inner) > most:
        raise IDXError(name, 0, f"at most {most} bytes", "more")
    return inner


def write(path, array):
    """Write `array` as an IDX file, compressed where the name ends in .gz; an older file is replaced atomically.

    The same array gives the same bytes. Raises TypeError for an element type that IDX does not have.
    """
    array = np.asarray(array)
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        names = ", ".join(map(str, CODES))
        raise TypeError(f"IDX holds {names}, got {array.dtype}; use x.astype(...)")
    if array.nbytes > MAX_BYTES:
        raise ValueError(f"{array.nbytes} bytes are more than the {MAX_BYTES} that `read` takes; write fewer images")
    if array.ndim > MAX_RANK:
        raise TypeError(f"rank {array.ndim} is more than {MAX_RANK}")
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    body = array.astype(TYPES[code], order="C", copy=False)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as stream:
                _write(stream, header, body)
        else:
            _write(file, header, body)


def _write(stream, header, body):
    stream.write(header)
    stream.write(memoryview(body).cast("B") if body.size else b"")


def _read(path, stream, max_bytes, room):
    """`room` is how many bytes the file can decompress to at the very most."""
    start = _exactly(path, stream, 4, 0)
    if start[:2] != b"\0\0" or start[2] not in TYPES:
        start += stream.read(60)
        raise IDXError(path, 0, "00 00, a type code (08 09 0b 0c 0d 0e) and a rank", _describe(start))
    dtype, rank = np.dtype(TYPES[start[2]]), start[3]
    if rank > MAX_RANK:
        raise IDXError(path, 3, f"a rank of at most {MAX_RANK}", rank)
    shape = tuple(np.frombuffer(_exactly(path, stream, 4 * rank, 4), ">u4").tolist())
    offset = 4 + 4 * rank
    count = dtype.itemsize * math.prod(shape)
    if dtype.itemsize * math.prod([size for size in shape if size]) > max_bytes:
        raise IDXError(path, 4, f"sizes of at most {max_bytes} bytes in all", f"sizes {shape}")
    if offset + count > room:
        raise IDXError(
            path, offset, f"{count} bytes of elements for sizes {shape}", f"a file that ends before byte {room}"
        )
    body = np.empty(count, np.uint8)
    filled = 0
    while filled < count:
        got = stream.readinto(memoryview(body)[filled:])
        if not got:
            raise IDXError(path, offset + filled, f"{count - filled} more bytes of elements", "the end of the file")
        filled += got
    more = stream.read(3)
    if more in (b"\n", b"\r\n"):
        raise IDXError(path, offset + count, "the end of the file", "a line end, which a transfer as text has added")
    if more:
        raise IDXError(path, offset + count, "the end of the file", "more bytes")
    array = body.view(dtype).reshape(shape)
    return array if dtype.isnative else array.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _exactly(path, stream, count, offset):
    got = stream.read(count)
    if len(got) < count:
        raise IDXError(path, offset + len(got), f"{count - len(got)} more bytes of the header", "the end of the file")
    return got


@contextlib.contextmanager
def _as_idx_error(path, stream):
    """Turns the decompressor's errors about a damaged file into an IDXError."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise IDXError(path, stream.tell(), "valid gzip data", f"{error}") from None


def _describe(start):
    """The first bytes of something that is not what it should be, as a reader would recognise it."""
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS in place of the file: use `git lfs pull`"
    if start.lstrip()[:1] in (b"{", b"["):
        return f"{start[:16]!r} (a JSON answer?)"
    if start.lstrip()[:5] == b"<?xml":
        return f"{start[:16]!r} (an XML error?)"
    if start.lstrip()[:1] == b"<":
        return f"{start[:16]!r} (an HTML page?)"
    if b"\xef\xbf\xbd" in start:
        return f"{start[:8].hex(' ')} (bytes that an editor has replaced: fetch the file again)"
    return start[:8].hex(" ") or "an empty file"
