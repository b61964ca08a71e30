"""What each idea buys: every rung of the ladders beside the machine's measured peak; and what a second thread buys."""

import functools
import statistics
import time

import numpy as np
from numba import njit

import backprop as bp
from backprop import kernels
from backprop.kernels.cpu import simd
from backprop.kernels.cpu.convolution import textbook as conv_textbook
from backprop.kernels.cpu.convolution import unfolded
from backprop.kernels.cpu.product import blocked, packed, textbook, tile
from backprop.kernels.cpu.product.tile import ROWS, VECTORS
from benchmarks import workload

SIDE = 480
CONV = (32, 64, 3, 26)  # channels, filters, taps, size
IMAGES = 8


def ladder(rounds=9):
    """[(ladder, rung, GFLOP/s, threads)], the peak of one core first."""
    most = bp.get_num_threads()
    works = [("peak", "products and sums in registers", 1, *_peak())]
    works += [("product", *work) for work in _products(most)]
    works += [("convolution", *work) for work in _convolutions(most)]
    rates = _rates([work[2:] for work in works], rounds)
    return [(name, rung, rate, threads) for (name, rung, threads, *_), rate in zip(works, rates, strict=True)]


def scaling(rounds=9):
    """[(what, GFLOP/s in one thread, GFLOP/s in all)] of square matrices and the ladder's convolution, in turns."""
    most, works = bp.get_num_threads(), []
    for n in workload.SQUARES:
        p, q, out = workload.gemm_arrays("nn", n, n, n)
        run = functools.partial(kernels.load("cpu").matmul_nn, p, q, out, False)
        works += [(f"{n} x {n} x {n}", threads, run, 2 * n**3) for threads in (1, most)]
    whole = _convolutions(most)[-1]
    works += [("convolution", threads, *whole[2:]) for threads in (1, most)]
    rates = _rates([work[1:] for work in works], rounds)
    return [(work[0], one, all_) for work, one, all_ in zip(works[::2], rates[::2], rates[1::2], strict=True)]


def _rates(works, rounds):
    """GFLOP/s of each (threads, run, floating-point operations), the median, all in turns."""
    most, seconds = bp.get_num_threads(), [[] for _ in works]
    for _ in range(rounds):
        for (threads, run, _), some in zip(works, seconds, strict=True):
            bp.set_num_threads(threads)
            run()
            start = time.perf_counter()
            run()
            some.append(time.perf_counter() - start)
    bp.set_num_threads(most)
    return [flops / statistics.median(some) / 1e9 for (_, _, flops), some in zip(works, seconds, strict=True)]


@njit
def _multiply_and_add(numbers, out, count):
    """As many independent sums as a tile has registers, over and over: nothing is loaded in the loop."""
    sums = simd.zeros(out, ROWS, VECTORS)
    for _ in range(count):
        sums = simd.outer(sums, numbers, 0, 0, numbers, 0)  # one number for all rows: it stays in a register
    simd.store(sums, out, 0, VECTORS * simd.lanes(out))


def _peak():
    across = VECTORS * simd.WIDTH // 4
    numbers, out = np.full(max(across, ROWS), 1e-6, np.float32), np.empty(ROWS * across, np.float32)
    count = 1_000_000
    return lambda: _multiply_and_add(numbers, out, count), 2 * ROWS * across * count


def _products(most):
    rng = np.random.default_rng(0)
    p, q = (rng.uniform(-1, 1, (SIDE, SIDE)).astype(np.float32) for _ in range(2))
    out, wanted = np.empty_like(p), p @ q
    whole = kernels.load("cpu").matmul_nn
    rungs = [
        ("textbook", 1, lambda: textbook.product(p, q, out)),
        ("blocked", 1, lambda: blocked.product(p, q, out)),
        ("register tile", 1, lambda: tile.product(p, q, out)),
        ("packed", 1, lambda: packed.product(p, q, out)),
        (_threads(most), most, lambda: whole(p, q, out, False)),
        ("NumPy, 1 thread" if most == 1 else "NumPy, its threads", most, lambda: np.matmul(p, q, out=out)),
    ]
    return [(name, threads, _checked(run, out, wanted), 2 * SIDE**3) for name, threads, run in rungs]


def _convolutions(most):
    channels, filters, taps, size = CONV
    places = size - taps + 1
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (IMAGES, channels, size, size)).astype(np.float32)
    x = rng.uniform(-1, 1, (filters, channels, taps, taps)).astype(np.float32)
    out, none = np.empty((IMAGES, filters, places, places), np.float32), np.empty(0, np.float32)
    wanted = out.copy()
    unfolded.conv(a, x, wanted)
    options = (1, 1, 1), (1, 1, 1), (0, 0, 0), 1
    volumes = a[:, :, None], x[:, :, None], out[:, :, None]

    def whole():
        kernels.load("cpu").conv(*volumes[:2], none, False, *options, volumes[2])

    rungs = [
        ("textbook", 1, lambda: conv_textbook.conv(a, x, out)),
        ("unfolded", 1, lambda: unfolded.conv(a, x, out)),
        ("register tile", 1, whole),
        (_threads(most), most, whole),
    ]
    flops = 2 * out.size * channels * taps**2
    return [(name, threads, _checked(run, out, wanted), flops) for name, threads, run in rungs]


def _threads(most):
    return f"{most} threads" if most > 1 else "1 thread"


def _checked(run, out, wanted):
    """The same function, after checking what it computes."""
    out[...] = np.nan
    run()
    np.testing.assert_allclose(out, wanted, atol=1e-2)
    return run
