"""PyTorch."""

import os

import numpy as np
import torch

from benchmarks import layers, loops, workload

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def gemm(form, n, o, i):
    p, q, out = map(torch.from_numpy, workload.gemm_arrays(form, n, o, i))
    p, q = {"nt": (p, q.T), "tn": (p.T, q), "nn": (p, q)}[form]
    return lambda: torch.matmul(p, q, out=out), lambda: [out.numpy()]


def conv(direction, c, o, taps, pad, size):
    a, x, mu, delta = map(torch.from_numpy, workload.conv_arrays(c, o, taps, pad, size))
    found = []

    def back(mask):
        options = [o], [1, 1], [pad, pad], [1, 1], False, [0, 0], 1
        found[:] = torch.ops.aten.convolution_backward(delta, a, x, *options, mask)[:2]

    def forward():
        found[:] = [torch.conv2d(a, x, mu, padding=pad)]

    run = {"forward": forward, "input": lambda: back([1, 0, 0]), "filters": lambda: back([0, 1, 0])}[direction]
    return run, lambda: [next(z for z in found if z is not None).numpy()]


def epoch(model):
    update, result = training(model)
    images, labels = workload.data()
    images, labels = torch.from_numpy(images).float() / 255, torch.from_numpy(labels)

    def train(index):
        index = torch.from_numpy(index)
        update(images[index], labels[index])

    return workload.epochs(train), lambda: result()[:1]


def step(model):
    update, result = training(model)
    x, y = map(torch.from_numpy, workload.batch())
    return lambda: update(x, y), result


def training(model):
    """(update, result): update(x, y) is one training step."""
    net, learning = workload.network(torch.nn, model)
    with torch.no_grad():
        for layer, (weight, bias) in zip(learning, workload.parameters(model), strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
    return trained(net, workload.LR, workload.MOMENTUM)


class Residual(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.first, self.second = torch.nn.Linear(n, n), torch.nn.Linear(n, n)

    def forward(self, a):
        return a + self.second(torch.relu(self.first(a)))


class Last(torch.nn.Module):
    def __init__(self, reader):
        super().__init__()
        self.reader = reader

    def forward(self, x):
        return self.reader(x)[0][:, -1]


def loop(name, size, how):
    net = eval(loops.NETWORKS[name], {**vars(torch.nn), "Residual": Residual, "Last": Last})
    named = list(net.named_parameters())
    with torch.no_grad():
        for (_, parameter), value in zip(named, loops.values([(n, tuple(p.shape)) for n, p in named]), strict=True):
            parameter.copy_(torch.from_numpy(value))
    x, y = map(torch.from_numpy, loops.batch(size))
    update, result = trained(net, loops.LR, loops.MOMENTUM)
    return lambda: update(x, y), result


compiled = False  # whether torch.compile makes one function of network and loss


def trained(net, lr, momentum):
    """(update, result) for this network."""
    loss, last = torch.nn.CrossEntropyLoss(), []
    sgd = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)

    def forward(x, y):
        return loss(net(x), y)

    if compiled:
        forward = torch.compile(forward)

    def update(x, y):
        sgd.zero_grad()
        L = forward(x, y)
        L.backward()
        sgd.step()
        last[:] = [L.item()]

    return update, lambda: [np.array(last), *(p.detach().numpy().ravel() for p in net.parameters())]


def layer(name, shape, target):
    arrays = [array for array in layers.arrays(name, shape, target) if array is not None]
    x, *others = map(torch.from_numpy, arrays)
    module, found = eval(f"torch.nn.{name}"), []
    parameters = list(module.parameters())
    with torch.no_grad():
        for parameter, value in zip(parameters, layers.values([p.shape for p in parameters]), strict=True):
            parameter.copy_(torch.from_numpy(value))
    x.requires_grad_(x.is_floating_point())

    options = {}
    if isinstance(module, torch.nn.MultiheadAttention):
        others, options = [x, x], {"need_weights": False}  # which is faster

    def forward():
        out = module(x, *others, **options)
        return out[0] if isinstance(out, tuple) else out  # a recurrent layer returns its last state, too

    alone = not others or bool(options)
    delta = None if not alone else torch.from_numpy(layers.delta(tuple(forward().shape)))

    def run():
        module.zero_grad()
        x.grad = None
        out = forward()
        out.backward(delta)
        found[:] = out.detach(), x.grad

    return run, lambda: layers.compared(name, [*found, *(p.grad for p in parameters)])
