"""Activations are not linear: a = sigma(u), element by element. Without one, a stack of linear layers is just one.

    layer     a = sigma(u)           sigma'(u), written with a     range        lecture
    ReLU      max(0, u)              1 where a > 0, else 0         [0, inf)     A 40:51
    Sigmoid   1 / (1 + e^-u)         a (1 - a)                     (0, 1)       A 40:51
    Tanh      tanh u                 1 - a^2                       (-1, 1)

Every sigma' here is a function of the output, so the output is all that a layer keeps.
"""

from backprop import functional as F
from backprop.module import Module


class ReLU(Module):
    """a = max(0, u), element by element: u, a (...).  Lecture A 40:51.

    forward   (3)  a       = max(0, u)
    backward  (4)  delta_u = delta where a > 0, else 0      at the kink u = 0 the slope is taken as 0
    """

    analytic = True  # on either side of its kink, its corner at 0
    recordable = True

    def forward(self, u):
        self.cache = a = F.relu(u)  # (3)
        return a

    def backward(self, delta):
        return F.relu_backward(delta, a=self.cache)  # (4)


class Sigmoid(Module):
    """a = 1 / (1 + e^-u), element by element: u, a (...).  Lecture A 40:51.

    forward   (3)  a       = 1 / (1 + e^-u)
    backward  (4)  delta_u = delta * a (1 - a)              sigma' = e^-u / (1 + e^-u)^2 = a (1 - a), at most 1/4
    """

    analytic = True
    recordable = True

    def forward(self, u):
        self.cache = a = F.sigmoid(u)  # (3)
        return a

    def backward(self, delta):
        return F.sigmoid_backward(delta, a=self.cache)  # (4)


class Tanh(Module):
    """a = tanh u, element by element: u, a (...).

    forward   (3)  a       = tanh u
    backward  (4)  delta_u = delta * (1 - a^2)              tanh' = 1 / cosh^2 = 1 - tanh^2, at most 1
    """

    analytic = True
    recordable = True

    def forward(self, u):
        self.cache = a = F.tanh(u)  # (3)
        return a

    def backward(self, delta):
        return F.tanh_backward(delta, a=self.cache)  # (4)
