"""`bp.compile` turns a network and a loss into one step: what its layers do is recorded once, then only replayed."""

import math

from backprop.errors import CallOrderError, OptionError
from backprop.training import nonfinite, parallel
from backprop.training.data import fetches_parts
from backprop.training.evaluate import count_correct
from backprop.training.plan import Plan, terms_of, weighted


def compile(net, loss, check_finite=False, done=0, optimizer=None, clip=None):
    """The Compiled step of a network and its loss, for your own loop:

        step = bp.compile(net, loss)
        for x, y in train:
            optimizer.zero_grad()
            L = step(x, y)          # forward: loss(net(x), y)
            step.backward()         # backward: net.backward(loss.backward()), but without dL/dx
            optimizer.step()

    Between these lines gradients may be read, changed or added up, as in the loop without it. With an `optimizer` all
    four are one: `L = step.train(x, y)`, which calls `clip()`, if it is given, before the optimizer.

    The numbers are the same to the last bit, without the time that layers spend in Python. A network that cannot be
    recorded runs layer by layer, and `step.reason` says why. `check_finite` raises NonFiniteError, naming layer, pass
    and step, for a loss of NaN or infinity; `done` is the number of steps taken before.

    Within `with bp.parallel():` the batch is cut into shards, on which several processes may work (parallel/README.md);
    batches then come from `step.batches(train)`.

    Raises OptionError for reduction 'none': backward starts from a single number.
    """
    ranks = parallel.current()
    kind = Compiled if ranks is None else ranks.step
    return kind(net, loss, check_finite, done, optimizer, clip)


class Compiled:
    """One step of training, for batches of any shape; each shape is recorded when it first occurs.

    scores    the network's output for the last batch; if recorded, an array that the next batch overwrites
    terms     what the mean in its loss divided by
    recorded  the recorded Step that it was replayed from, or None
    reason    why it was not; None where it was
    """

    def __init__(self, net, loss, check_finite=False, done=0, optimizer=None, clip=None):
        if getattr(loss, "reduction", "mean") == "none":
            raise OptionError("backward starts from a single number: use a loss with reduction 'mean' or 'sum'")
        self.net, self.loss, self.check_finite = net, loss, check_finite
        self.optimizer, self.clip = optimizer, clip
        self.plan, self.done, self.scores, self.terms = Plan(net, loss), done, None, None
        self.recorded, self._ready = None, False

    def __call__(self, x, y):
        """The loss of a batch; `backward` may then be called once."""
        L = self.forward(x, y)
        if self.check_finite and not math.isfinite(L) and self.terms:  # a mean over nothing is NaN, not an error
            nonfinite.blame(self.net, x, y, step=self.done)
        self.done, self._ready = self.done + 1, True
        return L

    def forward(self, x, y, recorded=None):
        """The loss of a batch, unchecked; by this Step, if one is known to hold."""
        self.recorded = step = recorded or self.plan.step(x, y)
        if step is None:
            self.scores = self.net(x)
            L = self.loss(self.scores, y)
            self.terms = terms_of(self.loss, y)
        else:
            self.scores, L = step.forward(x, y)
            self.terms = step.terms(y)
        return L

    def train(self, x, y):
        """The loss of a batch, whose gradients alone then move the parameters once."""
        if self.optimizer is None:
            raise OptionError("train moves the parameters: bp.compile(net, loss, optimizer=...)")
        self.optimizer.zero_grad()
        L = self(x, y)
        self.backward()
        if self.clip is not None:
            self.clip()
        self.optimizer.step()
        return L

    @property
    def reason(self):
        return self.plan.reason

    def batches(self, train):
        """The batches (x, y) of an epoch, fetched into the arrays from which a recording reads them."""
        return train.batches(self.plan.room) if fetches_parts(train) else iter(train)

    def counted(self, y):
        """(samples, right, answers) of the last batch, whose targets are y."""
        return len(y), *count_correct(self.loss, self.scores, y)

    def backward(self):
        """Add the gradients of the last batch to those of the parameters."""
        if not self._ready:
            raise CallOrderError("backward before forward: call the step first, L = step(x, y)")
        self._ready = False
        self.differentiate()

    def differentiate(self, weight=1):
        """Add the gradients of `weight` times the loss of the last `forward`."""
        if self.recorded is None:
            delta = self.loss.backward()
            self.net.backward(delta if weight == 1 else weighted(delta, weight))
        else:
            self.recorded.backward(weight)
