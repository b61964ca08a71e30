"""Watching one step of a network from inside: what each layer computes, passes back, learns, and costs."""

import time
from collections import Counter, defaultdict

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.kernels.device import to_host
from backprop.kernels.transfer import synchronize
from backprop.module.options import whole
from backprop.show.explain import cost
from backprop.show.explain.explanation import Explanation, Row
from backprop.show.explain.names import ACTIVATIONS, LayerNames

DEAD = 1e-3  # a unit through which less than this share of delta passes, for every sample, does not learn


def explain(net, x, y, loss, repeats=5):
    """Run forward and backward for one batch, recording what happens in each layer. Returns an Explanation: print it.

    net, loss   are copied, and keep their gradients, caches, hooks, running statistics and random numbers
    x, y        one batch and its targets
    repeats     how many passes are timed, after the one that is explained; a time is their median, and on a GPU lasts
                until the layer is done there

    A dead unit (a feature, or a channel of images) is one whose slope sigma' is below 1/1000 in the whole batch.

    >>> import backprop as bp
    >>> net = bp.Sequential(bp.Linear(784, 32), bp.ReLU(), bp.Linear(32, 10))
    >>> seen = explain(net, np.ones((64, 784), np.float32), np.arange(64) % 10, bp.CrossEntropyLoss())
    >>> seen.layers[0].value, seen.layers[0].shape, seen.layers[0].flops
    ('u₁ = a₀X₁ᵀ + μ₁', (64, 32), (3213312, 6424576))
    """
    whole("repeats", repeats)
    if getattr(loss, "reduction", "mean") == "none":
        raise OptionError("backward starts from a single number: explain needs a loss with reduction 'mean' or 'sum'")
    memo = {}  # what the two share stays shared in the copies
    net, loss = net.bare_copy(memo), loss.bare_copy(memo)

    look = Look(net, loss, x)
    L, delta_x = _one_pass(look, net, loss, x, y)
    seconds = defaultdict(list)
    for _ in range(repeats):
        timer = Timer(net, loss)
        _one_pass(timer, net, loss, x, y)
        for place, spent in timer.seconds.items():
            seconds[place].append(spent)

    delta = None if delta_x is None else norm(delta_x)
    rows = [Row("input", "", "a₀", np.shape(x), norm(x), delta=delta)]
    for place, row in look.rows.items():
        spent = tuple(map(float, np.median(seconds[place], axis=0))) if seconds[place] else None
        rows.append(Row(**row, seconds=spent))
    return Explanation(type(net).__name__, np.shape(x), "training" if net.training else "evaluation", float(L), rows)


def _one_pass(watch, net, loss, x, y):
    """(L, dL/dx), watched."""
    net.zero_grad()
    L = loss(net(x), y)
    delta_x = net.backward(loss.backward())
    watch.end()
    return L, delta_x


class Watch:
    """Observes, through hooks, one forward and backward pass of a network and its loss.

    A call is identified by its place: (module, number of earlier calls of it).
    """

    def __init__(self, net, loss):
        self.loss = loss
        self.paths = {module: path for path, module in net.named_modules()} | {loss: "loss"}
        self.places, self.kept, self.count, self.handles = {}, [], Counter(), []
        for module in self.paths:
            self.handles += [
                module.register_forward_pre_hook(self.before_forward),
                module.register_forward_hook(self.after_forward),
                module.register_full_backward_pre_hook(self.before_backward),
                module.register_full_backward_hook(self.after_backward),
            ]

    def new_place(self, module):
        """The place of the call that this module has just finished."""
        place = module, self.count[module]
        self.count[module] += 1
        self.places[id(module.call)] = place
        self.kept.append(module.call)  # so that no other call gets its id
        return place

    def place(self, module):
        """The place of the call whose backward runs now."""
        return self.places[id(module.call)]

    def end(self):
        for handle in self.handles:
            handle.remove()

    def before_forward(self, module, inputs):
        pass

    def before_backward(self, module, delta):
        pass

    def after_backward(self, module, below, delta):
        pass


class Timer(Watch):
    """place -> [seconds forward, seconds backward], without the time of the modules inside it."""

    def __init__(self, net, loss):
        self.running, self.seconds = [], {}  # [start, seconds inside] of each call that is not over yet
        super().__init__(net, loss)

    def before_forward(self, module, inputs):
        self.running.append([time.perf_counter(), 0.0])

    def after_forward(self, module, inputs, output):
        own = self._own()
        self.seconds[self.new_place(module)] = [own, 0.0]

    def before_backward(self, module, delta):
        self.running.append([time.perf_counter(), 0.0])

    def after_backward(self, module, below, delta):
        self.seconds[self.place(module)][1] = self._own()

    def _own(self):
        start, inside = self.running.pop()
        synchronize()
        spent = time.perf_counter() - start
        if self.running:
            self.running[-1][1] += spent
        return spent - inside


class Look(Watch):
    """place -> all of a Row but its seconds, for each layer: a module without submodules, or with own parameters."""

    def __init__(self, net, loss, x):
        self.rows, self.names = {}, LayerNames(x)
        super().__init__(net, loss)

    def after_forward(self, module, inputs, output):
        place = self.new_place(module)
        if module.children() and not module.own_parameters() and module is not self.loss:
            return
        a = inputs[0]
        value, axis = self.names.formula(module, a, output)
        forward, backward = cost.of(module, a, output)
        self.rows[place] = {
            "path": self.paths[module],
            "layer": f"{type(module).__name__}({module.extra_repr()})",
            "value": value,
            "shape": np.shape(output),
            "norm": norm(output),
            "dead": _dead(module, a, axis) if isinstance(module, ACTIVATIONS) else None,
            "parameters": {name: norm(p.data) for name, p in module.own_parameters()},
            "flops": (forward.flops, backward.flops),
            "bytes": (forward.bytes, backward.bytes),
        }

    def before_backward(self, module, delta):
        if self.place(module) in self.rows:
            self.rows[self.place(module)]["delta"] = norm(delta)

    def end(self):
        """A parameter's gradient is the sum over all its uses: it is shown at the first one."""
        super().end()
        counted = set()
        for (module, _), row in self.rows.items():
            learning = [(name, p) for name, p in module.own_parameters() if p.grad is not None and p not in counted]
            row["gradients"] = {name: norm(p.grad) for name, p in learning}
            counted.update(p for _, p in learning)


def _dead(module, u, axis):
    """The share of units, along `axis`, whose slope is nearly 0 for all samples and places."""
    if not u.size:
        return 0.0
    twin = module.bare_copy()
    a = twin(u)
    slopes = np.abs(to_host(twin.backward(F.filled(1, a.shape, a))))  # (4) with delta = 1 is sigma'(u)
    most = slopes.max(axis=tuple(k for k in range(u.ndim) if k != axis % u.ndim))
    return float(np.mean(most < DEAD))


def norm(a):
    """The Euclidean norm of all entries, scaled by the largest one, so that nothing over- or underflows."""
    a = np.abs(np.asarray(to_host(a), np.float64)).reshape(-1)
    largest = float(a.max(initial=0))
    return largest * float(np.linalg.norm(a / largest)) if 0 < largest < np.inf else largest
