"""Optimizer steps: they change theta and their own state in place. All arrays are flat and of one length."""


def sgd(theta, g, v, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself.

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used, and may be theta.
    """
    g = g + weight_decay * theta
    if momentum != 0:
        v[...] = g if first else momentum * v + (1 - dampening) * g
        g = g + momentum * v if nesterov else v
    theta -= lr * g
