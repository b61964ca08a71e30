"""Recurrences over time, and backpropagation through time: the same weights at every step, the state passed on.

p (T, N, G H) is the input's part of every step, x W_ih^T + b_ih, computed by `linear` for all steps at once. h0 (N, H)
is the state before the first step; W_hh (G H, H) and b_hh (G H,) give the state's part q of each step. G is the number
of blocks of H rows in a weight: 1 in an RNN, 3 in a GRU, 4 in an LSTM.

A backward runs from the last step to the first and returns delta_p and delta_q, dL/dp and dL/dq of every step. The
gradients of the weights are then those of a linear layer whose samples are all steps.

Products are added where their sum is needed: that of the state to a copy of p, that of a step's delta to a copy of the
delta of the step before.
"""

from backprop import kernels
from backprop.errors import ShapeError
from backprop.functional.arrays import joined, zeros
from backprop.functional.shapes import contiguous, flat, rows
from backprop.module.parameter import values


def rnn(p, h0, w_hh, b_hh, nonlinearity):
    """h[t] = sigma(p[t] + h[t-1] W_hh^T + b_hh), sigma "tanh" or "relu": h (T, N, H)                         (33a)"""
    k = kernels.of(p, h0, values(w_hh))
    _expect(p, h0, w_hh, 1)
    h, u = k.empty(p.shape, p.dtype), _with_bias(k, p, b_hh)
    before, weight, sigma = contiguous(h0), contiguous(values(w_hh)), getattr(k, nonlinearity)
    for u_t, h_t in zip(u, h, strict=True):
        k.matmul_nt(before, weight, u_t, True)  # (1) (2)
        sigma(flat(u_t), flat(h_t))  # (33a)
        before = h_t
    return h


def rnn_backward(delta, h, w_hh, nonlinearity):
    """(delta_p, delta_h0); delta_q is delta_p. A state's delta sums its output's and the next step's.         (33b)"""
    k = kernels.of(delta, h, values(w_hh))
    _expect(h, h[0], w_hh, 1)
    _expect_shape("delta", delta, h.shape)
    delta_p, delta_h, delta_h0 = k.empty(h.shape, h.dtype), _copy(k, delta), zeros(h.shape[1:], h)
    slope, weight = getattr(k, f"{nonlinearity}_backward"), contiguous(values(w_hh))
    for t in reversed(range(len(h))):
        slope(flat(delta_h[t]), flat(h[t]), flat(delta_p[t]))  # (33b) (4)
        k.matmul_nn(delta_p[t], weight, delta_h[t - 1] if t else delta_h0, True)  # (33b) (7)
    return delta_p, delta_h0


def gru(p, h0, w_hh, b_hh):
    """(h, q, gates): the states (T, N, H), and what the backward needs, q and gates (T, N, 3H)             (34)"""
    k = kernels.of(p, h0, values(w_hh))
    _expect(p, h0, w_hh, 3)
    h = k.empty((*p.shape[:2], h0.shape[1]), p.dtype)
    q, gates = k.empty(p.shape, p.dtype), k.empty(p.shape, p.dtype)
    before, from_state = contiguous(h0), _from_state(k, w_hh, b_hh)
    for p_t, q_t, gates_t, h_t in zip(contiguous(p), q, gates, h, strict=True):
        from_state(before, q_t)
        k.gru_cell(p_t, q_t, before, gates_t, h_t)  # (34)
        before = h_t
    return h, q, gates


def gru_backward(delta, h, h0, q, gates, w_hh):
    """(delta_p, delta_q, delta_h0)                                                                         (34)"""
    k = kernels.of(delta, h, h0, q, gates, values(w_hh))
    _expect(q, h0, w_hh, 3)
    _expect_shape("gates", gates, q.shape)
    _expect_shape("delta", delta, h.shape)
    _expect_shape("h", h, (*q.shape[:2], h0.shape[1]))
    delta_p, delta_q = k.empty(q.shape, q.dtype), k.empty(q.shape, q.dtype)
    delta_h0, kept = zeros(h0.shape, h), k.empty(h0.shape, h.dtype)
    weight, delta_h = contiguous(values(w_hh)), _copy(k, delta)
    for t in reversed(range(len(h))):
        before, below = (h[t - 1], delta_h[t - 1]) if t else (contiguous(h0), delta_h0)
        k.gru_cell_backward(delta_h[t], gates[t], q[t], before, delta_p[t], delta_q[t], kept)  # (34)
        k.matmul_nn(delta_q[t], weight, below, True)  # (34) (7)
        k.add(flat(kept), flat(below), flat(below))  # (34) + z delta
    return delta_p, delta_q, delta_h0


def lstm(p, h0, c0, w_hh, b_hh):
    """(h, c, gates): states and cell contents (T, N, H), and the gates (T, N, 4H)                          (35)"""
    k = kernels.of(p, h0, c0, values(w_hh))
    _expect(p, h0, w_hh, 4)
    _expect_shape("c0", c0, h0.shape)
    h, c = (k.empty((*p.shape[:2], h0.shape[1]), p.dtype) for _ in range(2))
    gates = _with_bias(k, p, b_hh)  # u first, whose place the gates take
    before, c_before, weight = contiguous(h0), contiguous(c0), contiguous(values(w_hh))
    for u_t, c_t, h_t in zip(gates, c, h, strict=True):
        k.matmul_nt(before, weight, u_t, True)  # (1) (2)
        k.lstm_cell(u_t, c_before, u_t, c_t, h_t)  # (35)
        before, c_before = h_t, c_t
    return h, c, gates


def lstm_backward(delta, c, c0, gates, w_hh):
    """(delta_p, delta_h0, delta_c0); delta_q is delta_p                                                    (35)"""
    k = kernels.of(delta, c, c0, gates, values(w_hh))
    _expect(gates, c0, w_hh, 4)
    _expect_shape("delta", delta, c.shape)
    _expect_shape("c", c, (*gates.shape[:2], c0.shape[1]))
    delta_p, delta_h, delta_h0 = k.empty(gates.shape, c.dtype), _copy(k, delta), zeros(c0.shape, c)
    weight, carried_c, below_c = contiguous(values(w_hh)), zeros(c0.shape, c), k.empty(c0.shape, c.dtype)
    for t in reversed(range(len(c))):
        c_before, below = (c[t - 1], delta_h[t - 1]) if t else (contiguous(c0), delta_h0)
        k.lstm_cell_backward(delta_h[t], carried_c, gates[t], c_before, c[t], delta_p[t], below_c)  # (35)
        carried_c, below_c = below_c, carried_c
        k.matmul_nn(delta_p[t], weight, below, True)  # (35) (7)
    return delta_p, delta_h0, carried_c


def _from_state(k, w_hh, b_hh):
    """The function that computes q_t = h_{t-1} W_hh^T + b_hh: from_state(h, q)                            (1) (2)"""
    weight, bias = contiguous(values(w_hh)), values(b_hh)
    if bias is None:
        return lambda h, q: k.matmul_nt(h, weight, q, False)
    return lambda h, q: k.linear(h, weight, bias, False, q)


def _with_bias(k, p, b_hh):
    """p + b_hh, a new array: what each step's state is added to                                           (2)"""
    bias, out = zeros(p.shape[2:], p) if b_hh is None else contiguous(values(b_hh)), k.empty(p.shape, p.dtype)
    k.add_bias(rows(p), bias, rows(out))  # (2)
    return out


def _copy(k, array):
    return _with_bias(k, array, None)


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
