"""Recurrences over whole sequences, and their adjoints: T steps of N sequences, H hidden units, G gates of each unit, H
apart: an LSTM has 4, a GRU 3, a plain recurrent layer 1.

Sequences are independent. An item is a few of them, which one thread takes from the first step to the last. The state's
weights are copied once, for all steps, into panels of one register's columns. The sums of a product stay in registers;
the formulas of a unit, (33) to (35) in layers/recurrent.py, then read them from a small array in the nearest cache, and
are computed for a register of units.
"""

from backprop.kernels.cpu.elementary.functions import sigmoid, tanh
from backprop.kernels.cpu.elementary.traced import where, word
from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, pieces, share
from backprop.kernels.cpu.product.panels import BACK, SPACE, TILE, panels_of, plus, products, send_back
from backprop.kernels.cpu.simd import lanes, load, put_some, some_of, zeros
from backprop.kernels.cpu.views import scratch

OF_LSTM, OF_GRU, OF_RNN = TILE // 4, TILE // 3, TILE // 3  # sequences in an item, forward


@word
def lstm_unit(u_i, u_f, u_g, u_o, c_before):
    """(35a) - (35f)"""
    i, f, g, o = sigmoid(u_i), sigmoid(u_f), tanh(u_g), sigmoid(u_o)
    c = f * c_before + i * g
    return i, f, g, o, c, o * tanh(c)


@word
def lstm_unit_backward(delta_h, delta_c_after, i, f, g, o, c_before, c):
    """(35g) - (35k), and what goes on to the cell before"""
    t = tanh(c)
    delta_c = delta_h * o * (1 - t * t) + delta_c_after
    delta_i, delta_f = delta_c * g * i * (1 - i), delta_c * c_before * f * (1 - f)
    delta_g, delta_o = delta_c * i * (1 - g * g), delta_h * t * o * (1 - o)
    return delta_i, delta_f, delta_g, delta_o, delta_c * f


@word
def gru_unit(u_r, u_z, p_n, q_n, h_before):
    """(34a) - (34d)"""
    r, z = sigmoid(u_r), sigmoid(u_z)
    n = tanh(p_n + r * q_n)
    return r, z, n, (1 - z) * n + z * h_before


@word
def gru_unit_backward(delta_h, r, z, n, q_n, h_before):
    """(34f) - (34i), and the part of delta_{h_{t-1}} that does not pass through q"""
    delta_n = delta_h * (1 - z) * (1 - n * n)
    delta_z = delta_h * (h_before - n) * z * (1 - z)
    delta_r = delta_n * q_n * r * (1 - r)
    return delta_r, delta_z, delta_n, r * delta_n, delta_h * z


@word
def rnn_unit(p, q, rectified):
    """(33a), the ReLU or the tanh of p + q"""
    u = p + q
    return where(rectified == 0, tanh(u), where(u <= 0, 0, u))


@word
def rnn_unit_backward(delta, from_after, h, rectified):
    """(33b)"""
    return (delta + from_after) * where(rectified == 0, 1 - h * h, where(h <= 0, 0, h.like(1)))


