"""Scaled dot-product attention and its adjoint. N samples, L queries, S keys, `heads` heads of E numbers each.

q (N, L, heads E), k (N, S, heads E), v and out (N, ..., heads V): the numbers of a head are neighbours, and are read
and written where they are. weights (N, heads, S, L): a query's weights are a column, so that neighbouring queries lie
side by side. mask (M, S, L) is added to the scores, those of sample n and head h for M = N heads, of sample n for
M = N, and of all for M = 1; none for M = 0. `p` is the probability with which a weight is dropped, by the same random
numbers as `dropout`'s. An item is a head of a sample: its scores stay in a core's cache.
"""

import math

from backprop.kernels.cpu.dropout import drop
from backprop.kernels.cpu.jit import apart, inlined, inner
from backprop.kernels.cpu.kernel import exact_kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.product.packed import DEPTH, PANEL, pack
from backprop.kernels.cpu.product.tile import VECTORS, View, strip
from backprop.kernels.cpu.simd import lanes
from backprop.kernels.cpu.softmax import softmax_backward_of, softmax_of
from backprop.kernels.cpu.team.calls import scratch as memory
from backprop.kernels.cpu.team.members import MOST
from backprop.kernels.cpu.views import scratch


def attention(q, k, v, mask, key, p, weights, out):
    """weights = softmax(k q^T / sqrt(E) + mask) over the keys, axis 2, and out = weights^T v          (48a) (48b)"""
    dropped = memory((MOST, weights[0, 0].size if p > 0 and weights.size else 0), out.dtype)
    attend(q, k, v, mask, key, p, dropped, weights, out)


@exact_kernel(work=16, of="weights")
def attend(q, k, v, mask, key, p, dropped, weights, out, part, parts, worker):
    N, H, S, L = weights.shape
    E, V = q.shape[2] // H, v.shape[2] // H
    flat_q, flat_k, flat_v = piece(q, 0, q.size), piece(k, 0, k.size), piece(v, 0, v.size)
    flat_w, flat_out = piece(weights, 0, weights.size), piece(out, 0, out.size)
    flat_dropped = piece(dropped, 0, dropped.size)
    for item in share(N * H, part, parts):
        n, h, own = item // H, item % H, item * L * S
        scores, queries = View(flat_w, own, L, 1), of_head(flat_q, n * L, h, H, E)
        multiply(of_head(flat_k, n * S, h, H, E), turned(queries), scores, S, E, L)
        columns_softmax(piece(flat_w, own, L * S), S, L, E, mask, mask_of(mask, n, h, N, H))  # (48a)
        values, results = of_head(flat_v, n * S, h, H, V), of_head(flat_out, n * L, h, H, V)
        if p > 0:
            start = worker * L * S
            drop(piece(flat_w, own, L * S), key, own, p, piece(flat_dropped, start, L * S))
            scores = View(flat_dropped, start, L, 1)
        multiply(turned(scores), values, results, L, S, V)  # (48b)


@inner
def columns_softmax(scores, S, L, E, mask, which):
    """(48a) scores (S, L) become weights; those of a query that may see nothing become 0."""
    size, shrink = lanes(scores), scores.dtype.type(1 / math.sqrt(E))
    for i in range(scores.size):
        scores[i] *= shrink
    if which >= 0:
        added = piece(mask, which * scores.size, scores.size)
        for i in range(scores.size):
            scores[i] += added[i]
    for first in range(0, L, size):
        softmax_of(scores, S, (first, L, L - first, 0), scores)
    if which >= 0:
        for query in range(L):
            unseen = True
            for s in range(S):
                unseen = unseen and mask[which, s, query] == -math.inf
            for s in range(S if unseen else 0):
                scores[s * L + query] = 0


def attention_backward(delta, q, k, v, weights, key, p, delta_q, delta_k, delta_v):
    """(48c) - (48g) the deltas of q, k and v; `delta` is that of out."""
    of_scores = memory((MOST, weights[0, 0].size if weights.size else 0), delta.dtype)
    dropped = memory((MOST, of_scores.shape[1] if p > 0 else 0), delta.dtype)
    attend_backward(delta, q, k, v, weights, key, p, dropped, of_scores, delta_q, delta_k, delta_v)


