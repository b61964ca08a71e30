"""Normalising, gamma and beta in one pass over memory, and their adjoints.                       (29) (30) (32)

Entry i of u (B, C, D), counted in memory, belongs to channel c = i // D % C, whose mean and spread normalise it. The
same memory is also seen as (B', G, E), where it belongs to entry g = i // E % G of gamma and beta: in a batch
normalisation both views are the same; a layer normalisation of rows (R, F) has (1, R, F) and (R, F, 1). Neighbours
share a mean unless D is 1, and a gamma unless E is 1. xhat = (u - mean) / spread is computed anew wherever it is
needed, which takes less time than to fetch it from memory.

Sums are accumulated in float64; where neighbours belong to different sums, a FEW terms are added up in the arrays' own
type before, of which a register holds more numbers.
"""

import numpy as np
from numba import types
from numba.extending import overload

from backprop.kernels.cpu.jit import inlined, inner, summing, within_kernels
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.sums import ENTRIES, chunk, chunks
from backprop.kernels.cpu.views import scratch

FEW = 8


def each(x, k):
    """x[k], or x itself if it is a number, the same for all k."""


@overload(each, jit_options=within_kernels)
def _each(x, k):
    return (lambda x, k: x[k]) if isinstance(x, types.Array) else (lambda x, k: x)


@kernel(work=4)
def normalize(u, mean, spread, gamma, beta, out, part, parts):
    """out = gamma[g] (u - mean[c]) / spread[c] + beta[g]                          (29a) (32a), then (30a)"""
    B, C, D, G, E = sizes(u, out)
    shrink = scratch(out, ENTRIES)
    for item in share(chunks(u), part, parts):
        first, count = chunk(u, item)
        invert(spread, first, count, shrink)
        for b in range(B):
            start, size = (b * C + first) * D, count * D
            u_, out_ = piece(u, start, size), piece(out, start, size)
            if D == 1 and G == C:
                gamma_, beta_ = piece(gamma, first, count), piece(beta, first, count)
                scale(u_, piece(mean, first, count), shrink, gamma_, beta_, out_)
            elif D == 1:
                scale(u_, piece(mean, first, count), shrink, gamma[0], beta[0], out_)
            elif E == 1:
                g = start % G
                scale(u_, mean[first], shrink[0], piece(gamma, g, size), piece(beta, g, size), out_)
            else:
                for i in range(start, start + size, E):
                    g = i // E % G
                    scale(piece(u, i, E), mean[first], shrink[0], gamma[g], beta[g], piece(out, i, E))


@inner
def scale(u, mean, shrink, gamma, beta, out):
    for k in range(u.size):
        out[k] = each(gamma, k) * ((u[k] - each(mean, k)) * each(shrink, k)) + each(beta, k)


