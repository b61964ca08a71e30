"""Third rung: a thread keeps TM x TN results in registers, and its block the panels that they need in shared memory.

A number loaded from memory is multiplied BM or BN times, one loaded from shared memory TM or TN times. There are
two pairs of panels, each BK wide: while one is multiplied, the next one is on its way into registers, and from there
into the other pair, which no thread reads any more; so one barrier per turn is enough. Block (tile, piece) owns BM x
BN results, tile after tile along the rows, or one piece of their sums over k.

A thread's rows come in groups of WM neighbours, which one instruction reads from shared memory where they begin at a
multiple of 16 bytes; the groups lie apart, so that neighbouring threads read neighbouring groups. Columns likewise.
An array that is indexed by constants alone once the loops are unrolled, such as `sums`, is kept in registers, though it
is declared as local memory; the tests check that.

The operands are read by two parts, `load_a` and `load_b`. Here they read matrices; those of a convolution read filters
and an image as if they were matrices, so that the second one is never stored.
"""

import functools

from numba import cuda

from backprop.kernels.cuda.kernel import Kernel, part, real, u32

# Shared memory has 32 banks, each of which serves one address at a time. A gap of this many numbers between two rows of
# a panel spreads a column of it over the banks: wholly for BK = 8, in part for more.
GAP = 4

# Names that each kernel binds to numbers of its own: see `tile`.
BM = BN = BK = TM = TN = WM = WN = THREADS = RESULTS = A_EACH = B_EACH = A_PANEL = B_PANEL = A_PANELS = B_PANELS = 1
A_ALONG_K = B_ALONG_K = True
MU_BY_ROW = False  # whether mu[m] is added to a result, or mu[n]


@part
def load_a(a, m, k, M, K, strides):
    """Entry (m, k) of the left operand; 0 outside."""
    return a[m * strides[0] + k * strides[1]] if m < M and k < K else real(0)


@part
def load_b(b, k, n, K, N, strides):
    """Entry (k, n) of the right operand; 0 outside."""
    return b[k * strides[0] + n * strides[1]] if k < K and n < N else real(0)


@part
def place(piece, m, n, M, N):
    """Where result (m, n), or a piece of it, lies in `out`."""
    return (piece * M + m) * N + n


