"""Second rung: a convolution as a product of matrices, for which there is a fast one."""

import numpy as np

from backprop.kernels.cpu.jit import maker
from backprop.kernels.cpu.product import packed


@maker
def conv(a, x, out):
    """out[n,o,l] = sum_k x[o,k] patch[k,l]: column l of patch is what a filter reads at position l = (i,j)    (10)

    Row k = (c,p,q) of patch is the image moved by (p,q). Every number of the image is copied P Q times, and, where
    there are many filters, once more into the product's panels: with few filters that takes longer than the product.
    """
    taps, positions = x[0].size, out[0, 0].size
    patch = np.empty((taps, positions), a.dtype)
    for n in range(out.shape[0]):
        k = 0
        for c in range(x.shape[1]):
            for p in range(x.shape[2]):
                for q in range(x.shape[3]):
                    l = 0
                    for i in range(out.shape[2]):
                        patch[k, l : l + out.shape[3]] = a[n, c, i + p, q : q + out.shape[3]]
                        l += out.shape[3]
                    k += 1
        packed.product(x.reshape(out.shape[1], taps), patch, out[n].reshape(out.shape[1], positions))
