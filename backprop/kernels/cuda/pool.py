"""Pooling: one number for each window of an image; a thread owns one window, or one entry of the image.      (14)

Maxima are taken over windows of all spatial axes at once: a is (N, C, *image), and as in a convolution window i holds
the entries s i + d p - pad, except those outside the image. Means are taken axis by axis, since the mean
over a box is the mean along one axis of the means along the others: a is (B, H, D) and H is that axis.
"""

import math

from numba import cuda

from backprop.kernels.cuda.constants import on_device
from backprop.kernels.cuda.kernel import THREADS, i32, kernel, real, u32


@kernel
def max_pool_each(a, out, where, D, H, W, I, J, K, P, Q, R, sd, sh, sw, dd, dh, dw, pd, ph, pw, size):
    m = u32(cuda.grid(1))
    if m < size:
        image = m // u32(I * J * K) * (D * H * W)
        z = i32(m // u32(J * K) % I * sd) - pd
        y = i32(m // K % J * sh) - ph
        x = i32(m % K * sw) - pw
        best, place = real(-math.inf), -1
        for p in range(P):
            for q in range(Q):
                for r in range(R):
                    i, j, k = z + i32(p) * i32(dd), y + i32(q) * i32(dh), x + i32(r) * i32(dw)
                    if 0 <= i < i32(D) and 0 <= j < i32(H) and 0 <= k < i32(W):
                        at = (u32(i) * H + u32(j)) * W + u32(k)
                        value = a[image + at]
                        if place < 0 or value > best or value != value:
                            best, place = value, i32(at)
        out[m], where[m] = best, place


def max_pool(a, size, stride, dilation, pad, out, where):
    """out[n,c,i] = the largest entry of window i; where[n,c,i] = its place in the image, counted in C order.

    The first of equal entries is taken; NaN is larger than any number. An empty window gives -inf, -1.
    """
    shape = *a.shape[2:], *out.shape[2:], *size, *stride, *dilation
    max_pool_each.each(out.size, a, out, where, *shape, *map(i32, pad))


@kernel
def largest_each(a, places, out, where, size, windows, entries, count):
    m = u32(cuda.grid(1))
    if m < count:
        row, first = m // windows * size, m % windows * entries
        best, place = a[row + u32(places[first])], i32(places[first])
        for e in range(1, entries):
            at = i32(places[first + u32(e)])
            value = a[row + u32(at)]
            if value > best or (value != value and best == best):
                best, place = value, at
        out[m], where[m] = best, place


def largest(a, places, out, where):
    """out[m,k] = the largest of row m's entries places[k], the first of equal ones, or NaN; where[m,k] = its place"""
    largest_each.each(out.size, a, on_device(places), out, where, a.shape[1], *places.shape)


@kernel
def max_pool_backward_block(delta, where, out, I, H):
    """Block m owns an image, thread t its entries t, t + T, t + 2T, ...: it searches all windows for those that
    took one of them. So windows that took the same entry are added in order, and no two threads write to one place.
    """
    places, deltas = cuda.shared.array(THREADS, i32), cuda.shared.array(THREADS, real)
    m, t, T = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x), u32(cuda.blockDim.x)
    h, first = t, u32(0)
    while h < H:
        out[m * H + h] = real(0)
        h = u32(h + T)
    while first < I:
        i = first + t
        places[t] = i32(where[m * I + i]) if i < I else i32(-1)
        deltas[t] = delta[m * I + i] if i < I else real(0)
        cuda.syncthreads()
        for k in range(T):
            place = places[u32(k)]
            if place >= 0 and u32(place) % T == t:
                out[m * H + u32(place)] += deltas[u32(k)]
        cuda.syncthreads()
        first = u32(first + T)


def max_pool_backward(delta, where, out):
    """out[n,c,h] = the sum of delta[n,c,i] over the windows i whose largest entry is at h: delta (N,C,I)"""
    images, windows, entries = math.prod(delta.shape[:2]), math.prod(delta.shape[2:]), math.prod(out.shape[2:])
    if out.size:
        max_pool_backward_block(images, max_pool_backward_block.team(entries), delta, where, out, windows, entries)


@kernel
def window_mean_each(a, start, stop, scale, out, H, I, D, size):
    k = u32(cuda.grid(1))
    if k < size:
        b, i, total = k // u32(I * D), k // D % I, real(0)
        for h in range(start[i], stop[i]):
            total += a[(b * H + u32(h)) * D + k % D]
        out[k] = real(scale[i]) * total


def window_mean(a, start, stop, scale, out):
    """out[b,i,d] = scale[i] sum of a[b,h,d] over h from start[i] to stop[i]; scale[i] is usually 1 / their number"""
    windows = map(on_device, (start, stop, scale))
    window_mean_each.each(out.size, a, *windows, out, a.shape[1], *out.shape[1:])


@kernel
def window_mean_backward_each(delta, start, stop, scale, out, H, I, D, size):
    k = u32(cuda.grid(1))
    if k < size:
        b, h, total = k // u32(H * D), k // D % H, real(0)
        for i in range(I):
            if u32(start[u32(i)]) <= h and h < u32(stop[u32(i)]):
                total += real(scale[u32(i)]) * delta[(b * I + u32(i)) * D + k % D]
        out[k] = total


def window_mean_backward(delta, start, stop, scale, out):
    """out[b,h,d] = sum of scale[i] delta[b,i,d] over the windows i that hold h"""
    windows = map(on_device, (start, stop, scale))
    window_mean_backward_each.each(out.size, delta, *windows, out, out.shape[1], *delta.shape[1:])
