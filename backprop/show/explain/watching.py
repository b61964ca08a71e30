"""Watching one step of a network from inside: what each layer computes, hands down, learns, and costs."""

import time

import numpy as np

from backprop.layers import PReLU, ReLU, Sigmoid, Tanh
from backprop.layers.everyday import Elementwise
from backprop.show.explain import cost
from backprop.show.explain.explanation import Explanation, Row
from backprop.show.explain.names import LayerNames

ACTIVATIONS = (ReLU, Sigmoid, Tanh, Elementwise, PReLU)
DEAD = 1e-3  # a unit through which less than this part of delta passes, for every sample, does not learn


def explain(net, x, y, loss, repeats=5):
    """Run forward and backward for one batch, and tell what happened in each layer. Returns an Explanation: print it.

    net, loss   are copied, and keep their gradients, caches, hooks, running statistics and random numbers
    x, y        one batch and its targets
    repeats     how many passes are timed, after one that is not; a time is the median of them

    A dead unit (a feature, or a channel of images) is one whose slope sigma' is below 1/1000 for all samples.

    >>> import backprop as bp
    >>> net = bp.Sequential(bp.Linear(784, 32), bp.ReLU(), bp.Linear(32, 10))
    >>> seen = explain(net, np.ones((64, 784), np.float32), np.arange(64) % 10, bp.CrossEntropyLoss())
    >>> seen.rows[1].value, seen.rows[1].shape, seen.rows[1].flops
    ('u₁ = a₀X₁ᵀ + μ₁', (64, 32), (3213312, 6424576))
    """
    net, loss = net.bare_copy(), loss.bare_copy()
    passes = []
    for _ in range(1 + repeats):
        net.zero_grad()
        watch = Watch(net, loss)
        L = loss(net(x), y)
        delta_x = net.backward(loss.backward())
        passes.append(watch.end())
    calls = passes[-1]
    timed = passes[1:] or passes
    seconds = [
        np.median([(run[place].forward, run[place].backward) for run in timed], axis=0) for place in range(len(calls))
    ]
    names = LayerNames(x)
    rows = [Row("", "input", names.of(x), np.shape(x), _norm(x), delta=None if delta_x is None else _norm(delta_x))]
    rows += [_row(call, names, tuple(map(float, spent))) for call, spent in zip(calls, seconds, strict=True)]
    return Explanation(type(net).__name__, len(x), float(L), rows)


class Seen:
    """One call of one layer: its arrays, and how long it took each way."""

    def __init__(self, path, module):
        self.path, self.module, self.delta = path, module, None
        self.forward = self.backward = 0.0


class Watch:
    """Looks on, by hooks, while a network and its loss run forward and backward once."""

    def __init__(self, net, loss):
        self.calls, self.by_call, self.handles, self.started = [], {}, [], 0.0
        layers = [(path, module) for path, module in net.named_modules() if not module.children()]
        for path, module in [*layers, ("loss", loss)]:
            self.handles += [
                module.register_forward_pre_hook(self._before_forward),
                module.register_forward_hook(lambda *seen, path=path: self._after_forward(path, *seen)),
                module.register_full_backward_pre_hook(self._before_backward),
                module.register_full_backward_hook(self._after_backward),
            ]

    def end(self):
        """The calls, in the order of the forward pass; from now on nobody looks on."""
        for handle in self.handles:
            handle.remove()
        return self.calls

    def _before_forward(self, module, inputs):
        self.started = time.perf_counter()

    def _after_forward(self, path, module, inputs, output):
        seen = Seen(path, module)
        seen.forward = time.perf_counter() - self.started
        seen.inputs, seen.output, seen.call = inputs, output, module.call
        self.calls.append(seen)
        self.by_call[id(module.call)] = seen

    def _before_backward(self, module, delta):
        self.by_call[id(module.call)].delta = delta
        self.started = time.perf_counter()

    def _after_backward(self, module, below, delta):
        self.by_call[id(module.call)].backward = time.perf_counter() - self.started


def _row(seen, names, seconds):
    module, shapes = seen.module, (np.shape(seen.inputs[0]), np.shape(seen.output))
    return Row(
        seen.path,
        f"{type(module).__name__}({module.extra_repr()})",
        names.formula(module, seen.inputs[0], seen.output),
        shapes[1],
        _norm(seen.output),
        delta=None if seen.delta is None else _norm(seen.delta),
        dead=_dead(seen) if isinstance(module, ACTIVATIONS) else None,
        gradients={name: _norm(p.grad) for name, p in module.named_parameters() if p.grad is not None},
        parameters={name: _norm(p.data) for name, p in module.named_parameters()},
        flops=cost.flops(module, *shapes),
        bytes=cost.moved(module, *shapes, itemsize=seen.inputs[0].dtype.itemsize),
        seconds=seconds,
    )


def _norm(a):
    """The Euclidean norm of all entries."""
    return float(np.linalg.norm(np.asarray(a, np.float64).reshape(-1)))


def _dead(seen):
    """The share of units, along axis 1, whose slope is next to nothing for all samples."""
    module, output = seen.module, seen.output
    module.recall(seen.call)
    slopes = np.abs(module.backward(np.ones_like(output)))  # (4) with delta = 1 is sigma'(u)
    axis = 1 if output.ndim > 1 else 0
    most = slopes.max(axis=tuple(k for k in range(slopes.ndim) if k != axis), initial=0)
    return float(np.mean(most < DEAD)) if most.size else 0.0
