"""Which tile suits a product, and whether several blocks share its sums.

An H100 has 132 multiprocessors, and a product that does not keep all of them busy is slower: then tiles are smaller,
and the sums over k are divided. The choice depends on the sizes and the element type alone, not on the GPU, so that the
same product gives the same bits.
"""

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, real, u32
from backprop.kernels.cuda.machine import empty, machine
from backprop.kernels.cuda.product.registers import matrices

# (BM, BN, BK, TM, TN): results of a block, width of its panels, results of a thread. The simulator runs the last.
LARGE, MIDDLE, SMALL, SIMULATED = (128, 128, 8, 8, 8), (64, 64, 16, 4, 4), (32, 32, 32, 2, 2), (4, 32, 4, 4, 4)
BLOCKS = 132  # enough for one on each multiprocessor
LEAST = 32  # terms of a part, except the last one: fewer are not worth a block


def nt(p, q):
    """p q^T, as (A, B, sizes), A and B each (array, strides along (m, k) or (k, n), whether k is the inner axis)."""
    K = p.shape[1]
    return (p, (K, 1), True), (q, (1, K), True), (len(p), len(q), K)


def tn(p, q):
    """p^T q"""
    return (p, (1, p.shape[1]), False), (q, (q.shape[1], 1), False), (p.shape[1], q.shape[1], len(p))


def nn(p, q):
    """p q"""
    return (p, (p.shape[1], 1), True), (q, (q.shape[1], 1), False), (len(p), q.shape[1], p.shape[1])


def product(a, b, sizes, out, accumulate, mu=None, relu=False):
    """out (M, N) = A B (+ mu, and negative numbers 0; or added to what out holds), for operands from nt, tn, nn."""
    (a, a_strides, a_along_k), (b, b_strides, b_along_k) = a, b
    size = size_of(*sizes[:2], a.dtype.itemsize)
    run = matrices(size, a_along_k, b_along_k)
    by_tiles(run, size, a, b, sizes, out, accumulate, mu, relu, a_strides, b_strides)


def by_tiles(run, size, a, b, sizes, out, accumulate, mu, relu, a_shape, b_shape):
    """Run a kernel of tiles of this size, in as many parts of k as suit it."""
    M, N, K = sizes
    if not M or not N:
        return
    tiles = -(-N // size[1]) * -(-M // size[0])
    parts, length = parts_of(tiles, K, size[2])
    if parts == 1:
        last = mu is not None, relu, accumulate, a_shape, b_shape
        run(tiles, run.threads, a, b, out if mu is None else mu, out, M, N, K, length, *last)
        return
    partial = empty((parts, M, N), out.dtype)
    run((tiles, parts), run.threads, a, b, partial, partial, M, N, K, length, False, False, False, a_shape, b_shape)
    finish.each(M * N, partial, out if mu is None else mu, out, parts, N, mu is not None, relu, accumulate)


@kernel
def finish(partial, mu, out, parts, N, with_mu, relu, accumulate, size):
    """Completes sums: thread i adds up the parts of result i, from first to last, then bias and ReLU are applied."""
    i = u32(cuda.grid(1))
    if i < size:
        total = real(0)
        for z in range(parts):
            total += partial[u32(z) * size + i]
        if with_mu:
            total += mu[i % N]
        if relu and total <= real(0):
            total = real(0)
        out[i] = out[i] + total if accumulate else total


def size_of(M, N, itemsize):
    """The largest tile that gives enough blocks; for float64, whose numbers take two registers, never LARGE."""
    if machine().simulated:
        return SIMULATED
    for size in (LARGE, MIDDLE)[itemsize // 8 :]:
        if -(-M // size[0]) * -(-N // size[1]) >= BLOCKS:
            return size
    return SMALL


def parts_of(blocks, K, width):
    """(parts, terms of each) into which sums over K are divided if there are this many blocks."""
    parts = max(1, min(BLOCKS // blocks, K // LEAST))
    length = -(-K // parts)
    length = max(-(-length // width) * width, width)
    return max(1, -(-K // length)), length
