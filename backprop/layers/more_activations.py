"""The other activations. Their formulas are in one table, f above f', in kernels/reference/more_activations.py.

Each caches its input u, since not every slope can be computed from the output alone.
"""

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.module import Module, Parameter
from backprop.module.options import above_zero, number, whole


class Elementwise(Module):
    """a = sigma(u), element by element: u, a (...).

    forward   (3)  a       = sigma(u)
    backward  (4)  delta_u = delta * sigma'(u)                slope is sigma'
    """

    analytic = True  # on either side of its kinks
    recordable = True
    row = ""  # of the table of activations
    options = ()  # the names of the attributes that the row takes as numbers beside u

    def forward(self, u):
        self.cache = u
        return F.activation(self.row, u, *self._numbers())  # (3) sigma(u)

    def backward(self, delta):
        u = self.cache
        return F.activation_backward(self.row, delta, u, *self._numbers())  # (4) delta * slope(u)

    def _numbers(self):
        return [getattr(self, name) for name in self.options]

    def extra_repr(self):
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.options)


class LeakyReLU(Elementwise):
    """u, or negative_slope u where u <= 0: a unit that is off still learns."""

    row, options = "leaky_relu", ("negative_slope",)

    def __init__(self, negative_slope=0.01):
        self.negative_slope = number("negative_slope", negative_slope)


class PReLU(Module):
    """u, or w u where u <= 0, and w learns: one for all, or one for each channel of axis 1.

    forward   (3)   a       = u where u > 0, else w u
    backward  (4)   delta_u = delta where u > 0, else w delta
              (28)  dL/dw   = sum of delta * u where u <= 0                  w multiplied u there, and nothing elsewhere
    """

    analytic = True
    recordable = True

    def __init__(self, num_parameters=1, init=0.25, dtype=np.float32):
        self.num_parameters = whole("num_parameters", num_parameters, 1)
        self.weight = Parameter(np.full(num_parameters, number("init", init), dtype))

    def forward(self, u):
        self.cache = u
        return F.prelu(u, self.weight)  # (3) where(u > 0, u, w * u)

    def backward(self, delta):
        u = self.cache
        self.weight.accumulate(F.prelu_weight_grad, delta, u, self.num_parameters)  # (28) (delta * u)[u <= 0].sum()
        return F.prelu_backward(delta, u, self.weight)  # (4) where(u > 0, delta, w * delta)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


class ELU(Elementwise):
    """u, or alpha (e^u - 1) where u <= 0: it levels off at -alpha, and has no corner at 0 where alpha is 1."""

    row, options = "elu", ("alpha",)

    def __init__(self, alpha=1.0):
        self.alpha = number("alpha", alpha)


class CELU(ELU):
    """u, or alpha (e^(u/alpha) - 1) where u <= 0: the slope at 0 is 1 for every alpha."""

    row = "celu"

    def __init__(self, alpha=1.0):
        if alpha == 0:
            raise OptionError("alpha must not be 0")
        super().__init__(alpha)


class SELU(Elementwise):
    """ELU times a number, both chosen so that layer after layer keeps mean 0 and variance 1."""

    row = "selu"


class GELU(Elementwise):
    """u times the share of a normal distribution that is below u; approximate='tanh' comes close without erf."""

    def __init__(self, approximate="none"):
        if approximate not in ("none", "tanh"):
            raise OptionError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    recordable = True

    @property
    def row(self):
        return "gelu" if self.approximate == "none" else "gelu_tanh"

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class SiLU(Elementwise):
    """u sigmoid(u), also called swish."""

    row = "silu"


class Mish(Elementwise):
    """u tanh(softplus(u))."""

    row = "mish"


class Softplus(Elementwise):
    """log(1 + e^(beta u)) / beta, a ReLU without a corner; u itself where beta u > threshold."""

    row, options = "softplus", ("beta", "threshold")

    def __init__(self, beta=1.0, threshold=20.0):
        self.beta, self.threshold = above_zero("beta", beta), number("threshold", threshold)


class Softsign(Elementwise):
    """u / (1 + |u|), from -1 to 1."""

    row = "softsign"


class Tanhshrink(Elementwise):
    """u - tanh u."""

    row = "tanhshrink"


class Hardshrink(Elementwise):
    """u, or 0 where |u| <= lambd."""

    row, options = "hardshrink", ("lambd",)

    def __init__(self, lambd=0.5):
        self.lambd = number("lambd", lambd, 0)


class Softshrink(Hardshrink):
    """u moved towards 0 by lambd, and 0 where |u| <= lambd."""

    row = "softshrink"


class Hardtanh(Elementwise):
    """u, clipped to [min_val, max_val]."""

    row, options = "hardtanh", ("min_val", "max_val")

    def __init__(self, min_val=-1.0, max_val=1.0):
        if not number("min_val", min_val) < number("max_val", max_val):
            raise OptionError(f"min_val must be below max_val, got {min_val} and {max_val}")
        self.min_val, self.max_val = min_val, max_val


class ReLU6(Hardtanh):
    """u, clipped to [0, 6]."""

    def __init__(self):
        super().__init__(0.0, 6.0)


class Hardsigmoid(Elementwise):
    """(u + 3) / 6, clipped to [0, 1]: a sigmoid of straight lines."""

    row = "hardsigmoid"


class Hardswish(Elementwise):
    """u hardsigmoid(u)."""

    row = "hardswish"


class LogSigmoid(Elementwise):
    """log sigmoid(u), exact where the sigmoid itself would be 0."""

    row = "logsigmoid"
