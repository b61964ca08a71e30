"""Convolution, which in deep learning is cross-correlation, and its two adjoints, over three spatial axes.

Arrays are (N, C, *image), filters (O, C/groups, *taps); the folder `convolution` explains how they become fast.
"""

from backprop.kernels.cuda.convolution.choice import correlate, correlate_back, correlate_filters
from backprop.kernels.cuda.machine import empty
from backprop.kernels.cuda.pointwise import relu as rectify
from backprop.kernels.cuda.pool import max_pool


def conv(a, X, mu, relu, stride, dilation, pad, groups, out):
    """out[n,o,i] = mu[o] + sum_{c,p} X[o,c,p] a[n,c, s i + d p - pad], without mu where it is empty (10)

    `relu` makes negative numbers 0                                                             (3)
    """
    correlate(a, X, mu if mu.size else None, relu, (stride, dilation, pad, groups), out)


def conv_max_pool(
    a, X, mu, relu, stride, dilation, pad, groups, positions, size, pool_stride, pool_dilation, pool_pad, out, where
):
    """`conv`, over `positions` places, then `max_pool`, then ReLU                               (10) (14a)"""
    z = empty((*out.shape[:2], *positions), out.dtype)
    conv(a, X, mu, False, stride, dilation, pad, groups, z)
    max_pool(z, size, pool_stride, pool_dilation, pool_pad, out, where)
    if relu:
        flat = out.reshape(-1)
        rectify(flat, flat)


def conv_weight_grad(delta, a, stride, dilation, pad, groups, out, accumulate):
    """out[o,c,p] = sum_{n,i} delta[n,o,i] a[n,c, s i + d p - pad]                              (12)"""
    correlate_filters(delta, a, (stride, dilation, pad, groups), out, accumulate)


def conv_input_grad(delta, X, stride, dilation, pad, groups, out):
    """out[n,c,h] = the sum over o and all taps with s i + d p - pad = h of delta[n,o,i] X[o,c,p]    (13)"""
    correlate_back(delta, X, (stride, dilation, pad, groups), out)
