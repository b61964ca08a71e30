"""Recurrences over time, and backpropagation through time: the same weights at every step, the state passed on.

p (T, N, G H) is the input's part of every step, x W_ih^T + b_ih, computed by `linear` for all steps at once. h0 (N, H)
is the state before the first step; W_hh (G H, H) and b_hh (G H,) give the state's part q of each step. G is the number
of blocks of H rows in a weight: 1 in an RNN, 3 in a GRU, 4 in an LSTM.

A backward runs from the last step to the first and returns delta_p and delta_q, dL/dp and dL/dq of every step. The
gradients of the weights are then those of a linear layer whose samples are all steps.
"""

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.arrays import joined, zeros
from backprop.functional.pointwise import add
from backprop.functional.shapes import contiguous
from backprop.module.parameter import values


def rnn(p, h0, w_hh, b_hh, nonlinearity):
    """h[t] = sigma(p[t] + h[t-1] W_hh^T + b_hh), sigma "tanh" or "relu": h (T, N, H)                         (33a)"""
    k = kernels.of(p, h0, values(w_hh))
    _expect(p, h0, w_hh, 1)
    h = k.empty(p.shape, p.dtype)
    k.rnn(contiguous(p), contiguous(h0), *_weights(w_hh, b_hh, p), nonlinearity == "relu", h)  # (1) (2) (33a)
    return h


def rnn_backward(delta, h, w_hh, nonlinearity):
    """(delta_p, delta_h0); delta_q is delta_p. A state's delta sums its output's and the next step's.         (33b)"""
    k = kernels.of(delta, h, values(w_hh))
    _expect(h, h[0], w_hh, 1)
    _expect_shape("delta", delta, h.shape)
    delta_p, delta_h0 = k.empty(h.shape, h.dtype), zeros(h.shape[1:], h)
    weight, rectified = contiguous(values(w_hh)), nonlinearity == "relu"
    k.rnn_backward(contiguous(delta), h, weight, rectified, delta_p, delta_h0)  # (33b) (4) (7)
    return delta_p, delta_h0


def gru(p, h0, w_hh, b_hh):
    """(h, q_n, gates): the states (T, N, H), and what the backward needs, q_n (T, N, H) and gates (T, N, 3H)   (34)"""
    k = kernels.of(p, h0, values(w_hh))
    _expect(p, h0, w_hh, 3)
    h, q_n = (k.empty((*p.shape[:2], h0.shape[1]), p.dtype) for _ in range(2))
    gates = k.empty(p.shape, p.dtype)
    k.gru(contiguous(p), contiguous(h0), *_weights(w_hh, b_hh, p), h, q_n, gates)  # (1) (2) (34)
    return h, q_n, gates


def gru_backward(delta, h, h0, q_n, gates, w_hh):
    """(delta_p, delta_q, delta_h0)                                                                         (34)"""
    k = kernels.of(delta, h, h0, q_n, gates, values(w_hh))
    _expect(gates, h0, w_hh, 3)
    for name, array in {"delta": delta, "h": h, "q_n": q_n}.items():
        _expect_shape(name, array, (*gates.shape[:2], h0.shape[1]))
    delta_p, delta_q = (k.empty(gates.shape, gates.dtype) for _ in range(2))
    delta_h0, weight = zeros(h0.shape, h), contiguous(values(w_hh))
    k.gru_backward(contiguous(delta), gates, q_n, h, contiguous(h0), weight, delta_p, delta_q, delta_h0)  # (34) (7)
    return delta_p, delta_q, delta_h0


def lstm(p, h0, c0, w_hh, b_hh):
    """(h, c, gates): states and cell contents (T, N, H), and the gates (T, N, 4H)                          (35)"""
    k = kernels.of(p, h0, c0, values(w_hh))
    _expect(p, h0, w_hh, 4)
    _expect_shape("c0", c0, h0.shape)
    h, c = (k.empty((*p.shape[:2], h0.shape[1]), p.dtype) for _ in range(2))
    gates = k.empty(p.shape, p.dtype)
    k.lstm(contiguous(p), contiguous(h0), contiguous(c0), *_weights(w_hh, b_hh, p), h, c, gates)  # (1) (2) (35)
    return h, c, gates


def lstm_backward(delta, c, c0, gates, w_hh, delta_c=None):
    """(delta_p, delta_h0, delta_c0); delta_q is delta_p                                                    (35)

    `delta_c` (N, H) is that of the last cell, where it has one from elsewhere.
    """
    k = kernels.of(delta, c, c0, gates, values(w_hh))
    _expect(gates, c0, w_hh, 4)
    _expect_shape("delta", delta, c.shape)
    _expect_shape("c", c, (*gates.shape[:2], c0.shape[1]))
    delta_p, delta_h0, delta_c0 = k.empty(gates.shape, c.dtype), zeros(c0.shape, c), zeros(c0.shape, c)
    if delta_c is not None:
        _expect_shape("delta_c", delta_c, c0.shape)
        delta_c0 = add(delta_c0, delta_c)  # which the kernel starts from
    weight = contiguous(values(w_hh))
    k.lstm_backward(contiguous(delta), gates, c, contiguous(c0), weight, delta_p, delta_h0, delta_c0)  # (35) (7)
    return delta_p, delta_h0, delta_c0


def _weights(w_hh, b_hh, p):
    """W_hh and b_hh as kernels take them, zeros where there is no bias."""
    return contiguous(values(w_hh)), zeros(p.shape[2:], p) if b_hh is None else contiguous(values(b_hh))


def _expect(p, h0, w_hh, gates):
    """Raise ShapeError unless p, or an array of p's shape, h0 and W_hh fit each other."""
    hidden = h0.shape[-1] if h0.ndim else 0
    wanted = (gates * hidden, hidden)
    if p.ndim != 3 or h0.ndim != 2 or p.shape[1:] != (len(h0), gates * hidden) or values(w_hh).shape != wanted:
        raise ShapeError(
            f"expects p (T, N, {gates} H), h0 (N, H) and W_hh ({gates} H, H), "
            f"got {p.shape}, {h0.shape} and {values(w_hh).shape}"
        )


def _expect_shape(name, array, shape):
    if array.shape != shape:
        raise ShapeError(f"expects {name} of shape {shape}, got {array.shape}")


def states_before(h, h0):
    """h[t-1] for every step t, (T, N, H), the first of them h0."""
    return joined([h0[None], h[:-1]])
