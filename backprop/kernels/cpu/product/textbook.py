"""First rung: the definition."""

from backprop.kernels.cpu.jit import single


@single
def product(p, q, out):
    """out[m,n] = sum_k p[m,k] q[k,n]

    Each step of the inner loop waits for the sum of the step before, and runs down a column of q: a new cache line for
    every number.
    """
    for m in range(out.shape[0]):
        for n in range(out.shape[1]):
            dot = out.dtype.type(0)
            for k in range(p.shape[1]):
                dot += p[m, k] * q[k, n]
            out[m, n] = dot