@exact_kernel(work=32, of="weights")
def attend_backward(
    delta, q, k, v, weights, key, p, dropped, of_scores, delta_q, delta_k, delta_v, part, parts, worker
):
    N, H, S, L = weights.shape
    E, V = q.shape[2] // H, v.shape[2] // H
    flat_q, flat_k, flat_v = piece(q, 0, q.size), piece(k, 0, k.size), piece(v, 0, v.size)
    flat_w, flat_delta = piece(weights, 0, weights.size), piece(delta, 0, delta.size)
    flat_dropped = piece(dropped, 0, dropped.size)
    to_q, to_k, to_v = piece(delta_q, 0, q.size), piece(delta_k, 0, k.size), piece(delta_v, 0, v.size)
    flat_s, start = piece(of_scores, 0, of_scores.size), worker * L * S
    for item in share(N * H, part, parts):
        n, h, own = item // H, item % H, item * L * S
        queries, keys = of_head(flat_q, n * L, h, H, E), of_head(flat_k, n * S, h, H, E)
        values, incoming = of_head(flat_v, n * S, h, H, V), of_head(flat_delta, n * L, h, H, V)
        used, of_s = View(flat_w, own, L, 1), View(flat_s, start, L, 1)
        if p > 0:
            drop(piece(flat_w, own, L * S), key, own, p, piece(flat_dropped, start, L * S))
            used = View(flat_dropped, start, L, 1)
        multiply(used, incoming, of_head(to_v, n * S, h, H, V), S, L, V)  # (48c)
        multiply(values, turned(incoming), of_s, S, V, L)  # (48d)
        own_s = piece(flat_s, start, L * S)
        if p > 0:
            drop(own_s, key, own, p, own_s)
        columns_backward(own_s, piece(flat_w, own, L * S), S, L, E)  # (48e)
        multiply(turned(of_s), keys, of_head(to_q, n * L, h, H, E), L, S, E)  # (48f)
        multiply(of_s, queries, of_head(to_k, n * S, h, H, E), S, L, E)  # (48g)


@inner
def columns_backward(delta, w, S, L, E):
    """(48e) delta of the weights (S, L) becomes that of the products of queries and keys."""
    size, shrink = lanes(w), w.dtype.type(1 / math.sqrt(E))
    for first in range(0, L, size):
        softmax_backward_of(delta, w, S, (first, L, L - first, 0), delta)
    for i in range(delta.size):
        delta[i] *= shrink


@inlined
def of_head(flat, row, h, H, E):
    """A head's numbers of the rows from one on, as a matrix."""
    return View(flat, (row * H + h) * E, H * E, 1)


@inlined
def turned(matrix):
    """Its transpose."""
    return View(matrix.data, matrix.start, matrix.col, matrix.row)


@inlined
def mask_of(mask, n, h, N, H):
    """Which mask is that of a sample's head, -1 for none."""
    if mask.shape[0] <= 1:
        return mask.shape[0] - 1
    return n * H + h if mask.shape[0] == N * H else n


@apart
def multiply(a, b, out, rows, depth, columns):
    """out[m,n] = sum_k a[m,k] b[k,n], of Views; rows of out are neighbours, one step of a and of b is 1."""
    panel, size = scratch(out.data, PANEL), lanes(out.data)
    for first in range(0, columns, VECTORS * size):
        vectors = min(VECTORS, (columns - first + size - 1) // size)
        width = min(vectors * size, columns - first)
        for k in range(0, max(depth, 1), DEPTH):
            deep = min(DEPTH, depth - k)
            pack(b.data, b.start + k * b.row + first * b.col, b.row, b.col, deep, width, panel, 0, vectors)
            some = View(a.data, a.start + k * a.col, a.row, a.col)
            into = View(out.data, out.start + first, out.row, 1)
            strip(vectors, some, View(panel, 0, vectors * size, 1), into, rows, deep, width, k > 0, 0, 0)
