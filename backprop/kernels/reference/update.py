"""Optimizer steps: they change theta and their own state in place, for all `parameters` of a group.

`parameters` are `all_parameters(thetas, gradients, ...)`, lists of flat arrays in the order that each kernel names. A
state array that the options leave unused may be theta itself: a kernel always needs an array.
"""

import numpy as np


def sgd(parameters, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself: (theta, g, v)

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used.
    """
    for theta, g, v in parameters:
        g = g + weight_decay * theta
        if momentum != 0:
            v[...] = g if first else momentum * v + (1 - dampening) * g
            g = g + momentum * v if nesterov else v
        theta -= lr * g


def rmsprop(parameters, lr, alpha, eps, weight_decay, momentum, centered):
    """(41) square <- alpha square + (1 - alpha) g^2, then theta <- theta - lr g / (sqrt(square) + eps):
    (theta, g, square, mean, v)

    `centered` keeps the mean of g as well and divides by the standard deviation; with momentum the quotients
    accumulate in v. Weight decay adds weight_decay * theta to g.
    """
    for theta, g, square, mean, v in parameters:
        g = g + weight_decay * theta
        square[...] = alpha * square + (1 - alpha) * g * g
        spread = square
        if centered:
            mean[...] = alpha * mean + (1 - alpha) * g
            spread = np.maximum(square - mean * mean, 0)  # a variance, which rounding may make negative
        step = g / (np.sqrt(spread) + eps)
        if momentum != 0:
            v[...] = momentum * v + step
            step = v
        theta -= lr * step


def adam(parameters, lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad, t):
    """(42) m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2; step t = 1, 2, ...:
    theta <- theta - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps): (theta, g, m, s, most)

    Weight decay adds weight_decay * theta to g, or, `decoupled` (43), shrinks theta itself by lr * weight_decay.
    `amsgrad` divides by the largest s so far, which `most` keeps.
    """
    for theta, g, m, s, most in parameters:
        if decoupled:
            theta *= 1 - lr * weight_decay
        else:
            g = g + weight_decay * theta
        m[...] = beta1 * m + (1 - beta1) * g
        s[...] = beta2 * s + (1 - beta2) * g * g
        if amsgrad:
            most[...] = np.maximum(most, s)
        largest = most if amsgrad else s
        theta -= lr / (1 - beta1**t) * m / (np.sqrt(largest) / (1 - beta2**t) ** 0.5 + eps)
