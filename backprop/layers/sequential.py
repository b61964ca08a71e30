"""A chain of layers. Its backward is the lecture's recursion: each layer passes its delta to the one below.

A whole network on one page: two inputs, two hidden ReLU units, one output, the lecture's square loss, N = 1. Every
number can be worked out by hand; those in brackets are the formulas of lecture/README.md.
scripts/pictures/recursion.png is a picture of this page.

>>> import numpy as np, backprop as bp
>>> net = bp.Sequential(bp.Linear(2, 2), bp.ReLU(), bp.Linear(2, 1))
>>> net[0].weight, net[0].bias = bp.Parameter([[1, 2], [3, -4]]), bp.Parameter([1, 0])
>>> net[2].weight, net[2].bias = bp.Parameter([[2, -1]]), bp.Parameter([0.5])
>>> net = net.to(np.float64)
>>> a0, b = np.array([[1., 1.]]), np.array([[7.5]])

Forward, each layer caching what its backward will need:

>>> u1 = net[0](a0); u1                  # (1) m = (1+2, 3-4) = (3, -1)   (2) u = m + (1, 0) = (4, -1)
array([[ 4., -1.]])
>>> a1 = net[1](u1); a1                  # (3) the first unit is on, the second is off
array([[4., 0.]])
>>> u2 = net[2](a1); u2                  # (1) 2*4 - 1*0 = 8              (2) 8 + 0.5 = 8.5
array([[8.5]])
>>> bp.MSELoss()(u2, b) / 2              # (8) the lecture's L = (8.5 - 7.5)^2 / 2; MSELoss leaves out the half
0.5

Backward, from the loss down:

>>> delta = (u2 - b) / 1; delta          # (8) delta = (u2 - b) / N
array([[1.]])
>>> delta_a1 = net[2].backward(delta)
>>> net[2].weight.grad, net[2].bias.grad # (5) delta^T a1 = 1 * (4, 0)    (6) delta
(array([[4., 0.]]), array([1.]))
>>> delta_a1                             # (7) delta X2
array([[ 2., -1.]])
>>> delta_u1 = net[1].backward(delta_a1)
>>> delta_u1                             # (4) delta_a1 * (1, 0): nothing passes the unit that is off
array([[2., 0.]])
>>> delta_a0 = net[0].backward(delta_u1)
>>> net[0].weight.grad                   # (5) delta_u1^T a0 = (2, 0)^T (1, 1)
array([[2., 2.], [0., 0.]])
>>> net[0].bias.grad                     # (6) delta_u1
array([2., 0.])
>>> delta_a0                             # (7) delta_u1 X1 = (2*1 + 0*3, 2*2 - 0*4)
array([[2., 4.]])

The chain does all that in two calls:

>>> net.zero_grad(); net(a0)
array([[8.5]])
>>> net.backward(delta)
array([[2., 4.]])
"""

from backprop.errors import At
from backprop.module import Module


class Sequential(Module):
    """layers[0], then layers[1], ...; the output of each is the input of the next.  Lecture A 43:39-48:20, B.

    forward    keeps each layer's call (its cache), so one layer may be in the chain more than once
    backward   restores each layer's call and passes delta down, from the last layer to the first; returns dL/d(input)

    It can be nested, iterated over and indexed, and has a length; a slice is a Sequential of the same layers. An error
    from inside names the layer by its index.
    """

    analytic = True  # if each layer is, too: gradcheck checks them all
    recordable = True

    def __init__(self, *layers):
        self.layers = _expect_modules(layers)

    def forward(self, a):
        calls = []
        for index, layer in enumerate(self.layers):
            with At(index):
                a = layer(a)
            calls.append(layer.call)
        self.cache = calls
        return a

    def backward(self, delta):
        calls = self.cache
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            layer.recall(calls[index])
            with At(index):
                delta = layer.backward(delta)
        return delta

    def named_children(self):
        for index, layer in enumerate(self.layers):
            yield str(index), layer
        for name, child in super().named_children() if len(self._holders) > 1 else ():
            if not name.startswith("layers."):
                yield name, child

    def append(self, layer):
        """Add a layer at the end. Returns the chain."""
        self.layers += _expect_modules([layer])
        return self

    def __getitem__(self, index):
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __setitem__(self, index, layer):
        (layer,) = _expect_modules([layer])
        self._note_replaced(str(range(len(self))[index]), self.layers[index], layer)
        self.layers[index] = layer

    def __iter__(self):
        return iter(self.layers)

    def __len__(self):
        return len(self.layers)


def _expect_modules(layers):
    for index, layer in enumerate(layers):
        if not isinstance(layer, Module):
            raise TypeError(f"layer {index} is not a Module: {layer!r}")
    return list(layers)
