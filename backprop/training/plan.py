"""A plan runs a step of training without its layers: as the list of kernel calls that they would make.

Layers check their input, allocate arrays, keep caches and pass on what they computed, in the same way for every batch.
A Step is recorded once for each shape of a batch, with its own arrays, and then replayed as long as nothing that it
depends on has changed. It computes what the layers compute, bit for bit, and leaves out what is never used, above all
the delta of the network's input. The formulas are in the layers' files; this one only calls their kernels.
"""

import operator
from itertools import chain

import numpy as np

from backprop import functional as F
from backprop import kernels
from backprop.functional.arrays import zeros
from backprop.functional.targets import is_labels, sample_shape
from backprop.kernels.device import device_of, to_host
from backprop.kernels.recording import Outside, Unfit, base_of, recording, replays
from backprop.kernels.rewriting import rewritten
from backprop.kernels.transfer import to_device
from backprop.loss import CrossEntropyLoss, Loss
from backprop.module import Buffer
from backprop.module.hooks import Hooks
from backprop.module.rng import watched

PASSING, GRADIENTS = ("call", "_inside_backward"), ("_sum", "_has_grad")  # what a call, and a backward, change
MOST = 8  # shapes of batches for which a plan keeps a recording, each with its own arrays


def terms_of(loss, y):
    """What the mean of the last loss divided by; the number of samples if the loss does not say."""
    terms = loss.terms() if isinstance(loss, Loss) else None
    return len(y) if terms is None else terms


def weighted(delta, weight):
    """The delta of `weight` times a loss."""
    return delta * delta.dtype.type(weight)


class Plan:
    """The recorded steps of a network and its loss.

        step = plan.step(x, y)
        scores, L = step.forward(x, y)      what `scores = net(x)` and `L = loss(scores, y)` do
        step.backward()                     what `net.backward(loss.backward())` does, but without dL/dx

    Not every network can be recorded: its layers must declare themselves `recordable`, and have no hooks. What looks at
    the numbers that it computes, or changes itself, is refused all the same. Arrays that are neither inputs nor
    parameters nor buffers count as constant, and a second recording, after the first step, must find them unchanged.
    """

    def __init__(self, net, loss):
        self.net, self.loss, self.reason = net, loss, None
        self._steps = {}

    def step(self, x, y):
        """The Step for batches like this one, or None where they must go through the layers: `reason` says why."""
        key = x.shape, x.dtype, y.shape, y.dtype, kernels.set_of(x)
        step = self._steps.get(key)
        if step is None or not step.holds():
            self._steps.pop(key, None)
            if len(self._steps) == MOST:
                del self._steps[next(iter(self._steps))]  # the oldest
            step = self._steps[key] = Step(self.net, self.loss, x, y)
        elif step.fit and step.done and step.constants:
            step.confirm(Step(self.net, self.loss, x, y))
        self.reason = step.reason
        return step if step.fit else None

    def room(self, shape, dtype):
        """(x, y), the arrays from which a Step reads batches with this shape of x, to fill them directly; or Nones."""
        for step in self._steps.values():
            if step.fit and step.x.shape == shape and step.x.dtype == dtype:
                return step.x, step.y
        return None, None