@kernel(work=8)
def normalize_backward(delta, u, mean, spread, gamma, centred, out, part, parts):
    """out = (g - mean(g) - xhat mean(g xhat)) / spread, where g = gamma delta; delta (B', G, E), the others (B, C, D)

    (30d), then (29b), since moving one entry moves the mean and the variance of all; (32b): not `centred`, without
    mean(g).
    """
    B, C, D, G, E = sizes(u, delta)
    totals, dots = scratch(np.float64, ENTRIES), scratch(np.float64, ENTRIES)
    shift, along, shrink = scratch(out, ENTRIES), scratch(out, ENTRIES), scratch(out, ENTRIES)
    scaled, real = scratch(out, ENTRIES), out.dtype.type
    for item in share(chunks(u), part, parts):
        first, count = chunk(u, item)
        invert(spread, first, count, shrink)
        for k in range(count):
            totals[k], dots[k], shift[k], along[k] = 0, 0, 0, 0
        for b in range(B):
            start, size = (b * C + first) * D, count * D
            delta_, u_ = piece(delta, start, size), piece(u, start, size)
            if D == 1:
                add_terms(delta_, shift)
                add_dots(delta_, u_, piece(mean, first, count), shrink, along)
                if b % FEW == FEW - 1 or b == B - 1:
                    collect(shift, totals, count)
                    collect(along, dots, count)
            elif E == 1:
                add_run(delta_, u_, mean[first], shrink[0], piece(gamma, start % G, size), totals, dots)
            else:
                for i in range(start, start + size, E):
                    g = gamma[i // E % G]
                    add_run(piece(delta, i, E), piece(u, i, E), mean[first], shrink[0], g, totals, dots)
        for k in range(count):
            weight = 1.0 if D != 1 else np.float64(gamma[first + k if G == C else 0])
            scaled[k] = weight * shrink[k]  # 1 / spread is a factor of each term
            shift[k] = weight * totals[k] / (B * D) * shrink[k] if centred else 0.0
            along[k] = weight * dots[k] / (B * D) * shrink[k]
        for b in range(B):
            start, size = (b * C + first) * D, count * D
            delta_, u_, out_ = piece(delta, start, size), piece(u, start, size), piece(out, start, size)
            if D == 1:
                move(delta_, scaled, real(1), u_, piece(mean, first, count), shrink, along, shift, out_)
            elif E == 1:
                gamma_ = piece(gamma, start % G, size)
                move(delta_, gamma_, shrink[0], u_, mean[first], shrink[0], along[0], shift[0], out_)
            else:
                for i in range(start, start + size, E):
                    delta_, u_, out_ = piece(delta, i, E), piece(u, i, E), piece(out, i, E)
                    g = gamma[i // E % G]
                    move(delta_, g, shrink[0], u_, mean[first], shrink[0], along[0], shift[0], out_)


@inner
def move(delta, gamma, factor, u, mean, shrink, along, shift, out):
    """out = gamma factor delta - xhat along - shift: of many more arrays LLVM would not make vectors"""
    for k in range(u.size):
        xhat = (u[k] - each(mean, k)) * each(shrink, k)
        out[k] = each(gamma, k) * factor * delta[k] - xhat * each(along, k) - each(shift, k)


@kernel(work=4)
def dot_normalized(delta, u, mean, spread, out, accumulate, part, parts):
    """out[g] = the sum of delta xhat over all entries of g; delta (B', G, E), u (B, C, D)                  (30c)"""
    real, (_, C, D, G, E) = out.dtype.type, sizes(u, delta)
    totals, dots, few = scratch(np.float64, 1), scratch(np.float64, ENTRIES), scratch(out, ENTRIES)
    shrink = scratch(out, ENTRIES)
    for item in share(chunks(delta), part, parts):
        first, count = chunk(delta, item)
        for k in range(count):
            dots[k], few[k] = 0, 0
        if D == 1 and G == C:
            invert(spread, first, count, shrink)
        for b in range(delta.shape[0] if u.size else 0):
            start, size = (b * G + first) * E, count * E
            if D == 1 and G == C:
                add_dots(piece(delta, start, size), piece(u, start, size), piece(mean, first, count), shrink, few)
            elif E != 1:
                c = start // D % C
                shrink[0] = 1 / np.float64(spread[c])
                add_run(piece(delta, start, E), piece(u, start, E), mean[c], shrink[0], real(1), totals, dots)
            else:
                i = start
                while i < start + size:  # neighbours up to the next channel share its mean
                    stop, c = min(start + size, (i // D + 1) * D), i // D % C
                    shrink[0], n = 1 / np.float64(spread[c]), stop - i
                    add_dots(piece(delta, i, n), piece(u, i, n), mean[c], shrink[0], piece(few, i - start, n))
                    i = stop
            if E == 1 and (b % FEW == FEW - 1 or b == delta.shape[0] - 1):
                collect(few, dots, count)
        for k in range(count):
            out[first + k] = out[first + k] + dots[k] if accumulate else dots[k]


@inlined
def sizes(u, other):
    """B, C, D of u, and G, E of its memory seen as (B', G, E)."""
    return u.shape[0], u.shape[1], u.shape[2], other.shape[1], other.shape[2]


@inlined
def invert(spread, first, count, shrink):
    """shrink[k] = 1 / spread[first + k]"""
    for k in range(count):
        shrink[k] = 1 / np.float64(spread[first + k])


@summing
def add_run(delta, u, mean, shrink, gamma, totals, dots):
    """Add the sums of g and g xhat to totals[0] and dots[0], where g = gamma delta."""
    total, dot = 0.0, 0.0
    for k in range(u.size):
        g = each(gamma, k) * delta[k]
        total += g
        dot += np.float64(g) * ((u[k] - mean) * shrink)
    totals[0] += total
    dots[0] += dot


@inner
def add_terms(delta, totals):
    """Add delta[k] to totals[k]."""
    for k in range(delta.size):
        totals[k] += delta[k]


@inner
def add_dots(delta, u, mean, shrink, dots):
    """Add delta[k] xhat[k] to dots[k]."""
    for k in range(u.size):
        dots[k] += delta[k] * ((u[k] - each(mean, k)) * each(shrink, k))


@inlined
def collect(few, totals, count):
    """Add sums of a few terms to the totals, and begin them anew."""
    for k in range(count):
        totals[k] += few[k]
        few[k] = 0
