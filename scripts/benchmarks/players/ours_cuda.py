"""This engine on a GPU."""

import time

import numpy as np

import backprop as bp
from backprop import kernels
from backprop.kernels.cuda.machine import machine
from backprop.kernels.transfer import synchronize
from backprop.training.fit import fit
from backprop.training.steps import Steps
from benchmarks import workload
from benchmarks.players.ours import network

try:
    machine()
except bp.DeviceError as error:
    raise ImportError(str(error)) from error


def gemm(form, n, o, i):
    p, q, out = map(bp.to_device, workload.gemm_arrays(form, n, o, i))
    product = getattr(kernels.load("cuda"), f"matmul_{form}")
    return lambda: product(p, q, out, False), lambda: [bp.to_host(out)], synchronize


def steps(model, count):
    """`count` training steps on one batch, as `fit` does them."""
    x, y = workload.batch()
    train = bp.DataLoader(x, y, workload.BATCH, device="cuda")
    net, done = _begun(model, train)
    order, last = np.tile(np.arange(workload.BATCH), count), []

    def run():
        chunk = done.chunks.next(order)
        last[:] = chunk.read(chunk.launch())[0][-1:]

    return run, lambda: [np.array(last), *(bp.to_host(p.data).ravel() for p in net.parameters())]


def host(model, count):
    """Seconds of the host for each of `count` steps: to prepare them, while the GPU is busy, and to launch them, while
    it waits.
    """
    x, y = workload.batch()
    train = bp.DataLoader(x, y, workload.BATCH, device="cuda")
    _, done = _begun(model, train)
    order, spent = np.tile(np.arange(workload.BATCH), count), []

    def run():
        synchronize()
        start = time.perf_counter()
        chunk = done.chunks.next(order)
        prepared = time.perf_counter()
        chunk.launch()
        spent.append((prepared - start, time.perf_counter() - prepared))

    return run, lambda: [np.median(spent, axis=0) / count]


def _begun(model, train):
    """(net, its Steps), after the first step, which compiles the kernels."""
    net = network(model).to("cuda")
    sgd = bp.SGD(net.parameters(), lr=workload.LR, momentum=workload.MOMENTUM)
    steps = Steps(net, bp.CrossEntropyLoss(), sgd, None, train)
    list(steps.of_epoch(0, 0, 0))
    return net, steps


def epoch(model):
    net = network(model).to("cuda")
    sgd = bp.SGD(net.parameters(), lr=workload.LR, momentum=workload.MOMENTUM)
    train = bp.DataLoader(*workload.data(), workload.BATCH, shuffle=True, seed=workload.SEED, device="cuda")
    last = []

    def run():
        last[:] = fit(net, bp.CrossEntropyLoss(), sgd, train, progress=False).losses[-1:]

    return run, lambda: [np.array(last)]
