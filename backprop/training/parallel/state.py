"""What a step leaves behind besides its loss, and every rank must have alike: gradients, buffers, random streams.

Each shard begins with the buffers and streams that the step began with, and without gradients. A buffer, such as a
batch normalisation's running mean, becomes what it was plus the mean of the shards' changes, each weighed by its
samples.
"""

import numpy as np

from backprop.module import Module
from backprop.training.parallel.vector import Vector


class State:
    """The gradients, buffers and streams of a network and its loss, as parts of a Vector:

    `count` sums, whether each parameter has a gradient, the draws of each stream      one array of float64
    gradients                                                                          one for each parameter
    changes                                                                            one for each buffer
    """

    def __init__(self, net, loss, count):
        self._modules = [module for module in (net, loss) if isinstance(module, Module)]
        self._count, self._kinds, self.vectors, self.parameters = count, None, [], []

    def all_modules(self):
        return [part for module in self._modules for part in module.modules()]

    def find(self):
        """Look for all that a step changes."""
        found = {id(p): p for module in self._modules for p in module.parameters() if p.requires_grad}
        self.parameters = list(found.values())
        self.buffers = [buffer for module in self._modules for _, buffer in module.named_buffers()]
        self.streams = [stream for module in self._modules for _, stream in module.named_streams()]

    def aim(self):
        """Let gradients be computed into the first Vector, where there are none."""
        for parameter, grad in zip(self.parameters, self._parts(self.vectors[0])[1], strict=True):
            if not parameter._has_grad:
                parameter._sum = grad

    def begin(self, vectors):
        """Keep what is there before a step. Returns so many Vectors."""
        for stream in self.streams:
            stream.settle()
        self._places = [(stream.seed, stream.step) for stream in self.streams]
        self._before = [buffer.data.copy() for buffer in self.buffers]
        self._own = [p.grad.copy() if p._has_grad else None for p in self.parameters]
        kinds = [((self._count + len(self.parameters) + len(self.streams),), np.float64)]
        kinds += [(p.shape, p.dtype) for p in self.parameters]
        kinds += [(b.shape, b.dtype if b.dtype.kind in "fc" else np.float64) for b in self.buffers]
        if kinds != self._kinds:
            self._kinds, self.vectors = kinds, []
        while len(self.vectors) < vectors:
            self.vectors.append(Vector(kinds))
        return self.vectors[:vectors]

    def rewind(self):
        """Go back to where the step began, and forget all gradients; new ones are computed into the first Vector."""
        for buffer, before in zip(self.buffers, self._before, strict=True):
            buffer.data[...] = before
        for stream, place in zip(self.streams, self._places, strict=True):
            stream.seek(*place)
        for parameter in self.parameters:
            parameter.zero_grad()
        self.aim()

    def write(self, vector, numbers, share):
        """Complete the Vector of a shard that has this share of the samples."""
        head, grads, changes = self._parts(vector)
        draws = [share * (s.step - step) for s, (_, step) in zip(self.streams, self._places, strict=True)]
        head[:] = [*numbers, *(p._has_grad for p in self.parameters), *draws]
        for grad, parameter in zip(grads, self.parameters, strict=True):
            if not parameter._has_grad:
                grad.fill(0)
            elif parameter._sum is not grad:
                grad[...] = parameter._sum
        for change, buffer, before in zip(changes, self.buffers, self._before, strict=True):
            now, before = (a.astype(np.int64) if a.dtype.kind == "b" else a for a in (buffer.data, before))
            change.fill(0)
            np.subtract(now, before, out=change, where=now != before, casting="unsafe")  # -inf stays -inf
            change *= change.dtype.type(share)

    def end(self, vector, scale):
        """Take over the sum of all shards. Returns its numbers. The gradients, times `scale(numbers)`, wait for
        `add_gradients`; those that were there before the step are there again.
        """
        self.rewind()
        head, self._grads, changes = self._parts(vector)
        numbers, self._learned, draws = np.split(head, np.cumsum([self._count, len(self.parameters)]))
        for buffer, change in zip(self.buffers, changes, strict=True):
            if buffer.dtype.kind in "fc":
                buffer.data[...] += change
            else:
                buffer.data[...] = buffer.data.astype(np.int64) + np.rint(change).astype(np.int64)
        for stream, count in zip(self.streams, draws, strict=True):
            stream.step += round(count)
        factor = scale(numbers)
        for parameter, grad, own in zip(self.parameters, self._grads, self._own, strict=True):
            if factor != 1:
                grad *= grad.dtype.type(factor)
            if own is not None:
                parameter._sum, parameter._has_grad = own, True
        return numbers.tolist()

    def add_gradients(self):
        """Add the gradients of the whole batch to those of the parameters."""
        for parameter, grad, learned in zip(self.parameters, self._grads, self._learned.tolist(), strict=True):
            if learned and not parameter._has_grad:
                parameter._sum, parameter._has_grad = grad, True
            elif learned:
                parameter.accumulate(grad)

    def _parts(self, vector):
        head, *others = vector.parts
        count = len(self.parameters)
        return head, others[:count], others[count:]