@inlined
def shared(sequences, together, part, parts):
    """The items of a part, of so many sequences each."""
    return share((sequences + together - 1) // together, part, parts)


# An LSTM.


def lstm(p, h0, c0, w, bias, h, c, gates):
    """(35) states h and cells c (T, N, H), and gates (T, N, 4H): sigmoid, sigmoid, tanh, sigmoid of p + h_{t-1} W^T +
    bias: in, forget, candidate, out; from p (T, N, 4H), h0 and c0 (N, H), W (4H, H) and bias (4H,)
    """
    lstm_steps(p, h0, c0, panels_of(w, 4, True), bias, h, c, gates)


@kernel(work=16, of="gates", split=1)
def lstm_steps(p, h0, c0, panels, bias, h, c, gates, part, parts):
    size = h.shape[1] * h.shape[2]
    for t in range(h.shape[0]):
        if t == 0:
            before = piece(h0, 0, size), piece(c0, 0, size)
            lstm_step(t, *before, p, panels, bias, h, c, gates, part, parts)
        else:
            before = piece(h, (t - 1) * size, size), piece(c, (t - 1) * size, size)
            lstm_step(t, *before, p, panels, bias, h, c, gates, part, parts)


@inner
def lstm_step(t, h_before, c_before, p, panels, bias, h, c, gates, part, parts):
    N, H = h.shape[1:]
    found, size, apart = scratch(h, SPACE), lanes(h), panels.size // 4
    b_i, b_f, b_g, b_o = pieces(bias, 0, H, 4)
    for k in range(0, H, size):
        j = k * H, k * H + apart, k * H + 2 * apart, k * H + 3 * apart
        for item in shared(N, OF_LSTM, part, parts):
            first, blank = item * OF_LSTM, (zeros(h, OF_LSTM, 4), OF_LSTM, zeros(h, 1, 4))
            count = min(OF_LSTM, N - first)
            products(*blank, h_before, first * H, H, count, panels, j, found)
            for r in range(count):
                row, n, at = t * N + first + r, (first + r) * H, 4 * r * size
                p_i, p_f, p_g, p_o = pieces(p, 4 * row * H, H, 4)
                to_i, to_f, to_g, to_o = pieces(gates, 4 * row * H, H, 4)
                q_i, q_f = load(found, at, 0, 1, 1), load(found, at + size, 0, 1, 1)
                q_g, q_o = load(found, at + 2 * size, 0, 1, 1), load(found, at + 3 * size, 0, 1, 1)
                u_i = plus(plus(some_of(p_i, k), some_of(b_i, k)), q_i)
                u_f = plus(plus(some_of(p_f, k), some_of(b_f, k)), q_f)
                u_g = plus(plus(some_of(p_g, k), some_of(b_g, k)), q_g)
                u_o = plus(plus(some_of(p_o, k), some_of(b_o, k)), q_o)
                i, f, g, o, c_, h_ = lstm_unit(u_i, u_f, u_g, u_o, some_of(piece(c_before, n, H), k))
                put_some(i, to_i, k), put_some(f, to_f, k), put_some(g, to_g, k), put_some(o, to_o, k)
                put_some(c_, piece(c, row * H, H), k), put_some(h_, piece(h, row * H, H), k)


def lstm_backward(delta, gates, c, c0, w, delta_p, delta_h, delta_c):
    """(35) delta_p (T, N, 4H), and of h0 and c0 delta_h and delta_c (N, H), which are zeros before"""
    lstm_steps_backward(delta, gates, c, c0, panels_of(w, 4, False), delta_p, delta_h, delta_c)


@kernel(work=16, of="gates", split=1)
def lstm_steps_backward(delta, gates, c, c0, panels, delta_p, delta_h, delta_c, part, parts):
    T, N, H = c.shape
    for t in range(T - 1, -1, -1):
        for item in shared(N, BACK, part, parts):
            first, count = item * BACK, min(BACK, N - item * BACK)
            for n in range(first, first + count):
                if t == 0:
                    lstm_row_backward(t, n, delta, gates, c, piece(c0, n * H, H), delta_p, delta_h, delta_c)
                else:
                    before = piece(c, ((t - 1) * N + n) * H, H)
                    lstm_row_backward(t, n, delta, gates, c, before, delta_p, delta_h, delta_c)
            now = piece(delta_p, t * N * 4 * H, N * 4 * H)
            send_back(now, first, count, 4 * H, panels, False, delta_h)


@inner
def lstm_row_backward(t, n, delta, gates, c, c_before, delta_p, delta_h, delta_c):
    N, H = delta_h.shape
    row = t * N + n
    i, f, g, o = pieces(gates, 4 * row * H, H, 4)
    to_i, to_f, to_g, to_o = pieces(delta_p, 4 * row * H, H, 4)
    own, c_ = piece(delta, row * H, H), piece(c, row * H, H)
    after_h, after_c = piece(delta_h, n * H, H), piece(delta_c, n * H, H)
    for k in range(0, H, lanes(c)):
        four = some_of(i, k), some_of(f, k), some_of(g, k), some_of(o, k)
        deltas = plus(some_of(own, k), some_of(after_h, k)), some_of(after_c, k)
        cells = some_of(c_before, k), some_of(c_, k)
        delta_i, delta_f, delta_g, delta_o, on = lstm_unit_backward(*deltas, *four, *cells)
        put_some(delta_i, to_i, k), put_some(delta_f, to_f, k)
        put_some(delta_g, to_g, k), put_some(delta_o, to_o, k), put_some(on, after_c, k)


# A GRU.


def gru(p, h0, w, bias, h, q_n, gates):
    """(34) states h (T, N, H), q_n (T, N, H), and gates (T, N, 3H): r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z),
    n = tanh(p_n + r * q_n), where q = h_{t-1} W^T + bias; from p (T, N, 3H), h0 (N, H), W (3H, H) and bias (3H,)
    """
    gru_steps(p, h0, panels_of(w, 3, True), bias, h, q_n, gates)


@kernel(work=16, of="gates", split=1)
def gru_steps(p, h0, panels, bias, h, q_n, gates, part, parts):
    size = h.shape[1] * h.shape[2]
    for t in range(h.shape[0]):
        if t == 0:
            gru_step(t, piece(h0, 0, size), p, panels, bias, h, q_n, gates, part, parts)
        else:
            gru_step(t, piece(h, (t - 1) * size, size), p, panels, bias, h, q_n, gates, part, parts)


@inner
def gru_step(t, h_before, p, panels, bias, h, q_n, gates, part, parts):
    N, H = h.shape[1:]
    found, size, apart = scratch(h, SPACE), lanes(h), panels.size // 3
    b_r, b_z, b_n = pieces(bias, 0, H, 3)
    for k in range(0, H, size):
        j = k * H, k * H + apart, k * H + 2 * apart
        for item in shared(N, OF_GRU, part, parts):
            first, blank = item * OF_GRU, (zeros(h, OF_GRU, 3), OF_GRU, zeros(h, 1, 3))
            count = min(OF_GRU, N - first)
            products(*blank, h_before, first * H, H, count, panels, j, found)
            for r in range(count):
                row, at = t * N + first + r, 3 * r * size
                p_r, p_z, p_n = pieces(p, 3 * row * H, H, 3)
                to_r, to_z, to_n = pieces(gates, 3 * row * H, H, 3)
                q = plus(load(found, at + 2 * size, 0, 1, 1), some_of(b_n, k))
                u_r = plus(plus(some_of(p_r, k), some_of(b_r, k)), load(found, at, 0, 1, 1))
                u_z = plus(plus(some_of(p_z, k), some_of(b_z, k)), load(found, at + size, 0, 1, 1))
                before = some_of(piece(h_before, (first + r) * H, H), k)
                r_, z, n, h_ = gru_unit(u_r, u_z, some_of(p_n, k), q, before)
                put_some(r_, to_r, k), put_some(z, to_z, k), put_some(n, to_n, k)
                put_some(q, piece(q_n, row * H, H), k), put_some(h_, piece(h, row * H, H), k)


def gru_backward(delta, gates, q_n, h, h0, w, delta_p, delta_q, delta_h):
    """(34) delta_p and delta_q (T, N, 3H), and of h0 delta_h (N, H), which is zeros before"""
    gru_steps_backward(delta, gates, q_n, h, h0, panels_of(w, 3, False), delta_p, delta_q, delta_h)


@kernel(work=16, of="gates", split=1)
def gru_steps_backward(delta, gates, q_n, h, h0, panels, delta_p, delta_q, delta_h, part, parts):
    T, N, H = h.shape
    for t in range(T - 1, -1, -1):
        for item in shared(N, BACK, part, parts):
            first, count = item * BACK, min(BACK, N - item * BACK)
            for n in range(first, first + count):
                if t == 0:
                    gru_row_backward(t, n, delta, gates, q_n, piece(h0, n * H, H), delta_p, delta_q, delta_h)
                else:
                    before = piece(h, ((t - 1) * N + n) * H, H)
                    gru_row_backward(t, n, delta, gates, q_n, before, delta_p, delta_q, delta_h)
            now = piece(delta_q, t * N * 3 * H, N * 3 * H)
            send_back(now, first, count, 3 * H, panels, True, delta_h)


@inner
def gru_row_backward(t, n, delta, gates, q_n, h_before, delta_p, delta_q, delta_h):
    N, H = delta_h.shape
    row = t * N + n
    r, z, candidate = pieces(gates, 3 * row * H, H, 3)
    p_r, p_z, p_n = pieces(delta_p, 3 * row * H, H, 3)
    q_r, q_z, to_n = pieces(delta_q, 3 * row * H, H, 3)
    own, q, after = piece(delta, row * H, H), piece(q_n, row * H, H), piece(delta_h, n * H, H)
    for k in range(0, H, lanes(delta)):
        three = some_of(r, k), some_of(z, k), some_of(candidate, k)
        delta_r, delta_z, delta_n, delta_q_n, on = gru_unit_backward(
            plus(some_of(own, k), some_of(after, k)), *three, some_of(q, k), some_of(h_before, k)
        )
        put_some(delta_r, p_r, k), put_some(delta_z, p_z, k), put_some(delta_n, p_n, k)
        put_some(delta_r, q_r, k), put_some(delta_z, q_z, k), put_some(delta_q_n, to_n, k)
        put_some(on, after, k)


# A plain recurrent layer.


def rnn(p, h0, w, bias, rectified, h):
    """(33a) h (T, N, H), the tanh, or ReLU if `rectified`, of p + h_{t-1} W^T + bias; from p (T, N, H), h0 (N, H),
    W (H, H) and bias (H,)
    """
    rnn_steps(p, h0, panels_of(w, 1, True), bias, rectified, h)


@kernel(work=16, of="h", split=1)
def rnn_steps(p, h0, panels, bias, rectified, h, part, parts):
    size = h.shape[1] * h.shape[2]
    for t in range(h.shape[0]):
        if t == 0:
            rnn_step(t, piece(h0, 0, size), p, panels, bias, rectified, h, part, parts)
        else:
            rnn_step(t, piece(h, (t - 1) * size, size), p, panels, bias, rectified, h, part, parts)


@inner
def rnn_step(t, h_before, p, panels, bias, rectified, h, part, parts):
    N, H = h.shape[1:]
    found, size, b = scratch(h, SPACE), lanes(h), piece(bias, 0, H)
    for k in range(0, H, size):
        for item in shared(N, OF_RNN, part, parts):
            first, blank = item * OF_RNN, (zeros(h, OF_RNN, 1), OF_RNN, zeros(h, 1, 1))
            count = min(OF_RNN, N - first)
            products(*blank, h_before, first * H, H, count, panels, (k * H,), found)
            for r in range(count):
                row = t * N + first + r
                q = plus(load(found, r * size, 0, 1, 1), some_of(b, k))
                put_some(rnn_unit(some_of(piece(p, row * H, H), k), q, rectified), piece(h, row * H, H), k)


def rnn_backward(delta, h, w, rectified, delta_p, delta_h):
    """(33b) delta_p (T, N, H), and of h0 delta_h (N, H), which is zeros before"""
    rnn_steps_backward(delta, h, panels_of(w, 1, False), rectified, delta_p, delta_h)


@kernel(work=16, of="h", split=1)
def rnn_steps_backward(delta, h, panels, rectified, delta_p, delta_h, part, parts):
    T, N, H = h.shape
    for t in range(T - 1, -1, -1):
        for item in shared(N, BACK, part, parts):
            first, count = item * BACK, min(BACK, N - item * BACK)
            for n in range(first, first + count):
                row = (t * N + n) * H
                own, after = piece(delta, row, H), piece(delta_h, n * H, H)
                h_, to = piece(h, row, H), piece(delta_p, row, H)
                for k in range(0, H, lanes(h)):
                    some = some_of(own, k), some_of(after, k), some_of(h_, k)
                    put_some(rnn_unit_backward(*some, rectified), to, k)
            send_back(piece(delta_p, t * N * H, N * H), first, count, H, panels, False, delta_h)
