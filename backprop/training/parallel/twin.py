"""The network that computes a shard: the one that learns, or a twin of it where shards are computed in turns."""

from backprop.module import Module
from backprop.module.rng import undisturbed
from backprop.training.compiled import Compiled
from backprop.training.parallel.state import State

PLAIN = bool, int, float, str, type(None)  # options of a layer


class Twin:
    """A network, its loss, their Compiled step and State; and what it found out about a shard:

    numbers   its total loss and what the mean divides by
    scores    the output, or None for a shard without samples
    """

    def __init__(self, net, loss, numbers):
        self.net, self.loss, self.step, self.state = net, loss, Compiled(net, loss), State(net, loss, numbers)
        self.numbers = self.scores = None
        self.begin()

    def forward(self, x, y):
        """The loss of a shard. What holds for one recording holds for all shards of a step."""
        alike = x.shape, y.shape
        L = self.step.forward(x, y, self._recorded.get(alike))
        self._recorded[alike] = self.step.recorded
        return L

    def of_loss(self):
        """The parameters of the loss."""
        return list(self.loss.parameters()) if isinstance(self.loss, Module) else []

    def is_like(self, other):
        """Whether both are made of the same kinds of modules."""
        return self._kinds() == other._kinds()

    def _kinds(self):
        return [type(module) for module in self.state.all_modules()]

    def begin(self):
        """Another step: recordings are to be looked at again."""
        self._recorded = {}

    def another(self, numbers):
        """A Twin whose parameters have the same values, the same arrays, but gradients of their own."""
        modules = [module for module in (self.net, self.loss) if isinstance(module, Module)]
        memo = {id(p.data): p.data for module in modules for p in module.parameters()}
        with undisturbed():
            loss = self.loss.bare_copy(memo) if isinstance(self.loss, Module) else self.loss
            found = Twin(self.net.bare_copy(memo), loss, numbers)
        found.state.find()
        return found

    def follow(self, other):
        """Take over what may change from step to step: options, modes, values, buffers, random streams."""
        for module, original in zip(self.state.all_modules(), other.state.all_modules(), strict=True):
            plain = {name: value for name, value in vars(original).items() if isinstance(value, PLAIN)}
            vars(module).update(plain)
            for parameter, its in zip(module.parameters(), original.parameters(), strict=True):
                parameter._data, parameter.requires_grad = its._data, its.requires_grad
        for buffer, original in zip(self.state.buffers, other.state.buffers, strict=True):
            buffer.data[...] = original.data
        for stream, original in zip(self.state.streams, other.state.streams, strict=True):
            stream.seek(original.seed, original.step)
        self.state.find()
