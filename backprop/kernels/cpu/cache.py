"""Where compiled kernels are cached: in the user's cache folder, under a digest of all that they are compiled from.

So a fresh clone, another virtual environment or an installed wheel with the same kernels compiles nothing again, and a
change in any file of this folder compiles everything anew. Numba adds the processor: what was compiled for another one
is never run.
"""

import atexit
import contextlib
import functools
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.misc.appdirs import user_cache_dir

HERE = Path(__file__).parent
KEPT = 8  # digests: other versions of the kernels, and of Numba, may be in use at the same time


@functools.cache
def digest():
    """What the compiled code depends on besides the processor, as 16 hexadecimal digits."""
    found = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for path in sorted(HERE.rglob("*.py")):
        found.update(f"{path.relative_to(HERE).as_posix()} ".encode() + path.read_bytes())
    return found.hexdigest()[:16]


@functools.cache
def folder():
    """The folder of this digest: below NUMBA_CACHE_DIR, or in the user's cache. If neither can be written, one for this
    process alone, and that is reported.
    """
    above = Path(numba.config.CACHE_DIR or user_cache_dir("backprop"), "kernels")
    with contextlib.suppress(OSError):
        found = above / digest()
        found.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=found):
            os.utime(found)
        _sweep(above)
        return found
    found = tempfile.mkdtemp(prefix="backprop-kernels-")
    atexit.register(shutil.rmtree, found, ignore_errors=True)
    print(f"compiled kernels are cached for this run only: {above} cannot be written", file=sys.stderr)
    return Path(found)


def _sweep(above):
    """Remove all but the KEPT digests that were used last."""
    with contextlib.suppress(OSError):
        for old in sorted(above.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


class _Place:
    """Numba's locator of one function's cache."""

    def __init__(self, function, file):
        self._line, self._below = function.__code__.co_firstlineno, Path(file).parent.relative_to(HERE)

    from_function = classmethod(lambda cls, function, file: cls(function, file))

    def get_cache_path(self):
        return str(folder() / self._below)

    def get_source_stamp(self):
        return digest()

    def get_disambiguator(self):
        return str(self._line)

    def ensure_cache_path(self):
        os.makedirs(self.get_cache_path(), exist_ok=True)


def is_cached(function):
    """Whether a function is cached: one of this folder, whose digest says when it changes."""
    return Path(function.__code__.co_filename).is_relative_to(HERE)


class _Files(CompileResultCacheImpl):
    _locator_classes = [_Place]


class Cache(FunctionCache):
    """One function's compiled forms on the disk. If they cannot be read or written, as on a full disk, or if files are
    cut or foreign, the function is compiled, and that is reported once.
    """

    _impl_class = _Files

    def load_overload(self, *args):
        return _forgiving(super().load_overload, *args)

    def save_overload(self, *args):
        return _forgiving(super().save_overload, *args)


def _forgiving(access, *args):
    try:
        return access(*args)
    except Exception as error:
        _report(f"{type(error).__name__}: {error}")
        return None


@functools.cache
def _report(words):
    print(f"compiled kernels cannot be cached or loaded: {words}", file=sys.stderr)
