"""What is measured on a GPU: products, steps in chunks of 64, an epoch, what the host does, the ladder of products."""

import statistics
import time

import numpy as np

import backprop as bp
from backprop.kernels.cuda.machine import machine
from backprop.kernels.cuda.product import choice
from backprop.kernels.cuda.product.registers import matrices
from backprop.kernels.cuda.product.shared import shared
from backprop.kernels.cuda.product.textbook import textbook
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


def works():
    """kind -> [(label, sizes)]"""
    return {
        "gemm": [(f"{form} {n} x {o} x {i}", (form, n, o, i)) for form, n, o, i in PRODUCTS],
        "steps": [(f"{model}, {STEPS} steps", (model, STEPS)) for model in MODELS],
        "epoch": [(model, (model,)) for model in MODELS],
        "host": [(f"{model}, {STEPS} steps, the host", (model, STEPS)) for model in MODELS],
    }


def name():
    """The GPU's. Raises DeviceError where there is none."""
    return machine().name


def ladder(rounds, side=SIDE):
    """[(rung, GFLOP/s)] of the product of two square matrices, in turns."""
    rng = np.random.default_rng(0)
    p, q = (rng.uniform(-1, 1, (side, side)).astype(np.float32) for _ in range(2))
    wanted, out = p @ q, machine().empty((side, side), np.float32)
    (a, a_strides, along_a), (b, b_strides, along_b), sizes = choice.nn(bp.to_device(p), bp.to_device(q))

    def tile(size):
        run = matrices(size, along_a, along_b)
        return lambda: choice.by_tiles(run, size, a, b, sizes, out, False, None, False, a_strides, b_strides)

    rungs = {
        "textbook": lambda: textbook(a, a_strides, b, b_strides, out),
        "shared memory": lambda: shared(a, a_strides, b, b_strides, out),
    }
    sizes_of_tiles = (choice.SIMULATED,) if machine().simulated else (choice.SMALL, choice.MIDDLE, choice.LARGE)
    rungs |= {f"registers, {bm} x {bn}": tile(size) for size in sizes_of_tiles for bm, bn in [size[:2]]}
    for rung in rungs.values():
        rung()
        np.testing.assert_allclose(bp.to_host(out), wanted, atol=1e-2)
    seconds = {rung: [] for rung in rungs}
    for _ in range(rounds):
        for rung, run in rungs.items():
            machine().synchronize()
            start = time.perf_counter()
            run()
            machine().synchronize()
            seconds[rung].append(time.perf_counter() - start)
    return [(rung, 2 * side**3 / statistics.median(some) / 1e9) for rung, some in seconds.items()]
