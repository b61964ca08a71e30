"""First rung: the formulas. A thread owns one result, and loops over all terms of its sum.

D, H, W are the sizes of an image, P, Q, R of a filter, I, J, K of the positions; followed by the number of an axis, S
is the stride, L the dilation and M the padding; CG and OG are the channels of a group.
"""

import functools

from numba import cuda

from backprop.kernels.cuda.kernel import Kernel, i32, part, real, u32

C = O = CG = OG = D = H = W = P = Q = R = I = J = K = 1  # each kernel binds its own
S0 = S1 = S2 = L0 = L1 = L2 = M0 = M1 = M2 = 1


@part
def met(position, tap, stride, dilation, pad):
    """The entry along an axis of the image that a tap reads: s i + d p - pad, perhaps outside."""
    return i32(position) * i32(stride) + i32(tap) * i32(dilation) - i32(pad)


@part
def image_at(a, n, c, z, y, x):
    """a[n,c,z,y,x], 0 outside of the image"""
    if 0 <= z < i32(D) and 0 <= y < i32(H) and 0 <= x < i32(W):
        return a[((n * u32(C) + c) * u32(D) + u32(z)) * u32(H * W) + u32(y) * u32(W) + u32(x)]
    return real(0)


@part
def position_of(entry, tap, stride, dilation, pad, positions):
    """The position i at which a tap reads an entry of the image: s i + d p - pad = h; -1 where there is none."""
    reach = i32(entry) + i32(pad) - i32(tap) * i32(dilation)
    if reach < 0 or reach % i32(stride) != 0:
        return i32(-1)
    position = reach // i32(stride)
    return i32(position) if position < i32(positions) else i32(-1)


def forward(a, x, mu, relu, with_mu, out, size):
    """(10)"""
    m = u32(cuda.grid(1))
    if m < size:
        n, o = m // u32(O * I * J * K), m // u32(I * J * K) % u32(O)
        i, j, k = m // u32(J * K) % u32(I), m // u32(K) % u32(J), m % u32(K)
        total = mu[o] if with_mu else real(0)
        for c in range(CG):
            for p in range(P):
                for q in range(Q):
                    for r in range(R):
                        z, y, w = met(i, p, S0, L0, M0), met(j, q, S1, L1, M1), met(k, r, S2, L2, M2)
                        tap = ((o * u32(CG) + u32(c)) * u32(P) + u32(p)) * u32(Q * R) + u32(q * R + r)
                        total += x[tap] * image_at(a, n, o // u32(OG) * u32(CG) + u32(c), z, y, w)
        out[m] = real(0) if relu and total <= real(0) else total


def to_filters(delta, a, out, accumulate, N, size):
    """(12)"""
    m = u32(cuda.grid(1))
    if m < size:
        o, c = m // u32(CG * P * Q * R), m // u32(P * Q * R) % u32(CG)
        p, q, r = m // u32(Q * R) % u32(P), m // u32(R) % u32(Q), m % u32(R)
        total = out[m] if accumulate else real(0)
        for n in range(N):
            for i in range(I):
                for j in range(J):
                    for k in range(K):
                        z, y, w = met(i, p, S0, L0, M0), met(j, q, S1, L1, M1), met(k, r, S2, L2, M2)
                        at = ((u32(n) * u32(O) + o) * u32(I) + u32(i)) * u32(J * K) + u32(j * K + k)
                        total += delta[at] * image_at(a, u32(n), o // u32(OG) * u32(CG) + c, z, y, w)
        out[m] = total


def to_input(delta, x, out, size):
    """(13)"""
    m = u32(cuda.grid(1))
    if m < size:
        n, c = m // u32(C * D * H * W), m // u32(D * H * W) % u32(C)
        z, y, w = m // u32(H * W) % u32(D), m // u32(W) % u32(H), m % u32(W)
        first, total = c // u32(CG) * u32(OG), real(0)
        for o in range(OG):
            for p in range(P):
                for q in range(Q):
                    for r in range(R):
                        i = position_of(z, p, S0, L0, M0, I)
                        j = position_of(y, q, S1, L1, M1, J)
                        k = position_of(w, r, S2, L2, M2, K)
                        if i >= 0 and j >= 0 and k >= 0:
                            at = (
                                ((n * u32(O) + first + u32(o)) * u32(I) + u32(i)) * u32(J * K)
                                + u32(j) * u32(K)
                                + u32(k)
                            )
                            tap = ((first + u32(o)) * u32(CG) + c % u32(CG)) * u32(P * Q * R) + u32((p * Q + q) * R + r)
                            total += delta[at] * x[tap]
        out[m] = total


@functools.cache
def textbook(body, shape):
    """The kernel for one of the three, with the constants of a Geometry."""
    return Kernel(body, **shape.names())
