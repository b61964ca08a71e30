"""Optimizer steps: they change theta and their own state in place. All arrays are flat and of one length."""

from numba import prange

from backprop.kernels.cpu.jit import BLOCK, blocks, kernel


@kernel()
def sgd(theta, g, v, lr, momentum, dampening, weight_decay, nesterov, first):
    """(15) v <- momentum v + (1 - dampening) g, then theta <- theta - lr v; the first v is g itself.

    Weight decay adds weight_decay * theta to g. Nesterov looks ahead: it steps along g + momentum v.
    Without momentum v is not used, and may be theta. Each iteration owns one block.
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
