"""One number for each channel, and what is summed over a channel. Arrays are (B, C, D): images flattened behind C."""

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, u32
from backprop.kernels.cuda.sums import channel_sums


@kernel
def add_channels_each(z, mu, out, C, D, size):
    i = u32(cuda.grid(1))
    if i < size:
        out[i] = z[i] + mu[i // D % C]


def add_channels(z, mu, out):
    """out[b,c,d] = z[b,c,d] + mu[c]; out may be z                                 (10) (27) biases"""
    add_channels_each.each(z.size, z, mu, out, *z.shape[1:])


one_each = channel_sums(lambda delta, _: delta)


def sum_channels(delta, out, accumulate):
    """out[c] = sum_{b,d} delta[b,c,d]                                             (11) (30b)"""
    one_each(delta, delta, out, accumulate)
