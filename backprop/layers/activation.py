"""Activations are not linear: a = sigma(u), element by element. Without them, a stack of linear layers is just one.

    layer     a = sigma(u)           sigma'(u), written with a     range        lecture
    ReLU      max(0, u)              1 where a > 0, else 0         [0, inf)     A 40:51
    Sigmoid   1 / (1 + e^-u)         a (1 - a)                     (0, 1)       A 40:51
    Tanh      tanh u                 1 - a^2                       (-1, 1)

Every sigma' here is a function of the output, so the output is all that a layer keeps. By hand:

>>> import numpy as np, backprop as bp
>>> layer, u = bp.ReLU(), np.array([-1., 0, 2])
>>> layer(u)                                      # (3)
array([0., 0., 2.])
>>> layer.backward(np.array([5., 6, 7]))          # (4) slopes 0, 0, 1
array([0., 0., 7.])
>>> layer = bp.Sigmoid()
>>> layer(np.array([0., np.log(3)]))              # (3) 1/(1 + 1) and 1/(1 + 1/3)
array([0.5 , 0.75])
>>> layer.backward(np.array([8., 16]))            # (4) 8 * 1/2 * 1/2 and 16 * 3/4 * 1/4
array([2., 3.])
"""

from backprop import functional as F
from backprop.module import Module


class ReLU(Module):
    """a = max(0, u), element by element: u, a (...).  Lecture A 40:51.

    forward   (3)  a       = max(0, u)
    backward  (4)  delta_u = delta where a > 0, else 0      at the kink u = 0 the slope is taken as 0
    """

    analytic = True  # on either side of its kink at 0
    recordable = True

    def forward(self, u):
        self.cache = a = F.relu(u)  # (3) maximum(0, u)
        return a

    def backward(self, delta):
        a = self.cache
        return F.relu_backward(delta, a)  # (4) delta * (a > 0)


class Sigmoid(Module):
    """a = 1 / (1 + e^-u), element by element: u, a (...).  Lecture A 40:51.

    forward   (3)  a       = 1 / (1 + e^-u)
    backward  (4)  delta_u = delta * a (1 - a)              sigma' = e^-u / (1 + e^-u)^2 = a (1 - a), at most 1/4
    """

    analytic = True
    recordable = True

    def forward(self, u):
        self.cache = a = F.sigmoid(u)  # (3) 1 / (1 + exp(-u))
        return a

    def backward(self, delta):
        a = self.cache
        return F.sigmoid_backward(delta, a)  # (4) delta * a * (1 - a)


class Tanh(Module):
    """a = tanh u, element by element: u, a (...).

    forward   (3)  a       = tanh u
    backward  (4)  delta_u = delta * (1 - a^2)              tanh' = 1 / cosh^2 = 1 - tanh^2, at most 1
    """

    analytic = True
    recordable = True

    def forward(self, u):
        self.cache = a = F.tanh(u)  # (3) tanh(u)
        return a

    def backward(self, delta):
        a = self.cache
        return F.tanh_backward(delta, a)  # (4) delta * (1 - a**2)
