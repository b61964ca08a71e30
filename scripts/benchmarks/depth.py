"""What backpropagation costs as networks get deeper and batches larger, beside the chain rule without its recursion.

The lecture's claim (A 14:28): differentiating each layer from scratch takes a number of products that is quadratic in
the number of layers; passing delta down takes a linear one. Both are done here with the same functions on the same
network, whose gradients must agree.
"""

import math
import statistics
import time
import tracemalloc

import numpy as np

import backprop as bp
from backprop import functional as F
from backprop.kernels import buffers

DEPTHS = [2, 4, 8, 16, 32, 64, 128, 256]
BATCHES = [256, 512, 1024, 2048, 4096, 8192, 16384]
WIDTH, BATCH, LAYERS = 64, 64, 8
LARGE = 5


def network(depth):
    """`depth` equal layers, each linear and then ReLU, whose weights neither shrink a signal nor let it grow.

    If they shrank it, a hundred layers would end in subnormal numbers, which take a processor many cycles each.
    """
    bp.manual_seed(0)
    net = bp.Sequential(*(layer for _ in range(depth) for layer in (bp.Linear(WIDTH, WIDTH), bp.ReLU())))
    for linear in net[::2]:
        linear.weight.data[...] *= math.sqrt(6)  # weights have variance 1/(3 WIDTH), and ReLU halves the mean square
    return net


def images(batch):
    return np.random.default_rng(0).standard_normal((batch, WIDTH)).astype(np.float32)


def backpropagation(net, x):
    """Forward and backward as the layers do it: each delta once."""
    net.zero_grad()
    y = net(x)
    net.backward(np.ones_like(y))


def naive(net, x):
    """For each layer, compute again all deltas from the output down to it. Returns dL/dX of each linear layer."""
    a = [x]
    for layer in net:
        a.append(layer(a[-1]))
    gradients = []
    for below in range(0, len(net), 2):
        delta = np.ones_like(a[-1])
        for place in reversed(range(below, len(net), 2)):
            delta = F.relu_backward(delta, a[place + 2])
            if place > below:
                delta = F.linear_input_grad(delta, net[place].weight)
        gradients.append(F.linear_weight_grad(delta, a[below]))
    return gradients


def seconds(works, rounds):
    """Median seconds of each work, all in turns."""
    taken = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for work, some in zip(works, taken, strict=True):
            start = time.perf_counter()
            work()
            some.append(time.perf_counter() - start)
    return [statistics.median(some) for some in taken]


def memory(net, x):
    """Bytes that a forward pass leaves behind for its backward: the caches."""
    net(x)
    for module in net.modules():
        module.call = None
    buffers.release()
    tracemalloc.start()
    net(x)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held


def slope(sizes, values):
    """The slope of the line through (log size, log value): 1 if values grow as sizes do, 2 if as their squares.

    Through the LARGE largest: at small sizes the fixed cost of a step counts, too.
    """
    return float(np.polyfit(np.log(sizes[-LARGE:]), np.log(values[-LARGE:]), 1)[0])


def measure(rounds=7):
    """name -> (sizes, values): seconds over depth of both ways, seconds over batch, bytes over depth and batch.

    In one thread: how much a second one helps depends on the sizes, which is not the question here.
    """
    most = bp.get_num_threads()
    bp.set_num_threads(1)
    nets, x = [network(depth) for depth in DEPTHS], images(BATCH)
    for ours, theirs in zip(nets[1][::2], naive(nets[1], x), strict=True):
        backpropagation(nets[1], x)
        np.testing.assert_allclose(ours.weight.grad, theirs, rtol=1e-4, atol=1e-4)
    clever = seconds([lambda net=net: backpropagation(net, x) for net in nets], rounds)
    anew = seconds([lambda net=net: naive(net, x) for net in nets], max(rounds // 2, 1))
    net, xs = network(LAYERS), [images(batch) for batch in BATCHES]
    over_batch = seconds([lambda x=x: backpropagation(net, x) for x in xs], rounds)
    bp.set_num_threads(most)
    return {
        "seconds over depth": (DEPTHS, clever),
        "seconds over depth, naive": (DEPTHS, anew),
        "seconds over batch": (BATCHES, over_batch),
        "bytes over depth": (DEPTHS, [memory(net, x) for net in nets]),
        "bytes over batch": (BATCHES, [memory(net, x) for x in xs]),
    }
