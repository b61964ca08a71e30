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
            v[...] = g if first else momentum * v + (1 - dampening) * g  # (15)
            g = g + momentum * v if nesterov else v
        theta -= lr * g  # (15)


def rmsprop(parameters, lr, keep, fresh, eps, weight_decay, momentum, centered):
    """(41) square <- keep square + fresh g^2, then theta <- theta - lr g / (sqrt(square) + eps):
    (theta, g, square, mean, v)

    `centered` keeps the mean of g as well and divides by the standard deviation; with momentum the quotients
    accumulate in v. Weight decay adds weight_decay * theta to g.
    """
    for theta, g, square, mean, v in parameters:
        g = g + weight_decay * theta
        square[...] = keep * square + fresh * g * g  # (41)
        spread = square
        if centered:
            mean[...] = keep * mean + fresh * g
            spread = np.maximum(square - mean * mean, 0)  # a variance, which rounding may make negative
        step = g / (np.sqrt(spread) + eps)
        if momentum != 0:
            v[...] = momentum * v + step
            step = v
        theta -= lr * step  # (41)


def adam(parameters, along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink, amsgrad):
    """(42) m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2, then
    theta <- shrink theta - (along_m m + along_g g) / (sqrt(s) / root + eps): (theta, g, m, s, most)

    Weight decay adds weight_decay * theta to g; `shrink` is 1 or, where theta itself decays, (43), 1 - lr * that.
    `amsgrad` divides by the largest s so far, which `most` keeps.
    """
    for theta, g, m, s, most in parameters:
        g = g + weight_decay * theta
        m[...] = beta1 * m + (1 - beta1) * g  # (42)
        s[...] = beta2 * s + (1 - beta2) * g * g  # (42)
        if amsgrad:
            most[...] = np.maximum(most, s)
        largest = most if amsgrad else s
        theta *= shrink  # (43)
        theta -= (along_m * m + along_g * g) / (np.sqrt(largest) / root + eps)  # (42)
