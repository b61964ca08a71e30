"""This engine."""

import numpy as np

import backprop as bp
from backprop import kernels
from backprop.training.fit import fit
from backprop.training.plan import Plan
from benchmarks import layers, loops, workload


def gemm(form, n, o, i):
    p, q, out = workload.gemm_arrays(form, n, o, i)
    product = getattr(kernels.load("cpu"), f"matmul_{form}")
    return lambda: product(p, q, out, False), lambda: [out]


def conv(direction, c, o, taps, pad, size):
    k = kernels.load("cpu")
    a, x, mu, delta = (
        array if array.ndim < 4 else array[:, :, None] for array in workload.conv_arrays(c, o, taps, pad, size)
    )
    options = (1, 1, 1), (1, 1, 1), (0, pad, pad), 1
    z, da, dx = np.empty_like(delta), np.empty_like(a), np.empty_like(x)
    run = {
        "forward": lambda: k.conv(a, x, mu, False, *options, z),
        "input": lambda: k.conv_input_grad(delta, x, *options, da),
        "filters": lambda: k.conv_weight_grad(delta, a, *options, dx, False),
    }[direction]
    return run, lambda: [{"forward": z, "input": da, "filters": dx}[direction]]


def network(model):
    """The network, with the workload's initial weights."""
    net, learning = workload.network(bp, model)
    for layer, (weight, bias) in zip(learning, workload.parameters(model), strict=True):
        layer.weight.data[...], layer.bias.data[...] = weight, bias
    return net


def epoch(model):
    net, loss = network(model), bp.CrossEntropyLoss()
    sgd = bp.SGD(net.parameters(), lr=workload.LR, momentum=workload.MOMENTUM)
    train = bp.DataLoader(*workload.data(), workload.BATCH, shuffle=True, seed=workload.SEED)
    last = []

    def run():
        last[:] = fit(net, loss, sgd, train, progress=False).losses[-1:]

    return run, lambda: [np.array(last)]


def step(model):
    net, loss = network(model), bp.CrossEntropyLoss()
    sgd = bp.SGD(net.parameters(), lr=workload.LR, momentum=workload.MOMENTUM)
    x, y = workload.batch()
    plan, last = Plan(net, loss), []
    plan.step(x, y).forward(x, y)
    x, y = plan.room(x.shape, x.dtype)  # where the training loop puts its batches

    def run():
        sgd.zero_grad()
        step = plan.step(x, y)
        _, L = step.forward(x, y)
        step.backward()
        sgd.step()
        last[:] = [L]

    return run, lambda: [np.array(last), *(p.data.ravel() for p in net.parameters())]


class Residual(bp.Graph):
    recordable = True

    def __init__(self, n):
        self.first, self.second = bp.Linear(n, n), bp.Linear(n, n)

    def build(self, a):
        return a + self.second(np.maximum(self.first(a), 0))


class Last(bp.Graph):
    recordable = True

    def __init__(self, reader):
        self.reader = reader

    def build(self, x):
        return self.reader(x)[:, -1]


def loop(name, size, how):
    net, loss = eval(loops.NETWORKS[name], {**vars(bp), "Residual": Residual, "Last": Last}), bp.CrossEntropyLoss()
    named = list(net.named_parameters())
    for (_, parameter), value in zip(named, loops.values([(n, p.shape) for n, p in named]), strict=True):
        parameter.data[...] = value
    sgd, last = bp.SGD(net.parameters(), lr=loops.LR, momentum=loops.MOMENTUM), []
    x, y = loops.batch(size)
    step = bp.compile(net, loss)

    def by_layers():
        sgd.zero_grad()
        L = loss(net(x), y)
        net.backward(loss.backward())
        sgd.step()
        last[:] = [L]

    def recorded():
        sgd.zero_grad()
        L = step(x, y)
        step.backward()
        sgd.step()
        last[:] = [L]
        assert step.reason is None

    run = recorded if how == "recorded" else by_layers
    return run, lambda: [np.array(last), *(p.data.ravel() for p in net.parameters())]


def first(out):
    """What a layer returns, or the first of several, as of a cell."""
    return out[0] if isinstance(out, tuple) else out


def layer(name, shape, target):
    x, y = layers.arrays(name, shape, target)
    module, found = eval(f"bp.{name}"), []
    parameters = list(module.parameters())
    for parameter, value in zip(parameters, layers.values([p.shape for p in parameters]), strict=True):
        parameter.data[...] = value
    inputs = (x,) if y is None else (x, y)
    deltas = (layers.delta(first(module(x)).shape),) if y is None else ()

    def run():
        module.zero_grad()
        found[:] = first(module(*inputs)), module.backward(*deltas)

    return run, lambda: layers.compared(name, [*found, *(p.grad for p in parameters)])
