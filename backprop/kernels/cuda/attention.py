"""Scaled dot-product attention and its adjoint. N samples, L queries, S keys, heads of E numbers each.

q (N, L, heads E), k (N, S, heads E), v and out (N, ..., heads V): the numbers of a head are neighbours. weights
(N, heads, S, L): a query's weights are a column. mask (M, S, L) is added to the scores, those of sample n and head h
for M = N heads, of sample n for M = N, and of all for M = 1; none for M = 0. A thread owns a query of one head, then,
backward, a key.
"""

import math

import numpy as np
from numba import cuda

from backprop.kernels.cuda.constants import on_device
from backprop.kernels.cuda.dropout import uniform
from backprop.kernels.cuda.kernel import kernel, part, real, u32, u64
from backprop.kernels.cuda.machine import empty, put
from backprop.kernels.device import DeviceArray


@kernel
def attend(q, k, v, mask, masks, key, p, left, weights, out, H, L, S, E, V, size):
    i = u32(cuda.grid(1))
    if i < size:
        b, row = u32(i // L), u32(i % L)
        n, h = u32(b // H), u32(b % H)
        own, query = u32(b * S * L + row), u32(((n * L + row) * H + h) * E)
        shrink, largest = real(1) / math.sqrt(real(E)), real(-math.inf)
        which = u32(0)
        if masks > u32(1):
            which = b if masks == u32(size // L) else n
        for s in range(S):
            at, dot = u32(((n * S + u32(s)) * H + h) * E), real(0)
            for e in range(E):
                dot += q[u32(query + u32(e))] * k[u32(at + u32(e))]
            score = dot * shrink
            if masks > u32(0):
                score += mask[u32((which * S + u32(s)) * L + row)]
            weights[u32(own + u32(s) * L)] = score
            largest = max(largest, score)
        total = real(0)
        for s in range(S):
            at = u32(own + u32(s) * L)
            weights[at] = math.exp(weights[at] - largest) if largest > real(-math.inf) else real(0)
            total += weights[at]
        for s in range(S):
            at = u32(own + u32(s) * L)
            weights[at] = weights[at] / total if total > real(0) else real(0)
        for e in range(V):
            result = real(0)
            for s in range(S):
                at = u32(own + u32(s) * L)
                result += kept(weights[at], key, at, p, left) * v[u32(((n * S + u32(s)) * H + h) * V + u32(e))]
            out[u32(((n * L + row) * H + h) * V + u32(e))] = result


def attention(q, k, v, mask, key, p, weights, out):
    """weights = softmax(k q^T / sqrt(E) + mask) over the keys, axis 2, and out = weights^T v          (48a) (48b)"""
    N, H, S, L = weights.shape
    sizes = H, L, S, q.shape[2] // H, v.shape[2] // H
    mask_ = mask if len(mask) else q  # which is not read then
    attend.each(N * H * L, q, k, v, mask_, len(mask), *_drawing(key, p), weights, out, *sizes)


@kernel
def queries_backward(delta, k, v, weights, key, p, left, delta_s, delta_q, H, L, S, E, V, size):
    i = u32(cuda.grid(1))
    if i < size:
        b, row = u32(i // L), u32(i % L)
        n, h = u32(b // H), u32(b % H)
        own, incoming = u32(b * S * L + row), u32(((n * L + row) * H + h) * V)
        total = real(0)
        for s in range(S):
            at, dot = u32(own + u32(s) * L), real(0)
            for e in range(V):
                dot += delta[u32(incoming + u32(e))] * v[u32(((n * S + u32(s)) * H + h) * V + u32(e))]
            delta_s[at] = kept(dot, key, at, p, left)
            total += delta_s[at] * weights[at]
        shrink = real(1) / math.sqrt(real(E))
        for s in range(S):
            at = u32(own + u32(s) * L)
            delta_s[at] = weights[at] * (delta_s[at] - total) * shrink
        for e in range(E):
            result = real(0)
            for s in range(S):
                result += delta_s[u32(own + u32(s) * L)] * k[u32(((n * S + u32(s)) * H + h) * E + u32(e))]
            delta_q[u32(((n * L + row) * H + h) * E + u32(e))] = result


@kernel
def keys_backward(delta, q, weights, key, p, left, delta_s, delta_k, delta_v, H, L, S, E, V, size):
    i = u32(cuda.grid(1))
    if i < size:
        b, s = u32(i // S), u32(i % S)
        n, h = u32(b // H), u32(b % H)
        for e in range(E):
            result = real(0)
            for row in range(L):
                at = u32((b * S + s) * L + u32(row))
                result += delta_s[at] * q[u32(((n * L + u32(row)) * H + h) * E + u32(e))]
            delta_k[u32(((n * S + s) * H + h) * E + u32(e))] = result
        for e in range(V):
            result = real(0)
            for row in range(L):
                at = u32((b * S + s) * L + u32(row))
                result += kept(weights[at], key, at, p, left) * delta[u32(((n * L + u32(row)) * H + h) * V + u32(e))]
            delta_v[u32(((n * S + s) * H + h) * V + u32(e))] = result


def attention_backward(delta, q, k, v, weights, key, p, delta_q, delta_k, delta_v):
    """(48c) - (48g) the deltas of q, k and v; `delta` is that of out."""
    N, H, S, L = weights.shape
    sizes = H, L, S, q.shape[2] // H, v.shape[2] // H
    delta_s, draw = empty(weights.shape, weights.dtype), _drawing(key, p)
    queries_backward.each(N * H * L, delta, k, v, weights, *draw, delta_s, delta_q, *sizes)
    keys_backward.each(N * H * S, delta, q, weights, *draw, delta_s, delta_k, delta_v, *sizes)


@part
def kept(x, key, i, p, left):
    """x grown, or 0, by random number i of a key"""
    if p > 0.0 and uniform(key[0], u64(i)) < p:
        return real(0)
    return x / left


def _drawing(key, p):
    """key, p and 1 - p as the kernels take them."""
    if not isinstance(key, DeviceArray):
        key = put(key) if p else on_device(key)
    return key, np.float64(p), 1.0 - p
