"""Optimizer steps: they change theta and their own state in place. All arrays are flat and of one length.

A state array that the options leave unused may be theta itself: a kernel takes an array everywhere. Each iteration owns
one block.
"""

import math

from numba import prange

from backprop.kernels.cpu.jit import BLOCK, blocks, kernel


@kernel
def sgd(theta, g, v, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself.

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used.
    """
    real = theta.dtype.type
    lr, momentum, fresh, decay = real(lr), real(momentum), real(1 - dampening), real(weight_decay)
    for block in prange(blocks(theta.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, theta.size)):
            step = g[i] + decay * theta[i]
            if momentum != 0:
                v[i] = step if first else momentum * v[i] + fresh * step
                step = step + momentum * v[i] if nesterov else v[i]
            theta[i] -= lr * step


@kernel
def rmsprop(theta, g, square, mean, v, lr, alpha, eps, weight_decay, momentum, centered):
    """(41) square <- alpha square + (1 - alpha) g^2, then theta <- theta - lr g / (sqrt(square) + eps).

    `centered` keeps the mean of g as well and divides by the standard deviation; with momentum the quotients gather
    in v. Weight decay adds weight_decay * theta to g.
    """
    real = theta.dtype.type
    lr, keep, fresh, eps = real(lr), real(alpha), real(1 - alpha), real(eps)
    decay, momentum = real(weight_decay), real(momentum)
    for block in prange(blocks(theta.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, theta.size)):
            grad = g[i] + decay * theta[i]
            square[i] = keep * square[i] + fresh * grad * grad
            spread = square[i]
            if centered:
                mean[i] = keep * mean[i] + fresh * grad
                spread = max(square[i] - mean[i] * mean[i], real(0))  # which rounding may bring below 0
            step = grad / (math.sqrt(spread) + eps)
            if momentum != 0:
                v[i] = momentum * v[i] + step
                step = v[i]
            theta[i] -= lr * step


@kernel
def adam(theta, g, m, v, most, lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad, t):
    """(42) m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2; step t = 1, 2, ...:
    theta <- theta - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    Weight decay adds weight_decay * theta to g, or, `decoupled` (43), shrinks theta itself by lr * weight_decay.
    `amsgrad` divides by the largest v so far, which `most` keeps.
    """
    real = theta.dtype.type
    shrink, decay = real(1 - lr * weight_decay if decoupled else 1.0), real(0.0 if decoupled else weight_decay)
    rate, root = real(lr / (1 - beta1**t)), real(math.sqrt(1 - beta2**t))
    keep1, fresh1, keep2, fresh2, eps = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2), real(eps)
    for block in prange(blocks(theta.size)):
        for i in range(block * BLOCK, min((block + 1) * BLOCK, theta.size)):
            grad = g[i] + decay * theta[i]
            m[i] = keep1 * m[i] + fresh1 * grad
            v[i] = keep2 * v[i] + fresh2 * grad * grad
            spread = v[i]
            if amsgrad:
                most[i] = max(most[i], v[i])
                spread = most[i]
            theta[i] = shrink * theta[i] - rate * m[i] / (math.sqrt(spread) / root + eps)
