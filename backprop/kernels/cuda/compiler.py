"""From a kernel's Python to a GPU's machine code, which needs no GPU: Numba makes PTX, nvJitLink turns it into a cubin.

A cubin is made for one architecture and runs with any driver that supports it; PTX would have to be compiled by a
driver at least as new as the tools that wrote it. Cubins are cached on disk until a file of this folder changes.
"""

import functools
import hashlib
import os
import pickle
import re
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np

from backprop import kernels
from backprop.kernels.cuda.writing import Word, bound
from backprop.kernels.device import DeviceArray

FOLDER = Path(__file__).parent / "__pycache__"
PTX_FOR = (8, 0)  # Ampere: PTX for it runs on all later architectures


BYTES = np.dtype(np.uint8).str  # the type of booleans in a kernel


class Cubin(NamedTuple):
    """Machine code, the name of its kernel, and what it uses of a multiprocessor."""

    code: bytes
    entry: str
    registers: int
    shared: int  # bytes of shared memory, per block
    stack: int  # bytes, for arrays indexed by values that are not known at compile time
    spilled: int  # bytes that are stored to memory and loaded again because registers ran out


def kinds(args, real):
    """The types of a kernel's parameters as a key: an array's element type in brackets, a scalar's, tuples of those."""
    found = []
    for argument in args:
        if isinstance(argument, DeviceArray):
            found.append(f"[{BYTES if argument.dtype == bool else argument.dtype.str}]")
        elif isinstance(argument, tuple):
            found.append(kinds(argument, real))
        elif isinstance(argument, np.generic):
            found.append(argument.dtype.str)
        elif isinstance(argument, float):
            found.append(np.dtype(real).str)
        else:
            found.append("<u4" if isinstance(argument, int) else argument.kind)
    return tuple(found)


def compiled(kernel, kinds, real, capability):
    """The Cubin of a kernel for parameters of these kinds, on a GPU of this compute capability, such as (9, 0)."""
    file = _file(kernel, kinds, real, capability)
    try:
        stamp, cubin = pickle.loads(file.read_bytes())
        if stamp == _stamp():
            return cubin
    except (OSError, ValueError, EOFError, pickle.UnpicklingError, AttributeError):
        pass  # there is no cached cubin, or a truncated one
    kernels.tell_compiling(kernel.__name__)
    cubin = assembled(written(kernel, kinds, real, min(capability, PTX_FOR)), capability)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_bytes(pickle.dumps((_stamp(), cubin)))
        os.replace(beside, file)
    except OSError:
        pass  # without a writable folder the cubin is used, but not cached
    return cubin


def written(kernel, kinds, real, capability):
    """The PTX of a kernel."""
    from numba import cuda
    from numba.cuda import dispatcher
    from numba.np.numpy_support import from_dtype

    scalars = {"real": real, "u32": np.uint32, "u64": np.uint64, "i32": np.int32}
    names = {**kernel.names, **{name: from_dtype(np.dtype(kind)) for name, kind in scalars.items()}}
    parts = {}

    def compiled_part(part):
        if isinstance(part, Word):
            return part.intrinsic(names["real"])
        if part not in parts:
            parts[part] = cuda.jit(device=True)(bound(part.body, names | part.names, compiled_part))
        return parts[part]

    class Here:  # a GPU to compile for: Numba asks for one when a kernel calls a part
        compute_capability = capability

    with mock.patch.object(dispatcher, "get_current_device", lambda: Here):
        ptx, _ = cuda.compile(
            bound(kernel.body, names, compiled_part),
            tuple(_type(kind) for kind in kinds),
            device=False,
            abi="numba",
            cc=capability,
            output="ptx",
            launch_bounds=(kernel.threads, kernel.blocks) if kernel.blocks else kernel.threads,
        )
    return ptx if isinstance(ptx, str) else ptx.decode()


def assembled(ptx, capability):
    """The Cubin of PTX."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    arch = "sm_{}{}".format(*capability)
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=LinkerOptions(arch=arch, ptxas_options=["-v"]))
    code = bytes(linker.link("cubin").code)
    log = linker.get_info_log()

    def said(pattern):
        found = re.search(pattern, log)
        return int(found[1]) if found else -1  # another assembler's log

    entry, shared = re.search(r"\.entry\s+(\w+)\(", ptx)[1], re.findall(r"\.shared .*\[(\d+)\]", ptx)
    spilled = said(r"(\d+) bytes spill stores") + said(r"(\d+) bytes spill loads")
    return Cubin(code, entry, said(r"Used (\d+) reg"), sum(map(int, shared)), said(r"(\d+) bytes stack"), spilled)


def _type(kind):
    """Numba's type for a parameter's kind."""
    from numba import types
    from numba.np.numpy_support import from_dtype

    if isinstance(kind, tuple):
        return types.Tuple([_type(item) for item in kind])
    if kind.startswith("["):
        return types.CPointer(_type(kind[1:-1]))
    return from_dtype(np.dtype(kind))


def _file(kernel, kinds, real, capability):
    """Where a cubin is cached."""
    chosen = sorted((name, _described(value)) for name, value in kernel.names.items())
    key = kernel.__module__, kernel.__qualname__, kernel.threads, kernel.blocks, chosen, kinds, real, capability
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    return FOLDER / f"{kernel.__name__}.{digest}.cubin"


def _described(value):
    """What a name stands for, as a key that is the same in every process."""
    body = getattr(value, "body", value)
    if not callable(body):
        return repr(value)
    code, names = body.__code__, sorted((name, _described(part)) for name, part in getattr(value, "names", {}).items())
    return (
        names,
        body.__module__,
        body.__qualname__,
        code.co_firstlineno,
        code.co_code,
        repr(code.co_consts),
        code.co_names,
    )


@functools.cache
def _stamp():
    """The states of this folder's files and the versions of their compilers: they differ when one of them changes."""
    versions = [metadata.version(name) for name in ("numba", "numba-cuda", "cuda-bindings", "cuda-core")]
    states = [(path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(Path(__file__).parent.rglob("*.py"))]
    return repr((states, versions))
