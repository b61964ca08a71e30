"""Second rung: a convolution as a product of matrices, for which there is a fast one."""

import numpy as np

from backprop.kernels.cpu.jit import single
from backprop.kernels.cpu.product import packed


def conv(a, x, out):
    """out[n,o,l] = sum_k x[o,k] patch[k,l]: column l of patch is what a filter reads at position l = (i,j)    (10)

    Row k = (c,p,q) of patch is the image moved by (p,q). Every number of the image is copied P Q times, and, where
    there are many filters, once more into the product's panels: with few filters that takes longer than the product.
    """
    patch = np.empty((x[0].size, out[0, 0].size), a.dtype)
    multiply(x.reshape(len(x), x[0].size), a, x.shape, patch, out)


@single
def multiply(x, a, shape, patch, out):
    """The same for filters of `shape` (O, C, P, Q), flattened to x (O, K)."""
    for n in range(out.shape[0]):
        k = 0
        for c in range(shape[1]):
            for p in range(shape[2]):
                for q in range(shape[3]):
                    l = 0
                    for i in range(out.shape[2]):
                        row, read = patch[k, l : l + out.shape[3]], a[n, c, i + p, q : q + out.shape[3]]
                        for j in range(row.size):
                            row[j] = read[j]
                        l += row.size
                    k += 1
        packed.product(x, patch, out[n].reshape(shape[0], patch.shape[1]))
