"""Stochastic gradient descent: plain, as in the lecture, or with momentum."""

from backprop.errors import OptionError
from backprop.optim.base import Optimizer, expect_range


class SGD(Optimizer):
    """Stochastic gradient descent.  Lecture A 53:36.

        (15)   theta <- theta - eta g

    and with momentum, where v starts as the first g

        (15a)  v     <- beta v + (1 - dampening) g      steps that agree add up
        (15b)  theta <- theta - eta v

    eta is `lr`, beta is `momentum`. g is the gradient plus weight_decay * theta. `nesterov` steps along g + beta v
    instead of v.
    """

    # (15) theta = theta - eta * g
    # (15a) v = beta * v + (1 - dampening) * g
    # (15b) theta = theta - eta * v
    kernel = "sgd"

    def __init__(self, parameters, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        super().__init__(
            parameters, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def check_options(self, lr, momentum, dampening, weight_decay, nesterov):
        expect_range(0, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise OptionError(f"nesterov needs momentum > 0 and dampening = 0, got {momentum} and {dampening}")

    def arrays(self, parameter, state, momentum, **_):
        v = self.buffer(parameter, state, "momentum") if momentum else parameter.data  # a placeholder
        return parameter.data, parameter.grad, v

    def numbers(self, state, lr, momentum, dampening, weight_decay, nesterov):
        first = "momentum" not in state
        # Always floats, even if the user wrote an int: each new type would compile the kernel again.
        return *map(float, (lr, momentum, dampening, weight_decay)), bool(nesterov), first
