"""Adagrad divides each entry's gradient by the size of all its gradients so far."""

from backprop.functional.arrays import filled
from backprop.optim.base import Optimizer, expect_range


class Adagrad(Optimizer):
    """Adaptive gradients (Duchi, Hazan and Singer, 2011).

        s     <- s + g^2                                        the sum where RMSprop, (41a), has a mean
        theta <- theta - eta_t g / (sqrt(s) + eps)              (41b)

    eta_t = lr / (1 + (t - 1) lr_decay) in the step t, counted from 1; s starts at `initial_accumulator_value`. g is the
    gradient plus weight_decay * theta. What has had large gradients moves little from then on, and for ever.
    """

    kernel = "rmsprop"
    squares = ("square",)

    def __init__(self, parameters, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
        options = {"lr_decay": lr_decay, "initial_accumulator_value": initial_accumulator_value}
        super().__init__(parameters, lr=lr, weight_decay=weight_decay, eps=eps, **options)

    def check_options(self, **options):
        expect_range(0, **options)

    def advance(self, state):
        state["step"] = state.get("step", 0) + 1

    def arrays(self, parameter, state, initial_accumulator_value, **_):
        if "square" not in state and initial_accumulator_value:
            state["square"] = filled(initial_accumulator_value, parameter.shape, parameter.data)
        theta = parameter.data  # also the placeholder for unused arrays
        return theta, parameter.grad, self.buffer(parameter, state, "square"), theta, theta

    def numbers(self, state, lr, lr_decay, weight_decay, eps, **_):
        rate = lr / (1 + (state["step"] - 1) * lr_decay)
        return *map(float, (rate, 1, 1, eps, weight_decay, 0)), False
