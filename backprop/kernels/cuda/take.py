"""Entries along one axis, by their index: along an axis of images to pad it, along the rows of an embedding.  (26)"""

from numba import cuda

from backprop.kernels.cuda.constants import on_device
from backprop.kernels.cuda.kernel import i32, kernel, real, u32


@kernel
def take_each(a, index, value, out, H, I, D, size):
    k = u32(cuda.grid(1))
    if k < size:
        h = index[k // D % I]
        out[k] = value if h < 0 else a[(k // u32(I * D) * H + u32(h)) * D + k % D]


def take(a, index, value, out):
    """out[b,i,d] = a[b, index[i], d], or `value` where index[i] is -1: a (B, H, D), out (B, I, D); one thread each"""
    take_each.each(out.size, a, on_device(index), float(value), out, a.shape[1], *out.shape[1:])


@kernel
def take_backward_each(delta, index, out, accumulate, H, I, D, size):
    """A thread searches all indices for its own h, so that the terms are added in order."""
    k = u32(cuda.grid(1))
    if k < size:
        b, h, d = k // u32(H * D), k // D % H, k % D
        total = out[k] if accumulate else real(0)
        for i in range(I):
            if index[u32(i)] == i32(h):
                total += delta[(b * I + u32(i)) * D + d]
        out[k] = total


def take_backward(delta, index, out, accumulate):
    """out[b,h,d] = the sum of delta[b,i,d] over all i with index[i] = h: an entry taken twice gets both"""
    args = delta, on_device(index), out, accumulate
    take_backward_each.each(out.size, *args, out.shape[1], *delta.shape[1:])
