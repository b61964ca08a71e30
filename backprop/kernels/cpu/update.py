"""Optimizer steps: they change theta and their own state in place, for all `parameters` of a group in one loop.

`parameters` are `all_parameters(thetas, gradients, ...)`, lists of flat arrays in the order that each kernel names. A
state array that the options leave unused may be theta itself: a kernel always needs an array. An item is
one block of a parameter.
"""

import math

from backprop.kernels.cpu.all_parameters import arrays_of
from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import share


def sgd(parameters, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself: (theta, g, v)

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used.
    """
    by_sgd(parameters.rows, parameters.like, lr, momentum, dampening, weight_decay, nesterov, first)


@kernel(work=512)
def by_sgd(rows, like, lr, momentum, dampening, weight_decay, nesterov, first, part, parts):
    real = like.dtype.type
    lr, momentum, fresh, decay = real(lr), real(momentum), real(1 - dampening), real(weight_decay)
    for r in share(rows.shape[0], part, parts):
        theta, g, v = arrays_of(rows, r, like, 3)
        if momentum == 0:
            for i in range(theta.size):
                theta[i] -= lr * (g[i] + decay * theta[i])
        elif first:
            for i in range(theta.size):
                v[i] = g[i] + decay * theta[i]
                theta[i] -= lr * (v[i] + momentum * v[i] if nesterov else v[i])
        else:
            for i in range(theta.size):
                step = g[i] + decay * theta[i]
                v[i] = momentum * v[i] + fresh * step
                theta[i] -= lr * (step + momentum * v[i] if nesterov else v[i])


def rmsprop(parameters, lr, keep, fresh, eps, weight_decay, momentum, centered):
    """(41) square <- keep square + fresh g^2, then theta <- theta - lr g / (sqrt(square) + eps):
    (theta, g, square, mean, v)

    `centered` keeps the mean of g as well and divides by the standard deviation; with momentum the quotients
    accumulate in v. Weight decay adds weight_decay * theta to g.
    """
    by_rmsprop(parameters.rows, parameters.like, lr, keep, fresh, eps, weight_decay, momentum, centered)


@exact_kernel(work=512)  # (fresh grad) grad: fresh (grad grad) would overflow where grad is above 1.8e19
def by_rmsprop(rows, like, lr, keep, fresh, eps, weight_decay, momentum, centered, part, parts):
    real = like.dtype.type
    lr, keep, fresh, eps = real(lr), real(keep), real(fresh), real(eps)
    decay, momentum = real(weight_decay), real(momentum)
    for r in share(rows.shape[0], part, parts):
        theta, g, square, mean, v = arrays_of(rows, r, like, 5)
        for i in range(theta.size):
            grad = g[i] + decay * theta[i]
            square[i] = keep * square[i] + (fresh * grad) * grad
            spread = square[i]
            if centered:
                mean[i] = keep * mean[i] + fresh * grad
                spread = max(square[i] - mean[i] * mean[i], real(0))  # which rounding may make negative
            step = grad / (math.sqrt(spread) + eps)
            if momentum != 0:
                v[i] = momentum * v[i] + step
                step = v[i]
            theta[i] -= lr * step


def adam(parameters, along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink, amsgrad):
    """(42) m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2, then
    theta <- shrink theta - (along_m m + along_g g) / (sqrt(s) / root + eps): (theta, g, m, s, most)

    Weight decay adds weight_decay * theta to g; `shrink` is 1 or, where theta itself decays, (43), 1 - lr * that.
    `amsgrad` divides by the largest s so far, which `most` keeps.
    """
    numbers = along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink
    by_adam(parameters.rows, parameters.like, *numbers, amsgrad)


@exact_kernel(work=512)  # as above
def by_adam(rows, like, along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink, amsgrad, part, parts):
    real = like.dtype.type
    along_m, along_g, root, decay, shrink = real(along_m), real(along_g), real(root), real(weight_decay), real(shrink)
    keep1, fresh1, keep2, fresh2, eps = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2), real(eps)
    for r in share(rows.shape[0], part, parts):
        theta, g, m, s, most = arrays_of(rows, r, like, 5)
        for i in range(theta.size):
            grad = g[i] + decay * theta[i]
            m[i] = keep1 * m[i] + fresh1 * grad
            s[i] = keep2 * s[i] + (fresh2 * grad) * grad
            spread = s[i]
            if amsgrad:
                most[i] = max(most[i], s[i])
                spread = most[i]
            theta[i] = shrink * theta[i] - (along_m * m[i] + along_g * grad) / (math.sqrt(spread) / root + eps)