class Step:
    """The kernel calls of one step, forward and backward, for batches of one shape.

    fit       whether it could be recorded
    reason    why not
    done      whether it has been run
    calls     (forward, backward), each a list of (kernel, arguments)
    x, y      the arrays from which it reads a batch
    scores    the array into which it writes the network's output
    found     the array into which its loss kernel writes, see `functional.mean_cross_entropy`; None for other losses
    keys      Drawn for each source of random numbers, whose next draw goes into its key before the calls
    constants   copies of all arrays that it reads and that are neither its own nor a parameter's or a buffer's
    """

    def __init__(self, net, loss, x, y):
        self.net, self.loss, self.found, self.done, self.constants = net, loss, None, False, []
        self._modules = [*net.modules(), *loss.modules()]
        self.reason = obstacle(net) or obstacle(loss, recordable=False) or on_gpu(net, x)
        self._depends_on()
        if self.reason is None:
            before = self._without(*PASSING, *GRADIENTS)
            try:
                self._record(net, x, y)
                if not same(self._without(*PASSING, *GRADIENTS), before):
                    raise Unfit("it changes its own attributes while it computes")
            except Unfit as error:
                self.reason = str(error)
        self._depends_on()

    @property
    def fit(self):
        return self.reason is None

    def _record(self, net, x, y):
        learning = [p for p in net.parameters() if p.requires_grad]
        had_grad = [p._has_grad for p in learning]
        name = kernels.set_of(x)
        with recording(name) as calls, watched() as self.keys:
            self.x, self.y = calls.empty(x.shape, x.dtype), to_device(labels_like(y), device_of(y))
            calls.inputs += [self.x, self.y]
            try:
                self.scores = net(self.x)
                if not calls.made(self.scores):
                    raise Unfit("the scores are not computed by a kernel")
                if self._is_cross_entropy():
                    options = self.loss.weight, self.loss.ignore_index, self.loss.label_smoothing
                    self.found, self._delta = F.mean_cross_entropy(self.scores, self.y, *options)
                else:
                    self._delta = zeros(self.scores.shape, self.scores)
                calls.mark()
                net.backward(self._delta)
            finally:
                self._learned = [p for p in learning if p._has_grad]
                for parameter, had in zip(learning, had_grad, strict=True):
                    parameter._has_grad = had
                for module in self._modules:
                    module.call = None  # nothing was computed
        grads = [parameter._sum for parameter in self._learned]
        results = [self.scores, self._delta, *([] if self.found is None else [self.found])]
        self.calls = rewritten(calls, kernels.load(name), results + grads)
        self.constants = self._constants(calls)
        self._run_forward, self._run_backward = replays(name, *self.calls)

    def _constants(self, calls):
        buffers = [buffer for module in self._modules for _, buffer in module.named_buffers()]
        parameters = [parameter for module in self._modules for parameter in module.parameters()]
        own = [each.data for each in buffers + parameters] + [parameter._sum for parameter in parameters]
        own += [self.y, *(drawn.key for drawn in self.keys)]
        known = {id(base_of(array)) for array in own if array is not None}
        read = [array for call in calls.calls for array in call.reads_and_writes()[0]]
        return [to_host(a).copy() for a in read if not calls.made(a) and id(base_of(a)) not in known]

    def confirm(self, again):
        """After a step has moved the parameters, what is constant must be as it was in a recording made again."""
        pairs = zip(self.constants, again.constants, strict=False)
        alike = len(self.constants) == len(again.constants) and all(np.array_equal(*pair) for pair in pairs)
        if not alike:
            self.reason = "it computes with numbers that change and are neither parameters nor buffers"
        self.constants = []

    def _is_cross_entropy(self):
        """Whether one kernel computes both the loss and its delta."""
        return (
            type(self.loss) is CrossEntropyLoss
            and self.loss.reduction == "mean"
            and is_labels(self.y)
            and self.y.shape == sample_shape(self.scores)
            and self.loss.num_classes in (None, self.scores.shape[1])
        )

    def forward(self, x, y):
        """(scores, L): scores is the step's own array, which the next batch overwrites."""
        if x is not self.x:
            self.x[...] = x
        if y is not self.y:
            self.y[...] = y
        for stream, key, shape in self.keys:
            key[0] = stream.draw(shape)
        try:
            self._run_forward()
        except Outside:
            for drawn in self.keys:
                drawn.stream.step -= 1
            self.net(x)  # raises the error that says which index is out of range
            raise
        if self.found is None:
            L = self.loss(self.scores, self.y)
            self._delta[...] = self.loss.backward()
            return self.scores, L
        total, self._used, bad = to_host(self.found).tolist()
        if bad >= 0:
            self.loss(self.scores, self.y)  # raises the error that says which label is bad
        return self.scores, total / self._used if self._used else np.nan

    def terms(self, y):
        """What the mean of the last forward divided by; the number of samples if the loss does not say."""
        return terms_of(self.loss, y) if self.found is None else self._used

    def backward(self, weight=1):
        """Add to the gradients of the parameters, like the layers' backward, those of `weight` times the loss. Call it
        once; then ask the plan again.
        """
        if weight != 1:
            self._delta[...] = weighted(self._delta, weight)
        self._run_backward()
        self.learned()
        self.done = True

    def learned(self):
        """Mark the parameters as having gradients."""
        for parameter in self._learned:
            parameter._has_grad = True

    def _depends_on(self):
        """Note all that the recording depends on: the attributes of modules, buffers and hooks, and lists in them."""
        places, waiting = [], [vars(module) for module in self._modules]
        while waiting:
            place = waiting.pop()
            if not isinstance(place, tuple):  # which never changes, though what it holds may
                places.append(place)
            for value in place.values() if isinstance(place, dict) else place:
                if isinstance(value, (Buffer, Hooks)):
                    waiting.append(vars(value))
                elif isinstance(value, (list, tuple, dict)) and not any(value is other for other in places):
                    waiting.append(value)
        self._places = [place for place in places if isinstance(place, dict)]
        self._lists = [place for place in places if not isinstance(place, dict)]
        self._lasting, self._all = self._without(*PASSING), self._state()

    def holds(self):
        """Whether all that the recording depends on is as it was."""
        state = self._state()
        if not same(state, self._all):
            if not same(self._without(*PASSING), self._lasting):
                return False
            self._all = state  # the network was called meanwhile, nothing else
        return True

    def _state(self):
        return [*chain.from_iterable([place.values() for place in self._places]), *chain.from_iterable(self._lists)]

    def _without(self, *names):
        """The state without these attributes."""
        state = [value for place in self._places for name, value in place.items() if name not in names]
        return [*state, *chain.from_iterable(self._lists)]


def labels_like(y):
    """Zeros of the shape and type of targets, in this machine's byte order."""
    return np.zeros(y.shape, y.dtype.newbyteorder("="))


def same(state, other):
    """Whether both hold the same objects, not only equal ones, in the same order."""
    return len(state) == len(other) and all(map(operator.is_, state, other))


def obstacle(net, recordable=True):
    """Why the steps of a network cannot be recorded, or None. `recordable`: each module must declare that it can be."""
    for path, module in net.named_modules():
        name = f"{type(module).__name__}{f' at {path!r}' if path else ''}"
        if recordable and not module.recordable:
            return f"{name} does not declare that its forward and backward are only kernel calls (`recordable`)"
        if watched_or_own(module):
            return f"{name} has hooks, or a forward or backward of its own"
    return None


def on_gpu(net, x):
    """Why the steps of a network on a GPU cannot be recorded, or None."""
    if device_of(x) != "cpu":
        for module in net.modules():
            if module.uses_numpy:
                return f"{type(module).__name__} is recorded on the CPU only"
    return None


def watched_or_own(module):
    """Whether the module has hooks, or a forward or backward set on the instance."""
    own = vars(module)
    hooks = own.get("_hooks")
    return hooks is not None and any(vars(hooks).values()) or "forward" in own or "backward" in own
