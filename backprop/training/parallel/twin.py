"""The network that computes a shard: the one that learns, or a twin of it where shards are computed in turns."""

from backprop.module.rng import undisturbed
from backprop.training.compiled import Compiled
from backprop.training.parallel.state import State


class Twin:
    """A network, its loss, their Compiled step and State; and what it found out about a shard:

    numbers   its total loss and what the mean divides by
    scores    the output, or None for a shard without samples
    """

    def __init__(self, net, loss, numbers):
        self.net, self.loss, self.step, self.state = net, loss, Compiled(net, loss), State(net, loss, numbers)
        self.numbers = self.scores = None

    def another(self, numbers):
        """A Twin whose parameters have the same values, the same arrays, but gradients of their own."""
        memo = {id(p.data): p.data for module in (self.net, self.loss) for p in _parameters(module)}
        with undisturbed():
            found = Twin(self.net.bare_copy(memo), self.loss.bare_copy(memo), numbers)
        found.state.find()
        return found

    def follow(self, other):
        """Take over what may change from step to step: modes, values, buffers, random streams."""
        for mine, theirs in ((self.net, other.net), (self.loss, other.loss)):
            for module, original in zip(mine.modules(), theirs.modules(), strict=True):
                module.training = original.training
            for parameter, original in zip(_parameters(mine), _parameters(theirs), strict=True):
                parameter._data, parameter.requires_grad = original._data, original.requires_grad
        for buffer, original in zip(self.state.buffers, other.state.buffers, strict=True):
            buffer.data[...] = original.data
        for stream, original in zip(self.state.streams, other.state.streams, strict=True):
            stream.seek(original.seed, original.step)
        self.state.find()


def _parameters(module):
    return list(module.parameters()) if hasattr(module, "parameters") else []
