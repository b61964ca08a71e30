"""Optimizer steps: they change theta and their own state in place. All arrays are flat and of one length.

A state array that the options leave unused may be theta itself: a kernel takes an array everywhere. Each iteration owns
one block.
"""

import math

from numba import prange

from backprop.kernels.cpu.jit import blocks, kernel, part


@kernel
def sgd(theta, g, v, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself.

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used.
    """
    real = theta.dtype.type
    lr, momentum, fresh, decay = real(lr), real(momentum), real(1 - dampening), real(weight_decay)
    for block in prange(blocks(theta.size)):
        theta_, g_, v_ = part(theta, block), part(g, block), part(v, block)
        if momentum == 0:
            for i in range(theta_.size):
                theta_[i] -= lr * (g_[i] + decay * theta_[i])
        elif first:
            for i in range(theta_.size):
                v_[i] = g_[i] + decay * theta_[i]
                theta_[i] -= lr * (v_[i] + momentum * v_[i] if nesterov else v_[i])
        else:
            for i in range(theta_.size):
                step = g_[i] + decay * theta_[i]
                v_[i] = momentum * v_[i] + fresh * step
                theta_[i] -= lr * (step + momentum * v_[i] if nesterov else v_[i])


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
        g_, theta_, square_, mean_, v_ = (
            part(g, block),
            part(theta, block),
            part(square, block),
            part(mean, block),
            part(v, block),
        )
        for i in range(theta_.size):
            grad = g_[i] + decay * theta_[i]
            square_[i] = keep * square_[i] + fresh * grad * grad
            spread = square_[i]
            if centered:
                mean_[i] = keep * mean_[i] + fresh * grad
                spread = max(square_[i] - mean_[i] * mean_[i], real(0))  # which rounding may bring below 0
            step = grad / (math.sqrt(spread) + eps)
            if momentum != 0:
                v_[i] = momentum * v_[i] + step
                step = v_[i]
            theta_[i] -= lr * step


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
        g_, theta_, m_, v_, most_ = (
            part(g, block),
            part(theta, block),
            part(m, block),
            part(v, block),
            part(most, block),
        )
        for i in range(theta_.size):
            grad = g_[i] + decay * theta_[i]
            m_[i] = keep1 * m_[i] + fresh1 * grad
            v_[i] = keep2 * v_[i] + fresh2 * grad * grad
            spread = v_[i]
            if amsgrad:
                most_[i] = max(most_[i], v_[i])
                spread = most_[i]
            theta_[i] = shrink * theta_[i] - rate * m_[i] / (math.sqrt(spread) / root + eps)
