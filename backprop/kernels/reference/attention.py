"""Scaled dot-product attention and its adjoint. N samples, L queries, S keys, heads of E numbers each.

q (N, L, heads E), k (N, S, heads E), v and out (N, ..., heads V): the numbers of a head are neighbours. weights
(N, heads, S, L): a query's weights are a column. mask (M, S, L) is added to the scores, those of sample n and head h
for M = N heads, of sample n for M = N, and of all for M = 1; none for M = 0. `p` is the probability with which a weight
is dropped, by the same random numbers as `dropout`'s.
"""

import numpy as np

from backprop.kernels.reference.dropout import dropout


def attention(q, k, v, mask, key, p, weights, out):
    """weights = softmax(k q^T / sqrt(E) + mask) over the keys, axis 2, and out = weights^T v          (48a) (48b)"""
    N, H, S, L = weights.shape
    q, k, v = (_heads(x, H) for x in (q, k, v))
    scores = k @ q.swapaxes(2, 3) / np.sqrt(q.dtype.type(q.shape[3]))  # (48a)
    if len(mask):
        scores = scores + (mask.reshape(len(mask) // H, H, S, L) if len(mask) == N * H else mask[:, None])
    largest = scores.max(axis=2, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(largest == -np.inf, 0, largest))
    total = e.sum(axis=2, keepdims=True)
    weights[...] = e / np.where(total == 0, 1, total)  # 0 where a query may see nothing
    out[...] = _rows(_kept(weights, key, p).swapaxes(2, 3) @ v)  # (48b)


def attention_backward(delta, q, k, v, weights, key, p, delta_q, delta_k, delta_v):
    """(48c) - (48g) the deltas of q, k and v; `delta` is that of out."""
    H = weights.shape[1]
    delta, q, k, v = (_heads(x, H) for x in (delta, q, k, v))
    delta_v[...] = _rows(_kept(weights, key, p) @ delta)  # (48c)
    delta_w = _kept(v @ delta.swapaxes(2, 3), key, p)  # (48d)
    delta_s = weights * (delta_w - (delta_w * weights).sum(axis=2, keepdims=True))  # (48e)
    delta_s = delta_s / np.sqrt(q.dtype.type(q.shape[3]))
    delta_q[...] = _rows(delta_s.swapaxes(2, 3) @ k)  # (48f)
    delta_k[...] = _rows(delta_s @ q)  # (48g)


def _heads(x, H):
    """(N, L, H E) -> (N, H, L, E)"""
    return x.reshape(*x.shape[:2], H, x.shape[2] // H).swapaxes(1, 2)


def _rows(x):
    """The reverse."""
    return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], x.shape[1] * x.shape[3])


def _kept(weights, key, p):
    """Weights grown or 0, as `dropout` does it."""
    if not p:
        return weights
    out = np.empty_like(weights)
    dropout(weights.reshape(-1, 1), key, p, out.reshape(-1, 1))
    return out
