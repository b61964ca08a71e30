"""`bp.compile` turns a network and a loss into one step: what its layers do is recorded once, then only replayed."""

import math

from backprop.errors import CallOrderError, OptionError
from backprop.training import nonfinite
from backprop.training.plan import Plan, terms_of


def compile(net, loss, check_finite=False, done=0):
    """The Compiled step of a network and its loss, for a loop of one's own:

        step = bp.compile(net, loss)
        for x, y in train:
            optimizer.zero_grad()
            L = step(x, y)          # forward: loss(net(x), y)
            step.backward()         # backward: net.backward(loss.backward()), but without dL/dx
            optimizer.step()

    The numbers are the same to the last bit; Python's part in them is gone. What cannot be recorded is run by its
    layers, with the same numbers, and `step.reason` says why. `check_finite` raises NonFiniteError, naming layer, pass
    and step, for a loss of NaN or infinity; `done` steps were taken before.

    Raises OptionError for reduction 'none': a backward begins at one number.
    """
    return Compiled(net, loss, check_finite, done)


class Compiled:
    """One step of training, for batches of any shape; each shape is recorded when it first comes.

    scores    what the network gave for the last batch; recorded, an array that the next batch overwrites
    terms     what its loss is a mean over
    reason    why the last batch was not replayed from a recording; None where it was
    """

    def __init__(self, net, loss, check_finite=False, done=0):
        if getattr(loss, "reduction", "mean") == "none":
            raise OptionError("backward begins at one number: use a loss with reduction 'mean' or 'sum'")
        self.net, self.loss, self.check_finite = net, loss, check_finite
        self.plan, self.done, self.scores, self.terms = Plan(net, loss), done, None, None
        self._recorded, self._ready = None, False

    def __call__(self, x, y):
        """The loss of a batch. `backward` may follow once."""
        self._recorded = step = self.plan.step(x, y)
        if step is None:
            self.scores = self.net(x)
            L = self.loss(self.scores, y)
            self.terms = terms_of(self.loss, y)
        else:
            self.scores, L = step.forward(x, y)
            self.terms = step.terms(y)
        if self.check_finite and not math.isfinite(L) and self.terms:  # a mean over nothing is NaN, and no fault
            nonfinite.blame(self.net, x, y, step=self.done)
        self.done, self._ready = self.done + 1, True
        return L

    @property
    def reason(self):
        return self.plan.reason

    def room(self, shape, dtype):
        """(x, y) in which a recording wants a batch of this shape, for `DataLoader.batches`: so nothing is copied."""
        return self.plan.room(shape, dtype)

    def backward(self):
        """Add the gradients of the last batch to those of the parameters."""
        if not self._ready:
            raise CallOrderError("backward before forward: call the step first, L = step(x, y)")
        self._ready = False
        if self._recorded is None:
            self.net.backward(self.loss.backward())
        else:
            self._recorded.backward()
