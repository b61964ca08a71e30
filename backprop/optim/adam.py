"""Adam gives each entry its own step: about lr in size, in the direction that its gradients agree on."""

from backprop.errors import OptionError
from backprop.optim.base import Optimizer, expect_range


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba, 2015).

        (42a)  m     <- beta1 m + (1 - beta1) g                  a running mean of g
        (42b)  s     <- beta2 s + (1 - beta2) g^2                a running mean of g^2, the paper's v
        (42c)  theta <- theta - eta mhat / (sqrt(shat) + eps)    mhat = m / (1 - beta1^t), shat = s / (1 - beta2^t)

    m and s start at 0, and the divisions correct for that; t counts the steps from 1. eta is `lr`, (beta1, beta2) are
    `betas`. g is the gradient plus weight_decay * theta. `amsgrad` divides by the largest s so far.
    """

    # (42a) m = beta1 * m + (1 - beta1) * g
    # (42b) s = beta2 * s + (1 - beta2) * g**2
    # (42c) theta = theta - eta * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + eps)
    kernel = "adam"
    squares = ("square", "most")
    decoupled = False  # whether weight decay acts on theta itself

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False):
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def check_options(self, lr, betas, eps, weight_decay, amsgrad):
        expect_range(0, lr=lr, eps=eps, weight_decay=weight_decay)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise OptionError(f"betas must be two numbers, got {betas}")
        expect_range(0, 1, beta1=betas[0], beta2=betas[1])

    def advance(self, state):
        state["step"] = state.get("step", 0) + 1

    def arrays(self, parameter, state, amsgrad, **_):
        m, s = self.buffer(parameter, state, "mean"), self.buffer(parameter, state, "square")
        most = self.buffer(parameter, state, "most") if amsgrad else parameter.data  # a placeholder
        return parameter.data, parameter.grad, m, s, most

    def numbers(self, state, lr, betas, eps, weight_decay, amsgrad):
        return *map(float, (lr, *betas, eps, weight_decay)), self.decoupled, bool(amsgrad), state["step"]


class AdamW(Adam):
    """Adam whose weight decay does not pass through the moments (Loshchilov and Hutter, 2019).

        (43)   theta <- theta - eta weight_decay theta           all entries decay alike, whatever their gradients

    and then (42a) to (42c), with the plain gradient.
    """

    # (43) theta = theta - eta * weight_decay * theta
    decoupled = True

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False):
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad)
