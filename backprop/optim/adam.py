"""Adam gives each entry its own step: about lr in size, in the direction that its gradients agree on."""

import math

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

    def check_options(self, lr, betas, eps, weight_decay, amsgrad=False):
        expect_range(0, lr=lr, eps=eps, weight_decay=weight_decay)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise OptionError(f"betas must be two numbers, got {betas}")
        expect_range(0, 1, beta1=betas[0], beta2=betas[1])

    def advance(self, state):
        state["step"] = state.get("step", 0) + 1

    def arrays(self, parameter, state, amsgrad=False, **_):
        m, s = self.buffer(parameter, state, "mean"), self.buffer(parameter, state, "square")
        most = self.buffer(parameter, state, "most") if amsgrad else parameter.data  # a placeholder
        return parameter.data, parameter.grad, m, s, most

    def numbers(self, state, lr, betas, eps, weight_decay, amsgrad=False, **more):
        along_m, along_g = self.steps(state["step"], lr, betas[0], **more)
        root = math.sqrt(1 - betas[1] ** state["step"])
        shrink, decay = (1 - lr * weight_decay, 0.0) if self.decoupled else (1.0, weight_decay)
        return *map(float, (along_m, along_g, root, *betas, eps, decay, shrink)), bool(amsgrad)

    def steps(self, t, lr, beta1):
        """How far the step t goes along m, and along the new gradient."""
        return lr / (1 - beta1**t), 0.0


class AdamW(Adam):
    """Adam whose weight decay does not pass through the moments (Loshchilov and Hutter, 2019).

        (43)   theta <- theta - eta weight_decay theta           all entries decay alike, whatever their gradients

    and then (42a) to (42c), with the plain gradient.
    """

    # (43) theta = theta - eta * weight_decay * theta
    decoupled = True

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False):
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad)


class NAdam(Adam):
    """Adam with Nesterov's look ahead: a part of the step goes along the newest gradient (Dozat, 2016).

        theta <- theta - eta (mu_{t+1} m / (1 - M_{t+1}) + (1 - mu_t) g / (1 - M_t)) / (sqrt(shat) + eps)

    after (42a) and (42b), with mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2) and M_t = mu_1 mu_2 ... mu_t.
    """

    def __init__(
        self,
        parameters,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        momentum_decay=4e-3,
        decoupled_weight_decay=False,
    ):
        options = {"eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        self.decoupled, self._product = decoupled_weight_decay, None
        Optimizer.__init__(self, parameters, lr=lr, betas=betas, **options)

    def check_options(self, momentum_decay, **options):
        super().check_options(**options)
        expect_range(0, momentum_decay=momentum_decay)

    def steps(self, t, lr, beta1, momentum_decay):
        def mu(t):
            return beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

        known = self._product  # (options, t, M_t) of the last step: each is one factor more
        done, product = known[1:] if known and known[0] == (beta1, momentum_decay) and known[1] <= t else (0, 1.0)
        for step in range(done + 1, t + 1):
            product *= mu(step)
        self._product = (beta1, momentum_decay), t, product
        return lr * mu(t + 1) / (1 - product * mu(t + 1)), lr * (1 - mu(t)) / (1 - product)
