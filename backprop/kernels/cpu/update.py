"""Optimizer steps: they change theta and their own state in place. All arrays are flat and of one length."""

from numba import prange

from backprop.kernels.cpu.jit import BLOCK, kernel


@kernel()
def sgd(theta, g, v, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) theta <- theta - lr v, v <- momentum v + (1 - dampening) g; the first v is g. Iteration k owns block k."""
    real = theta.dtype.type
    lr, momentum, fresh, decay = real(lr), real(momentum), real(1 - dampening), real(weight_decay)
    for k in prange((theta.size + BLOCK - 1) // BLOCK):
        for i in range(k * BLOCK, min((k + 1) * BLOCK, theta.size)):
            step = g[i] + decay * theta[i]
            if momentum != 0:
                v[i] = step if first else momentum * v[i] + fresh * step
                step = step + momentum * v[i] if nesterov else v[i]
            theta[i] -= lr * step
