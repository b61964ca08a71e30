"""PyTorch on a GPU: eager, or a whole step in a CUDA graph; with convolutions in full float32, or in TF32, its default.

GRAPH and TF32 in the environment choose. Data are on the GPU; a graph always uses the same batch.
"""

import os

import numpy as np
import torch

from benchmarks import workload

if not torch.cuda.is_available():
    raise ImportError("PyTorch finds no GPU")

GRAPH = os.environ.get("GRAPH") == "1"
torch.backends.cudnn.allow_tf32 = os.environ.get("TF32") == "1"
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.benchmark = True


def gemm(form, n, o, i):
    if GRAPH:
        return None  # same as without a graph
    p, q, out = (torch.from_numpy(a).cuda() for a in workload.gemm_arrays(form, n, o, i))
    p, q = {"nt": (p, q.T), "tn": (p.T, q), "nn": (p, q)}[form]
    return lambda: torch.matmul(p, q, out=out), lambda: [out.cpu().numpy()], torch.cuda.synchronize


def steps(model, count):
    x, y = (torch.from_numpy(a).cuda() for a in workload.batch())
    once, net = training(model, x, y)
    last = [once()]  # ours has done a step before, too

    def run():
        for _ in range(count):
            L = once()
        last[:] = [L.item()]

    return run, lambda: [np.array(last), *(p.detach().cpu().numpy().ravel() for p in net.parameters())]


def epoch(model):
    images, labels = workload.data()
    images, labels = torch.from_numpy(images).cuda().float() / 255, torch.from_numpy(labels).cuda()
    x, y = images[: workload.BATCH].clone(), labels[: workload.BATCH].clone()
    once, _ = training(model, x, y)
    last = []

    def train(index):
        index = torch.from_numpy(index).cuda()
        torch.index_select(images, 0, index, out=x)
        torch.index_select(labels, 0, index, out=y)
        last[:] = [once()]

    run = workload.epochs(train)
    return run, lambda: [np.array([last[0].item()])], torch.cuda.synchronize


def training(model, x, y):
    """(once, net): once() is one step on what x and y hold, and returns the loss, on the GPU."""
    net, learning = workload.network(torch.nn, model)
    with torch.no_grad():
        for layer, (weight, bias) in zip(learning, workload.parameters(model), strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
    net = net.cuda()
    loss = torch.nn.CrossEntropyLoss()
    sgd = torch.optim.SGD(net.parameters(), lr=workload.LR, momentum=workload.MOMENTUM)

    def once():
        sgd.zero_grad(set_to_none=True)
        L = loss(net(x), y)
        L.backward()
        sgd.step()
        return L.detach()

    return (_in_a_graph(once, net, sgd), net) if GRAPH else (once, net)


def _in_a_graph(once, net, sgd):
    """`once` as one launch, from the weights as they are now: the steps that a capture needs before it are undone."""
    before = [p.detach().clone() for p in net.parameters()]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            once()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        L = once()
    with torch.no_grad():
        for p, value in zip(net.parameters(), before, strict=True):
            p.copy_(value)
            sgd.state[p]["momentum_buffer"].zero_()  # the first step then begins with its gradient, as it should

    def replay():
        graph.replay()
        return L

    return replay
