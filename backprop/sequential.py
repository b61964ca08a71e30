"""A chain of layers. Its backward is the lecture's recursion: each layer hands its delta to the one below.

A whole network on one page: two inputs, two hidden ReLU units, one output, the lecture's square loss for N = 1.
Every number can be worked by hand; the figures in brackets are LECTURE.md's formulas.

>>> import numpy as np, backprop as bp
>>> net = bp.Sequential(bp.Linear(2, 2), bp.ReLU(), bp.Linear(2, 1))
>>> net[0].weight = bp.Parameter([[1., 2.], [3., -4.]]); net[0].bias = bp.Parameter([1., 2.])
>>> net[2].weight = bp.Parameter([[2., -1.]]);           net[2].bias = bp.Parameter([0.5])
>>> net = net.to(np.float64)
>>> a0, b = np.array([[1., 1.]]), np.array([[6.5]])

Forward, each layer caching what its backward will need:

>>> u1 = net[0](a0); u1                  # (1) m = (1+2, 3-4) = (3, -1)   (2) u = m + (1, 2) = (4, 1)
array([[4., 1.]])
>>> a1 = net[1](u1); a1                  # (3) ReLU keeps both
array([[4., 1.]])
>>> a2 = net(a0); a2                     # (1) 2*4 - 1*1 = 7              (2) 7 + 0.5 = 7.5
array([[7.5]])
>>> 0.5 * bp.MSELoss()(a2, b)            # (8) the lecture's L = (7.5 - 6.5)^2 / 2; MSELoss leaves out the half
0.5

Backward, from the loss down:

>>> delta = a2 - b; delta                # (8) delta = (a2 - b) / N
array([[1.]])
>>> delta0 = net.backward(delta)
>>> net[2].weight.grad                   # (5) delta^T a1 = 1 * (4, 1)
array([[4., 1.]])
>>> net[2].bias.grad                     # (6) delta
array([1.])
>>> net[0].bias.grad                     # (7) delta X2 = (2, -1), then (4): both units were on, then (6)
array([ 2., -1.])
>>> net[0].weight.grad                   # (5) delta_u^T a0 = (2, -1)^T (1, 1)
array([[ 2.,  2.], [-1., -1.]])
>>> delta0                               # (7) delta_u X1 = (2*1 - 1*3, 2*2 + 1*4)
array([[-1.,  8.]])
"""

from backprop.errors import BackpropError
from backprop.module import Module


class Sequential(Module):
    """layers[0], then layers[1], ...: a_l = layer_l(a_{l-1}).  Lecture A 43:39-48:20, B.

    forward    keeps each layer's call, so one layer may stand in the chain more than once
    backward   delta_{l-1} = layer_l.backward(delta_l), from the last layer to the first; returns dL/da_0

    It nests, iterates, has a length and indexes; a slice is a Sequential of the same layers. An error from inside
    names the layer by its index.
    """

    analytic = True  # if its layers are

    def __init__(self, *layers):
        for index, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(f"layer {index} is no Module but {layer!r}")
        self.layers = list(layers)

    def forward(self, a):
        calls = []
        for index, layer in enumerate(self.layers):
            try:
                a = layer(a)
            except BackpropError as error:
                raise error.within(index)
            calls.append(layer.call)
        self.cache = calls
        return a

    def backward(self, delta):
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            layer.recall(self.cache[index])
            try:
                delta = layer.backward(delta)
            except BackpropError as error:
                raise error.within(index)
        return delta

    def named_children(self):
        for index, layer in enumerate(self.layers):
            yield str(index), layer

    def append(self, layer):
        """Add a layer at the end. Returns the chain."""
        self.layers = Sequential(*self.layers, layer).layers
        return self

    def __getitem__(self, index):
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __setitem__(self, index, layer):
        layers = self.layers.copy()
        layers[index] = layer
        self.layers = Sequential(*layers).layers

    def __iter__(self):
        return iter(self.layers)

    def __len__(self):
        return len(self.layers)
