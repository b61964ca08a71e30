"""What all ranks must have in common to compute the same bits, and how it is compared."""

import hashlib
import importlib.metadata
import platform
import socket
import sys
from pathlib import Path

import numpy as np

from backprop import kernels
from backprop.errors import OptionError, RankError
from backprop.kernels.device import to_host

NAMES = ("backprop", "python", "numpy", "numba", "kernels", "machine", "network", "data")


def of_process():
    """What this process computes with, by the names under which a difference may be allowed."""
    return {
        "backprop": _source(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": " with ".join(f"{name} {_version(name)}" for name in ("numba", "llvmlite")),
        "kernels": kernels.active(),
        "machine": _machine(),
    }


def of_network(net, loss):
    """A digest of a network's numbers and of what it draws at random."""
    found = hashlib.sha256()
    for module in (net, loss):
        kinds = [type(part).__name__ for part in module.modules()] if hasattr(module, "modules") else []
        found.update(repr(kinds).encode())
        for name, array in _state(module).items():
            array = np.ascontiguousarray(to_host(array))
            found.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        for path, stream in module.named_streams() if hasattr(module, "named_streams") else ():
            found.update(f"{path} {stream.seed} {stream.step}".encode())
    return found.hexdigest()[:12]


def of_loader(loader):
    """A digest of a data set: its size, all labels, and 64 images from all over it, as reading all would take long."""
    images, labels = (np.asarray(getattr(loader, name, np.empty(0))) for name in ("images", "labels"))
    some = images[:: max(1, len(images) // 64)]
    found = hashlib.sha256(f"{images.dtype} {images.shape} {labels.dtype} {labels.shape}".encode())
    for array in (labels, some):
        found.update(np.ascontiguousarray(array).tobytes())
    how = [getattr(loader, name, None) for name in ("batch_size", "shuffle", "seed", "drop_last", "shift", "flip")]
    return f"{len(images)} images, batches {how}, {found.hexdigest()[:12]}"


def expect(wire, what, allow, cure):
    """Raise RankError unless the dict `what` is the same on all ranks, but for the names in `allow`."""
    every = wire.everyone((socket.gethostname(), what))
    host, wanted = every[0]
    for rank, (other_host, other) in enumerate(every):
        for name, value in other.items():
            if value != wanted[name] and name not in allow:
                or_else = f", or allow it by name: bp.parallel(allow=[{name!r}])" if name in NAMES else ""
                raise RankError(
                    f"rank {rank} (on {other_host}) has another {name} than rank 0 (on {host}): {value}, not "
                    f"{wanted[name]}; {cure}{or_else}"
                )


def expect_names(allow):
    unknown = sorted(set(allow) - set(NAMES))
    if unknown:
        raise OptionError(f"allow may name {', '.join(NAMES)}, got {unknown[0]!r}")


def _state(module):
    return module.state_dict() if hasattr(module, "state_dict") else {}


def _source():
    """The version, and a digest of all code: two that say 0.1.0 need not be the same."""
    root, found = Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _machine():
    """The processor, as far as the compiler looks at it: other vector widths may give other bits."""
    words = [platform.machine(), sys.byteorder]
    if kernels.active() == "cpu":
        import llvmlite.binding as llvm

        words += [
            llvm.get_host_cpu_name(),
            hashlib.sha256(llvm.get_host_cpu_features().flatten().encode()).hexdigest()[:6],
        ]
    return " ".join(words)
