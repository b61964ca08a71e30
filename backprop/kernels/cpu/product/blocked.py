"""Second rung: the loops reordered and cut into blocks, to suit memory."""

from backprop.kernels.cpu.jit import single

COLUMNS, DEPTH = 512, 64  # a block of q: 128 KB of float32, which stay in a core's L2 cache for all rows of p


@single
def product(p, q, out):
    """out[m,n] = sum_k p[m,k] q[k,n], k outside n: a row of out accumulates multiples of rows of q.

    The inner loop runs along rows, and no step of it waits for another, so the compiler computes several at once. But
    each multiplication loads and stores a number of out.
    """
    out[:, :] = 0
    for first in range(0, out.shape[1], COLUMNS):
        last = min(first + COLUMNS, out.shape[1])
        for top in range(0, p.shape[1], DEPTH):
            for m in range(out.shape[0]):
                for k in range(top, min(top + DEPTH, p.shape[1])):
                    factor, row, sums = p[m, k], q[k, first:last], out[m, first:last]
                    for n in range(sums.size):
                        sums[n] += factor * row[n]
