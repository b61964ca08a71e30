"""RMSprop divides each entry's gradient by its usual size."""

from backprop.optim.base import Optimizer, expect_range


class RMSprop(Optimizer):
    """Root mean square propagation (Hinton's lecture 6e, 2012).

        (41a)  s     <- alpha s + (1 - alpha) g^2             a running mean of g^2
        (41b)  theta <- theta - eta g / (sqrt(s) + eps)

    and with momentum

        (41c)  v     <- beta v + g / (sqrt(s) + eps)
        (41d)  theta <- theta - eta v

    eta is `lr`, beta is `momentum`; s and v start at 0. g is the gradient plus weight_decay * theta. `centered`
    subtracts the square of the mean gradient from s, so that g is divided by its standard deviation.
    """

    # (41a) s = alpha * s + (1 - alpha) * g**2
    # (41b) theta = theta - eta * g / (sqrt(s) + eps)
    # (41c) v = beta * v + g / (sqrt(s) + eps)
    # (41d) theta = theta - eta * v
    kernel = "rmsprop"
    squares = ("square",)

    def __init__(self, parameters, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
        super().__init__(
            parameters, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )

    def check_options(self, lr, alpha, eps, weight_decay, momentum, centered):
        expect_range(0, lr=lr, eps=eps, weight_decay=weight_decay, momentum=momentum, alpha=alpha)

    def arrays(self, parameter, state, momentum, centered, **_):
        theta = parameter.data  # also the placeholder for unused arrays
        square = self.buffer(parameter, state, "square")
        mean = self.buffer(parameter, state, "mean") if centered else theta
        v = self.buffer(parameter, state, "momentum") if momentum else theta
        return theta, parameter.grad, square, mean, v

    def numbers(self, state, lr, alpha, eps, weight_decay, momentum, centered):
        return *map(float, (lr, alpha, 1 - alpha, eps, weight_decay, momentum)), bool(centered)
