"""Sums over a channel, in two stages if they are long: many blocks sum parts, then the parts are added in order.

Arrays are (B, C, D), and all entries of one channel c belong together. There are no atomic additions, whose order
varies, so the same numbers give the same bits.
"""

from numba import cuda

from backprop.kernels.cuda.block import block_sum
from backprop.kernels.cuda.kernel import Kernel, Part, kernel, real, u32
from backprop.kernels.cuda.machine import empty

LONG = 4096  # the fewest entries of a part, if a sum is divided
MOST = 64  # the most parts of a sum

term = None  # placeholder for the function whose values are added up


def channel_parts(p, q, out, accumulate, B, C, D, parts):
    """out[s,c] = the sum of term(p, q) over part s of channel c, added to what is there if `accumulate`: block (c, s)
    owns it.
    """
    c, s, t = u32(cuda.blockIdx.x), u32(cuda.blockIdx.y), u32(cuda.threadIdx.x)
    length = u32(u32(B * D + parts - u32(1)) // parts)
    i, stop = u32(s * length + t), min(u32((s + u32(1)) * length), u32(B * D))
    total = real(0)
    while i < stop:
        place = (i // D * C + c) * D + i % D
        total += term(p[place], q[place])
        i = u32(i + u32(cuda.blockDim.x))
    total = block_sum(total)
    if t == 0:
        out[s * C + c] = out[s * C + c] + total if accumulate else total


@kernel
def add_up(parts, out, accumulate, count, size):
    """out[i] = the sum of parts[s,i], s from 0 upwards: thread i owns it."""
    i = u32(cuda.grid(1))
    if i < size:
        total = out[i] if accumulate else real(0)
        for s in range(count):
            total += parts[u32(s) * size + i]
        out[i] = total


def channel_sums(own_term):
    """The host's function that adds up `own_term(p, q)` over each channel of p and q (B, C, D), into out (C,)."""
    run = Kernel(channel_parts, term=Part(own_term))

    def sums(p, q, out, accumulate):
        B, C, D = p.shape
        parts = parts_of(B * D)
        into = out if parts == 1 else empty((parts, C), out.dtype)
        threads = run.team(-(-B * D // parts))
        if C:
            run((C, parts), threads, p, q, into, accumulate and parts == 1, B, C, D, parts)
        if parts > 1:
            add_up.each(C, into, out, accumulate, parts)

    return sums


def parts_of(count):
    """Into how many parts a sum over `count` entries is divided: it depends on their number alone."""
    return max(1, min(MOST, count // LONG))
