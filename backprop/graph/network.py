"""Graph: a Module whose forward is a formula of values. Its backward need not be written: it is (17)."""

from backprop import functional as F
from backprop.errors import CallOrderError
from backprop.graph.modes import reverse
from backprop.graph.value import Value
from backprop.module import Module


class Graph(Module):
    """A network that is not a chain. A subclass writes one method, `build(a, ...)`, in which every input is a Value.

    What `build` computes with them becomes a graph, and a layer that it calls with one is a node there: it may be
    called many times, a value used many times, and there may be several inputs. Layers and Parameters are plain
    attributes, as in any Module. A layer called with a plain array, not a Value, stays outside: no gradient reaches it.

    forward   (16)   runs build; the graph of that call is its cache
    backward  (17)   adjoints from the output back; a Parameter's and a layer's gradients add up over all their uses

    `recordable = True` in a subclass lets `bp.compile` and `fit` record it: a promise that `build` does the same in
    every step, with nothing but its inputs, parameters and buffers. It draws no random numbers, changes nothing, and
    looks at no numbers, such as `a.data`. What can be noticed of a broken promise is noticed, and not recorded.

    `backward` returns dL/d(input), a tuple where there are several inputs, None for labels or words, which have none.
    Where build returns a tuple of Values, it takes a delta for each.

    >>> import numpy as np
    >>> from backprop.layers import Linear, Tanh
    >>> class Residual(Graph):
    ...     def __init__(self, body):
    ...         self.body = body
    ...
    ...     def build(self, a):
    ...         return a + self.body(a)
    >>> block = Residual(Linear(3, 3))
    >>> delta = block.backward(block(np.ones((2, 3), np.float32)))
    >>> delta.shape, block.body.weight.grad.shape
    ((2, 3), (3, 3))
    """

    analytic = True  # gradcheck also checks this of each layer
    uses_numpy = True

    def build(self, *inputs, **options):
        raise NotImplementedError(f"{type(self).__name__} has no build")

    def forward(self, *inputs, **options):
        inputs = [None if a is None else Value(a) for a in inputs]
        output = self.build(*inputs, **options)  # (16)
        for each in output if isinstance(output, tuple) else (output,):
            if not isinstance(each, Value):
                raise CallOrderError(f"build must return a Value, computed from its inputs; got {type(each).__name__}")
        self.cache = inputs, output
        return tuple(v.data for v in output) if isinstance(output, tuple) else output.data

    def backward(self, delta):
        inputs, output = self.cache
        below = {v: F.zeros(v.shape, v.data) for v in inputs if v is not None and v.requires_grad}
        for v, vbar in reverse(output, delta):  # (17)
            if v in below:
                below[v] = F.copied(vbar)
            elif not v.parents and v.requires_grad:
                v.accumulate(vbar)
        deltas = [below.get(v) for v in inputs]
        return deltas[0] if len(deltas) == 1 else tuple(deltas)
