"""Every CUDA kernel compiled to machine code, without a GPU: the registers, shared memory and stack that each takes.

    python -m tests.kernels.offline          prints one JSON object per line, for each kernel and each architecture
    python -m tests.kernels.offline 0 2      every second one, from the first; 1 2 from the second

It runs as a program, since Numba cannot compile for a GPU in a process that simulates one.
"""

import contextlib
import json
import re
import sys
from unittest import mock

import numpy as np

from backprop.kernels import load
from backprop.kernels.cuda import compiler
from backprop.kernels.cuda.gpu import Gpu
from backprop.kernels.cuda.product.shared import shared
from backprop.kernels.cuda.product.textbook import textbook
from backprop.kernels.cuda.writing import element_type
from backprop.kernels.device import DeviceArray
from tests.kernels.cases import Columns, cases, kernel_of

ARCHITECTURES = (8, 0), (9, 0)


class NoGpu(Gpu):
    """A GPU that has addresses and nothing behind them: the host's side runs as on a GPU, and says what it launches."""

    def __init__(self):
        self.name, self.asked = "no GPU", {}

    def fresh(self, shape, dtype):
        return DeviceArray(NoMemory(self), 0, shape, dtype)

    empty = fresh

    def write(self, array, values):
        pass

    def launch(self, kernel, grid, block, args):
        assert np.prod(block) <= kernel.threads and np.min(grid) > 0, (kernel, grid, block)
        real = element_type(args)
        self.asked[kernel, compiler.kinds(args, real), real] = None


class NoMemory:
    def __init__(self, machine):
        self.machine = machine

    def handle(self, start, count, dtype):
        return 4096 + start


@contextlib.contextmanager
def no_gpu():
    """Within this block kernels are launched on a NoGpu, which is yielded."""
    gpu = NoGpu()
    modules = [m for name, m in _cuda_modules() if hasattr(m, "machine") and callable(m.machine)]
    with contextlib.ExitStack() as stack:
        for module in modules:
            stack.enter_context(mock.patch.object(module, "machine", lambda: gpu))
        yield gpu


def _cuda_modules():
    load("cuda")
    return [(name, m) for name, m in sys.modules.items() if name.startswith("backprop.kernels.cuda")]


def asked():
    """What all cases, and the sizes of the networks that are raced, launch on a GPU: (kernel, kinds, real)."""
    k = load("cuda")
    with no_gpu() as gpu:
        for dtype in (np.float32, np.float64):
            for name, args in cases(dtype):
                kernel_of(k, name)(*[_on_device(k, gpu, a) for a in args])
        for name, args in _large(gpu):
            kernel_of(k, name)(*args)
    return list(gpu.asked)


def _on_device(k, gpu, argument):
    if isinstance(argument, Columns):
        return k.all_parameters(*[[_on_device(k, gpu, array) for array in column] for column in argument])
    return gpu.empty(argument.shape, argument.dtype) if isinstance(argument, np.ndarray) else argument


def _large(gpu):
    """Sizes at which other tiles are chosen than for the small cases."""
    for dtype in (np.float32, np.float64):

        def x(*shape, dtype=dtype):
            return gpu.empty(shape, dtype)

        for m, n, k in ((4096, 4096, 4096), (1024, 1024, 512), (64, 128, 784)):
            yield "matmul_nt", (x(m, k), x(n, k), x(m, n), False)
            yield "matmul_tn", (x(k, m), x(k, n), x(m, n), False)
            yield "matmul_nn", (x(m, k), x(k, n), x(m, n), False)
        ones = (1, 1, 1)
        for c, o, size, taps, pad in ((1, 6, 28, 5, 2), (6, 16, 14, 5, 0), (1, 32, 28, 3, 0), (32, 64, 26, 3, 0)):
            where, options = size + 2 * pad - taps + 1, (ones, ones, (0, pad, pad), 1)
            a, filters, z = x(64, c, 1, size, size), x(o, c, 1, taps, taps), x(64, o, 1, where, where)
            yield "conv", (a, filters, x(o), False, *options, z)
            yield "conv_weight_grad", (z, a, *options, filters, False)
            yield "conv_input_grad", (z, filters, *options, a)
        for rung in (textbook, shared):
            rung(x(64, 32), (32, 1), x(32, 16), (16, 1), x(64, 16))
        yield "sum_channels", (x(64, 6, 784), x(6), False)


PTX_TYPES = {"pointer": "u64", "u4": "u32", "i4": "u32", "u8": "u64", "i8": "u64", "f4": "f32", "f8": "f64"}


def parameters(ptx):
    """The types of a kernel's parameters in PTX."""
    return re.findall(r"\.param \.(\w+) ", ptx[ptx.index(".entry") : ptx.index("{", ptx.index(".entry"))])


def _flat(kinds):
    for kind in kinds:
        yield from _flat(kind) if isinstance(kind, tuple) else [kind]


def examined(item):
    """One line for each architecture."""
    kernel, kinds, real = item
    lines = []
    ptx = compiler.written(kernel, kinds, real, compiler.PTX_FOR)
    doubles = len(re.findall(r"\.f64", ptx)) if real is np.float32 and "<f8" not in str(kinds) else 0
    long_divisions = len(re.findall(r"\b(?:div|rem)\.[su]64", ptx))
    fits = parameters(ptx) == [PTX_TYPES[kind[1:] if kind[0] == "<" else "pointer"] for kind in _flat(kinds)]
    for capability in ARCHITECTURES:
        cubin = compiler.assembled(ptx, capability)._asdict()
        found = {"kernel": f"{kernel.__module__}.{kernel.__qualname__}", "real": np.dtype(real).name}
        found |= {"threads": kernel.threads, "blocks": kernel.blocks, "architecture": "sm_{}{}".format(*capability)}
        found |= {"fits": fits, "doubles": doubles, "long_divisions": long_divisions}
        lines.append(found | {name: cubin[name] for name in ("registers", "shared", "stack", "spilled")})
    return lines


if __name__ == "__main__":
    number, workers = map(int, sys.argv[1:] or (0, 1))
    for item in asked()[number::workers]:
        for line in examined(item):
            print(json.dumps(line), flush=True)
