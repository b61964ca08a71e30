"""First rung: the definition."""

from backprop.kernels.cpu.jit import single


@single
def conv(a, x, out):
    """out[n,o,i,j] = sum_{c,p,q} x[o,c,p,q] a[n,c,i+p,j+q]: a (N, C, H, W), x (O, C, P, Q)                    (10)

    Each step of the inner loop multiplies two single numbers and waits for the sum of the step before.
    """
    for n in range(out.shape[0]):
        for o in range(out.shape[1]):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    dot = out.dtype.type(0)
                    for c in range(x.shape[1]):
                        for p in range(x.shape[2]):
                            for q in range(x.shape[3]):
                                dot += x[o, c, p, q] * a[n, c, i + p, j + q]
                    out[n, o, i, j] = dot
