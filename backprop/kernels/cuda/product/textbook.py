"""First rung: the definition. Thread i owns one result and fetches all that it needs from memory itself."""

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, real, u32


@kernel
def textbook_each(a, b, out, N, K, am, ak, bk, bn, size):
    i = u32(cuda.grid(1))
    if i < size:
        m, n, total = i // N, i % N, real(0)
        for k in range(K):
            total += a[m * am + u32(k) * ak] * b[u32(k) * bk + n * bn]
        out[i] = total


def textbook(a, a_strides, b, b_strides, out):
    """out (M, N) = A B; strides are (along m, along k) and (along k, along n)."""
    inner = a.size // out.shape[0] if out.shape[0] else 0
    textbook_each.each(out.size, a, b, out, out.shape[1], inner, *a_strides, *b_strides)
