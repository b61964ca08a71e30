"""What is measured on a GPU: products, steps in chunks of 64, an epoch, what the host does, and the ladders."""

import statistics
import time

import numpy as np

import backprop as bp
from backprop import kernels
from backprop.kernels.cuda.convolution import textbook as conv_textbook
from backprop.kernels.cuda.convolution.geometry import geometry
from backprop.kernels.cuda.machine import machine
from backprop.kernels.cuda.product import choice
from backprop.kernels.cuda.product.registers import matrices
from backprop.kernels.cuda.product.shared import shared
from backprop.kernels.cuda.product.textbook import textbook
from backprop.kernels.transfer import new_array
from benchmarks import workload

RIVALS = {  # name in tables -> module, environment
    "ours": ("ours_cuda", {}),
    "PyTorch": ("torch_cuda", {}),
    "PyTorch, TF32": ("torch_cuda", {"TF32": "1"}),
    "PyTorch, graph": ("torch_cuda", {"GRAPH": "1"}),
    "PyTorch, graph, TF32": ("torch_cuda", {"GRAPH": "1", "TF32": "1"}),
}
STEPS = 64
MODELS = "mlp128", "mlp512", "lenet", "cnn32"
PRODUCTS = [("nn", 4096, 4096, 4096), ("nt", 8192, 512, 784), *workload.gemms()]
SIDE = 2048  # of the ladder's matrices
CONV = 64, 32, 64, 3, 26  # its images, their channels, filters, taps, and the size of an image


def works():
    """kind -> [(label, sizes)]"""
    return {
        "gemm": [(f"{form} {n} x {o} x {i}", (form, n, o, i)) for form, n, o, i in PRODUCTS],
        "steps": [(f"{model}, {STEPS} steps", (model, STEPS)) for model in MODELS],
        "epoch": [(model, (model,)) for model in MODELS],
        "host": [(f"{model}, {STEPS} steps, the host", (model, STEPS)) for model in MODELS],
    }


def name():
    """The GPU's name. Raises DeviceError where there is none."""
    return machine().name


def ladder(rounds, side=SIDE, conv=CONV):
    """[(ladder, rung, GFLOP/s)] of the product of two square matrices and of a convolution, each in turns."""
    found = []
    for name, (rungs, flops) in {"product": _products(side), "convolution": _convolutions(*conv)}.items():
        expected = None
        for run, out in rungs.values():
            run()
            expected = bp.to_host(out) if expected is None else expected
            np.testing.assert_allclose(bp.to_host(out), expected, atol=1e-2)
        seconds = {rung: [] for rung in rungs}
        for _ in range(rounds):
            for rung, (run, _) in rungs.items():
                machine().synchronize()
                start = time.perf_counter()
                run()
                machine().synchronize()
                seconds[rung].append(time.perf_counter() - start)
        found += [(name, rung, flops / statistics.median(some) / 1e9) for rung, some in seconds.items()]
    return found


def _products(side):
    """({rung: (run, what it computes)}, floating-point operations)"""
    rng = np.random.default_rng(0)
    p, q = (bp.to_device(rng.uniform(-1, 1, (side, side)).astype(np.float32)) for _ in range(2))
    out = new_array((side, side), np.float32)
    (a, a_strides, along_a), (b, b_strides, along_b), sizes = choice.nn(p, q)

    def tile(size):
        run = matrices(size, along_a, along_b)
        return lambda: choice.by_tiles(run, size, a, b, sizes, out, False, None, False, a_strides, b_strides)

    rungs = {
        "textbook": lambda: textbook(a, a_strides, b, b_strides, out),
        "shared memory": lambda: shared(a, a_strides, b, b_strides, out),
    }
    sizes_of_tiles = (choice.SIMULATED,) if machine().simulated else (choice.SMALL, choice.MIDDLE, choice.LARGE)
    rungs |= {f"registers, {bm} x {bn}": tile(size) for size in sizes_of_tiles for bm, bn in [size[:2]]}
    return {rung: (run, out) for rung, run in rungs.items()}, 2 * side**3


def _convolutions(images, c, o, taps, size):
    """The same for a convolution without a margin, forward."""
    rng, places = np.random.default_rng(0), size - taps + 1
    a, x = (
        bp.to_device(rng.uniform(-1, 1, shape).astype(np.float32))
        for shape in ((images, c, 1, size, size), (o, c, 1, taps, taps))
    )
    z, no_bias = new_array((images, o, 1, places, places), np.float32), new_array((0,), np.float32)
    options = (1, 1, 1), (1, 1, 1), (0, 0, 0), 1
    by_formula = conv_textbook.textbook(conv_textbook.forward, geometry(a.shape, x.shape, z.shape, options))
    rungs = {
        "textbook": lambda: by_formula.each(z.size, a, x, x, False, False, z),
        "implicit product": lambda: kernels.load("cuda").conv(a, x, no_bias, False, *options, z),
    }
    return {rung: (run, z) for rung, run in rungs.items()}, 2 * z.size * c * taps**2