def product_tile(a, b, mu, out, M, N, K, length, with_mu, relu, accumulate, a_strides, b_strides):
    panels_a = cuda.shared.array(A_PANELS, real, alignment=16)
    panels_b = cuda.shared.array(B_PANELS, real, alignment=16)
    sums = cuda.local.array(RESULTS, real)
    column, row = cuda.local.array(TM, real), cuda.local.array(TN, real)
    next_a, next_b = cuda.local.array(A_EACH, real), cuda.local.array(B_EACH, real)
    t = u32(cuda.threadIdx.x)
    x, y = t % u32(BN // TN), t // u32(BN // TN)
    across, piece = u32((N + u32(BN - 1)) // u32(BN)), u32(cuda.blockIdx.y)  # tiles in a row; a piece of the sums
    m0, n0 = u32(cuda.blockIdx.x) // across * u32(BM), u32(cuda.blockIdx.x) % across * u32(BN)
    first = u32(piece * length)
    stop = min(u32(first + length), K)
    for e in range(RESULTS):
        sums[u32(e)] = real(0)

    for e in range(A_EACH):
        m, k = in_panel(t, e, BM, A_ALONG_K)
        panels_a[k * u32(BM + GAP) + m] = load_a(a, u32(m0 + m), u32(first + k), M, stop, a_strides)
    for e in range(B_EACH):
        n, k = in_panel(t, e, BN, B_ALONG_K)
        panels_b[k * u32(BN + GAP) + n] = load_b(b, u32(first + k), u32(n0 + n), stop, N, b_strides)
    cuda.syncthreads()
    here, more = u32(0), True
    while more:
        first = u32(first + u32(BK))
        more = first < stop
        if more:  # what the next turn multiplies is loaded now
            for e in range(A_EACH):
                m, k = in_panel(t, e, BM, A_ALONG_K)
                next_a[u32(e)] = load_a(a, u32(m0 + m), u32(first + k), M, stop, a_strides)
            for e in range(B_EACH):
                n, k = in_panel(t, e, BN, B_ALONG_K)
                next_b[u32(e)] = load_b(b, u32(first + k), u32(n0 + n), stop, N, b_strides)
        from_a, from_b = u32(here * u32(A_PANEL) + y * u32(WM)), u32(here * u32(B_PANEL) + x * u32(WN))
        for k in range(BK):
            for i in range(TM):
                column[u32(i)] = panels_a[from_a + u32(k * (BM + GAP) + i // WM * (BM * WM // TM) + i % WM)]
            for j in range(TN):
                row[u32(j)] = panels_b[from_b + u32(k * (BN + GAP) + j // WN * (BN * WN // TN) + j % WN)]
            for i in range(TM):
                for j in range(TN):
                    sums[u32(i * TN + j)] += column[u32(i)] * row[u32(j)]
        if more:
            here = u32(1) - here  # the other pair of panels: no thread reads it any more
            for e in range(A_EACH):
                m, k = in_panel(t, e, BM, A_ALONG_K)
                panels_a[here * u32(A_PANEL) + k * u32(BM + GAP) + m] = next_a[u32(e)]
            for e in range(B_EACH):
                n, k = in_panel(t, e, BN, B_ALONG_K)
                panels_b[here * u32(B_PANEL) + k * u32(BN + GAP) + n] = next_b[u32(e)]
            cuda.syncthreads()

    for i in range(TM):
        for j in range(TN):
            m = u32(m0 + y * u32(WM) + u32(i // WM * (BM * WM // TM) + i % WM))
            n = u32(n0 + x * u32(WN) + u32(j // WN * (BN * WN // TN) + j % WN))
            if m < M and n < N:
                total = sums[u32(i * TN + j)]
                if with_mu:
                    total += mu[m if MU_BY_ROW else n]
                if relu and total <= real(0):
                    total = real(0)
                at = place(piece, m, n, M, N)
                out[at] = out[at] + total if accumulate else total


@part
def in_panel(t, e, side, along_k):
    """(row or column, k) of the e-th number that thread t fetches: adjacent threads fetch neighbours."""
    number = t + u32(e * THREADS)
    if along_k:
        return number // u32(BK), number % u32(BK)
    return number % u32(side), number // u32(side)


def tile(bm, bn, bk, tm, tn, a_along_k, b_along_k, blocks=None, **names):
    """The kernel for tiles of this size. `names` may hold other parts: load_a, load_b, place."""
    threads = (bm // tm) * (bn // tn)
    names = {
        "BM": bm, "BN": bn, "BK": bk, "TM": tm, "TN": tn, "WM": min(tm, 4), "WN": min(tn, 4),
        "THREADS": threads, "RESULTS": tm * tn, "A_EACH": bm * bk // threads, "B_EACH": bn * bk // threads,
        "A_PANEL": bk * (bm + GAP), "B_PANEL": bk * (bn + GAP),
        "A_PANELS": 2 * bk * (bm + GAP), "B_PANELS": 2 * bk * (bn + GAP),
        "A_ALONG_K": a_along_k, "B_ALONG_K": b_along_k, "MU_BY_ROW": False,
        **names,
    }  # fmt: skip
    return Kernel(product_tile, threads=threads, blocks=blocks, **names)


@functools.cache
def matrices(size, a_along_k, b_along_k):
    """The kernel for two matrices, by the size of its tile and by how they lie in memory. There is room for two blocks
    on a multiprocessor: one multiplies while the other waits at its barrier.
    """
    return tile(*size, a_along_k, b_along_k, blocks=2)
