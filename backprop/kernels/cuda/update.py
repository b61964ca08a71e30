"""Optimizer steps: they change theta and their own state in place, for all `parameters` of a group in one launch.

`parameters` are `all_parameters(thetas, gradients, ...)`, lists of flat arrays in the order that each kernel names. A
state array that the options leave unused may be theta itself: a kernel always needs an array. A block of threads
owns a block of a parameter. Numbers that may change from step to step are read from memory, so that a recorded step can
be replayed with new ones.
"""

import math

from numba import cuda

from backprop.kernels.cuda.all_parameters import array_at
from backprop.kernels.cuda.kernel import THREADS, kernel, real, u32


def run(by, parameters, numbers, switches):
    """Launch an optimizer's kernel for all blocks of all parameters."""
    row = parameters.put(numbers)
    if parameters.blocks:
        by(parameters.blocks, by.team(THREADS), row, parameters.rows, parameters.table, *switches)


def sgd(parameters, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself: (theta, g, v)

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used.
    """
    run(by_sgd, parameters, *of_sgd(lr, momentum, dampening, weight_decay, nesterov, first))


def of_sgd(lr, momentum, dampening, weight_decay, nesterov, first):
    """(the numbers that its kernel reads, its switches)"""
    return (lr, momentum, 1 - dampening, weight_decay), (momentum != 0, nesterov, first)


@kernel
def by_sgd(numbers, rows, table, with_momentum, nesterov, first):
    lr, momentum, fresh, decay = numbers[0], numbers[1], numbers[2], numbers[3]
    r = 3 * u32(cuda.blockIdx.x)
    at = 3 * rows[r]
    theta, g, v = array_at(table, at), array_at(table, at + 1), array_at(table, at + 2)
    i = rows[r + 1] + u32(cuda.threadIdx.x)
    while i < rows[r + 2]:
        step = g[i] + decay * theta[i]
        if with_momentum:
            speed = step if first else momentum * v[i] + fresh * step
            v[i] = speed
            step = step + momentum * speed if nesterov else speed
        theta[i] = theta[i] - lr * step
        i = u32(i + u32(cuda.blockDim.x))


def rmsprop(parameters, lr, keep, fresh, eps, weight_decay, momentum, centered):
    """(41) square <- keep square + fresh g^2, then theta <- theta - lr g / (sqrt(square) + eps):
    (theta, g, square, mean, v)

    `centered` keeps the mean of g as well and divides by the standard deviation; with momentum the quotients
    accumulate in v. Weight decay adds weight_decay * theta to g.
    """
    run(by_rmsprop, parameters, *of_rmsprop(lr, keep, fresh, eps, weight_decay, momentum, centered))


def of_rmsprop(lr, keep, fresh, eps, weight_decay, momentum, centered):
    """(the numbers that its kernel reads, its switches)"""
    return (lr, keep, fresh, eps, weight_decay, momentum), (momentum != 0, centered)


@kernel
def by_rmsprop(numbers, rows, table, with_momentum, centered):
    lr, keep, fresh, eps, decay, momentum = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
    r = 3 * u32(cuda.blockIdx.x)
    at = 5 * rows[r]
    theta, g, square = array_at(table, at), array_at(table, at + 1), array_at(table, at + 2)
    mean, v = array_at(table, at + 3), array_at(table, at + 4)
    i = rows[r + 1] + u32(cuda.threadIdx.x)
    while i < rows[r + 2]:
        grad = g[i] + decay * theta[i]
        spread = keep * square[i] + (fresh * grad) * grad
        square[i] = spread
        if centered:
            middle = keep * mean[i] + fresh * grad
            mean[i] = middle
            spread = max(spread - middle * middle, real(0))  # which rounding may make negative
        step = grad / (math.sqrt(spread) + eps)
        if with_momentum:
            step = momentum * v[i] + step
            v[i] = step
        theta[i] = theta[i] - lr * step
        i = u32(i + u32(cuda.blockDim.x))


def adam(parameters, along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink, amsgrad):
    """(42) m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2, then
    theta <- shrink theta - (along_m m + along_g g) / (sqrt(s) / root + eps): (theta, g, m, s, most)

    Weight decay adds weight_decay * theta to g; `shrink` is 1 or, where theta itself decays, (43), 1 - lr * that.
    `amsgrad` divides by the largest s so far, which `most` keeps.
    """
    run(by_adam, parameters, *of_adam(along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink, amsgrad))


def of_adam(along_m, along_g, root, beta1, beta2, eps, weight_decay, shrink, amsgrad):
    """(the numbers that its kernel reads, its switches)"""
    return (along_m, along_g, root, beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay, shrink), (amsgrad,)


@kernel
def by_adam(numbers, rows, table, amsgrad):
    along_m, along_g, root, keep1, fresh1 = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    keep2, fresh2, eps, decay, shrink = numbers[5], numbers[6], numbers[7], numbers[8], numbers[9]
    r = 3 * u32(cuda.blockIdx.x)
    at = 5 * rows[r]
    theta, g, m = array_at(table, at), array_at(table, at + 1), array_at(table, at + 2)
    s, most = array_at(table, at + 3), array_at(table, at + 4)
    i = rows[r + 1] + u32(cuda.threadIdx.x)
    while i < rows[r + 2]:
        grad = g[i] + decay * theta[i]
        middle, spread = keep1 * m[i] + fresh1 * grad, keep2 * s[i] + (fresh2 * grad) * grad
        m[i], s[i] = middle, spread
        if amsgrad:
            spread = max(most[i], spread)
            most[i] = spread
        theta[i] = shrink * theta[i] - (along_m * middle + along_g * grad) / (math.sqrt(spread) / root + eps)
        i = u32(i + u32(cuda.blockDim.x))


NUMBERS_OF = {"sgd": of_sgd, "rmsprop": of_rmsprop, "adam": of_adam}  # by the name of the optimizer's kernel
