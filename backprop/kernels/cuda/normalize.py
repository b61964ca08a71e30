"""Normalising, gamma and beta, and their adjoints.                                                 (29) (30) (32)

u is (B, C, D), and all entries of one channel c belong together. The same memory, seen as (B', G, E), is what gamma and
beta (G,) belong to: index g has one of each.
"""

from numba import cuda

from backprop.kernels.cuda.block import block_sum
from backprop.kernels.cuda.kernel import kernel, part, real, u32
from backprop.kernels.cuda.machine import empty
from backprop.kernels.cuda.sums import channel_sums


@part
def normalized(u, mean, spread, i, C, D):
    """xhat of entry i"""
    c = i // D % C
    return (u[i] - mean[c]) / spread[c]


@kernel
def normalize_each(u, mean, spread, gamma, beta, out, C, D, G, E, size):
    i = u32(cuda.grid(1))
    if i < size:
        g = i // E % G
        out[i] = gamma[g] * normalized(u, mean, spread, i, C, D) + beta[g]


def normalize(u, mean, spread, gamma, beta, out):
    """out = gamma[g] (u - mean[c]) / spread[c] + beta[g]                          (29a) (32a), then (30a)"""
    normalize_each.each(u.size, u, mean, spread, gamma, beta, out, *u.shape[1:], *out.shape[1:])


@kernel
def normalize_backward_block(delta, u, mean, spread, gamma, centred, out, count, B, C, D, G, E):
    c, t = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    total, along = real(0), real(0)
    i = t
    while i < B * D:
        place = u32((i // D * C + c) * D + i % D)
        g = gamma[place // E % G] * delta[place]
        total += g
        along += g * normalized(u, mean, spread, place, C, D)
        i = u32(i + u32(cuda.blockDim.x))
    shift = block_sum(total) / count if centred else real(0)
    along = block_sum(along) / count
    i = t
    while i < B * D:
        place = u32((i // D * C + c) * D + i % D)
        g = gamma[place // E % G] * delta[place]
        out[place] = (g - shift - normalized(u, mean, spread, place, C, D) * along) / spread[c]
        i = u32(i + u32(cuda.blockDim.x))


def normalize_backward(delta, u, mean, spread, gamma, centred, out):
    """out = (g - mean(g) - xhat mean(g xhat)) / spread, where g = gamma delta; delta (B', G, E), the others (B, C, D)

    (30d), then (29b), since moving one entry moves the mean and the variance of all; (32b): not `centred`, without
    mean(g).
    """
    B, C, D = u.shape
    if C:
        threads = normalize_backward_block.team(B * D)
        args = delta, u, mean, spread, gamma, centred, out, float(B * D)
        normalize_backward_block(C, threads, *args, B, C, D, *delta.shape[1:])


@kernel
def xhat_each(u, mean, spread, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = normalized(u, mean, spread, i, C, D)


products = channel_sums(lambda delta, xhat: delta * xhat)


def dot_normalized(delta, u, mean, spread, out, accumulate):
    """out[g] = the sum of delta xhat over all entries of g; delta (B', G, E), u (B, C, D)                  (30c)"""
    xhat = empty(delta.shape, delta.dtype)
    xhat_each.each(u.size, u, mean, spread, xhat, *u.shape[1:])
    products(delta, xhat, out, accumulate)
