"""One number for each channel, and what is summed over a channel. Arrays are (B, C, D): images flattened behind C."""

from backprop.kernels.reference.sums import put, wide


def add_channels(z, mu, out):
    """out[b,c,d] = z[b,c,d] + mu[c]; out may be z: the biases of convolutions"""
    out[...] = z + mu[:, None]


def sum_channels(delta, out, accumulate):
    """out[c] = sum_{b,d} delta[b,c,d]                                             (11) (30b)"""
    put(wide(delta).sum(axis=(0, 2)), out, accumulate)
