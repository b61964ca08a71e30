"""Optimizers move parameters against their gradients."""

import math

import numpy as np

from backprop import kernels
from backprop.errors import OptionError, ParameterError
from backprop.functional.shapes import flat
from backprop.parameter import Parameter


class Optimizer:
    """The base of optimizers: it holds parameters in groups, each a dict of "params" and options such as "lr".

    `parameters` is an iterable of Parameters, or of such dicts, whose options stand before the defaults. A subclass
    writes `update(parameter, state, **options)`; `state` is a dict of its own for each parameter, empty at first.
    """

    def __init__(self, parameters, **defaults):
        if isinstance(parameters, (Parameter, dict, np.ndarray)):
            raise ParameterError(f"an optimizer takes a list of Parameters, got {type(parameters).__name__}")
        groups = list(parameters)
        if not groups:
            raise OptionError("an optimizer without parameters: does the network have any?")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.param_groups = [self._group(group, defaults) for group in groups]
        self.state = {}
        for parameter in self._parameters():
            if not isinstance(parameter, Parameter):
                raise ParameterError(f"an optimizer holds Parameters, got {type(parameter).__name__}")
            if parameter in self.state:
                raise ParameterError("an optimizer holds each Parameter once; use net.parameters(), which does")
            self.state[parameter] = {}

    def _group(self, group, defaults):
        unknown = sorted(group.keys() - defaults.keys() - {"params"}) if isinstance(group, dict) else [group]
        if unknown or "params" not in group:
            raise OptionError(f"a group is a dict of 'params' and {', '.join(map(repr, defaults))}, got {group!r}")
        params = [group["params"]] if isinstance(group["params"], Parameter) else list(group["params"])
        group = {**defaults, **group, "params": params}
        self.check_options(**{name: group[name] for name in defaults})
        return group

    def check_options(self, **options):
        """Raise OptionError for options that make no sense."""

    def _parameters(self):
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def zero_grad(self):
        """Forget all gradients: each `grad` is None again."""
        for parameter in self._parameters():
            parameter.zero_grad()

    def step(self):
        """Move every parameter that has a gradient.

        Raises ParameterError if a layer has replaced one of them since: the new one would not learn.
        """
        for parameter in self._parameters():
            if parameter.replaced:
                raise ParameterError(
                    f"{parameter.replaced} was replaced after this optimizer was made; "
                    "make a new one: SGD(net.parameters(), ...)"
                )
        for group in self.param_groups:
            options = {name: value for name, value in group.items() if name != "params"}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.update(parameter, self.state[parameter], **options)

    def update(self, parameter, state, **options):
        raise NotImplementedError(f"{type(self).__name__} has no update")


class SGD(Optimizer):
    """Stochastic gradient descent.  Lecture A 53:36.

        (15)   theta <- theta - eta g
               with momentum   v <- beta v + (1 - dampening) g,   theta <- theta - eta v;   v starts as the first g

    eta is `lr`, beta is `momentum`. g is the gradient plus weight_decay * theta. `nesterov` steps along g + beta v
    instead of v.
    """

    def __init__(self, parameters, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        super().__init__(
            parameters, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def check_options(self, lr, momentum, dampening, weight_decay, nesterov):
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            if not 0 <= value < math.inf:
                raise OptionError(f"{name} must be >= 0 and finite, got {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise OptionError(f"nesterov wants momentum > 0 and dampening = 0, got {momentum} and {dampening}")

    def update(self, parameter, state, lr, momentum, dampening, weight_decay, nesterov):
        theta, g = flat(parameter.data), flat(parameter.grad)
        first = "momentum" not in state
        if momentum and first:
            state["momentum"] = np.empty_like(parameter.data)
        elif momentum and state["momentum"].dtype != parameter.dtype:  # the network has moved to another type
            state["momentum"] = state["momentum"].astype(parameter.dtype)
        v = flat(state["momentum"]) if momentum else theta  # a kernel takes an array everywhere; this one is not used
        k = kernels.of(g, v, theta)
        # One type for each number, int or float as the user wrote it: every other type would compile the kernel again.
        numbers = map(float, (lr, momentum, dampening, weight_decay))
        k.sgd(theta, g, v, *numbers, bool(nesterov), first)  # (15)
