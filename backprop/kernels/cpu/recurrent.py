"""One step of a gated recurrent cell, and its adjoint. N rows, H hidden units; the gates are stored side by side.

The products with the weights are computed before, by `matmul`: a cell turns them into gates and states. Each formula is
that of one unit; a kernel computes it for a register of units. An item is a row.
"""

from backprop.kernels.cpu.elementary.functions import sigmoid, tanh
from backprop.kernels.cpu.elementary.traced import word
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, pieces, share
from backprop.kernels.cpu.simd import lanes, put_some, some_of


@word
def lstm(u_i, u_f, u_g, u_o, c_before):
    """(35a) - (35f)"""
    i, f, g, o = sigmoid(u_i), sigmoid(u_f), tanh(u_g), sigmoid(u_o)
    c = f * c_before + i * g
    return i, f, g, o, c, o * tanh(c)


@word
def lstm_deltas(delta_h, delta_c_after, i, f, g, o, c_before, c):
    """(35g) - (35k), and what goes on to the cell before"""
    t = tanh(c)
    delta_c = delta_h * o * (1 - t * t) + delta_c_after
    delta_i, delta_f = delta_c * g * i * (1 - i), delta_c * c_before * f * (1 - f)
    delta_g, delta_o = delta_c * i * (1 - g * g), delta_h * t * o * (1 - o)
    return delta_i, delta_f, delta_g, delta_o, delta_c * f


@word
def gru(p_r, p_z, p_n, q_r, q_z, q_n, h_before):
    """(34a) - (34d)"""
    r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z)
    n = tanh(p_n + r * q_n)
    return r, z, n, (1 - z) * n + z * h_before


@word
def gru_deltas(delta_h, r, z, n, q_n, h_before):
    """(34f) - (34i), and the part of delta_{h_{t-1}} that does not pass through q"""
    delta_n = delta_h * (1 - z) * (1 - n * n)
    delta_z = delta_h * (h_before - n) * z * (1 - z)
    delta_r = delta_n * q_n * r * (1 - r)
    return delta_r, delta_z, delta_n, r * delta_n, delta_h * z


@kernel(work=16)
def lstm_cell(u, c_before, gates, c, h, part, parts):
    """(35) gates (N, 4H) = sigmoid, sigmoid, tanh, sigmoid of u (N, 4H): in, forget, candidate, out;
    c (N, H) = forget * c_before + in * candidate, h (N, H) = out * tanh(c); gates may be u
    """
    H = c.shape[1]
    for row in share(c.shape[0], part, parts):
        u_i, u_f, u_g, u_o = pieces(u, 4 * row * H, H, 4)
        to_i, to_f, to_g, to_o = pieces(gates, 4 * row * H, H, 4)
        before, to_c, to_h = piece(c_before, row * H, H), piece(c, row * H, H), piece(h, row * H, H)
        for k in range(0, H, lanes(c)):
            four = some_of(u_i, k), some_of(u_f, k), some_of(u_g, k), some_of(u_o, k)
            i, f, g, o, c_, h_ = lstm(*four, some_of(before, k))
            put_some(i, to_i, k), put_some(f, to_f, k), put_some(g, to_g, k), put_some(o, to_o, k)
            put_some(c_, to_c, k), put_some(h_, to_h, k)


@kernel(work=16)
def lstm_cell_backward(delta_h, delta_c_after, gates, c_before, c, delta_u, delta_c_before, part, parts):
    """(35) delta_u (N, 4H) and delta_c_before (N, H); delta_c_after is what step t + 1 passes back."""
    H = c.shape[1]
    for row in share(c.shape[0], part, parts):
        i, f, g, o = pieces(gates, 4 * row * H, H, 4)
        to_i, to_f, to_g, to_o = pieces(delta_u, 4 * row * H, H, 4)
        delta_h_, after = piece(delta_h, row * H, H), piece(delta_c_after, row * H, H)
        before, c_, to_c = piece(c_before, row * H, H), piece(c, row * H, H), piece(delta_c_before, row * H, H)
        for k in range(0, H, lanes(c)):
            four = some_of(i, k), some_of(f, k), some_of(g, k), some_of(o, k)
            deltas = some_of(delta_h_, k), some_of(after, k)
            delta_i, delta_f, delta_g, delta_o, on = lstm_deltas(*deltas, *four, some_of(before, k), some_of(c_, k))
            put_some(delta_i, to_i, k), put_some(delta_f, to_f, k)
            put_some(delta_g, to_g, k), put_some(delta_o, to_o, k), put_some(on, to_c, k)


@kernel(work=16)
def gru_cell(p, q, h_before, gates, h, part, parts):
    """(34) from the input's part p (N, 3H) and the state's part q (N, 3H): gates (N, 3H) = reset, update, candidate;
    r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z), n = tanh(p_n + r * q_n), h (N, H) = (1 - z) * n + z * h_before
    """
    H = h.shape[1]
    for row in share(h.shape[0], part, parts):
        p_r, p_z, p_n = pieces(p, 3 * row * H, H, 3)
        q_r, q_z, q_n = pieces(q, 3 * row * H, H, 3)
        to_r, to_z, to_n = pieces(gates, 3 * row * H, H, 3)
        before, to_h = piece(h_before, row * H, H), piece(h, row * H, H)
        for k in range(0, H, lanes(h)):
            inputs = some_of(p_r, k), some_of(p_z, k), some_of(p_n, k)
            states = some_of(q_r, k), some_of(q_z, k), some_of(q_n, k)
            r, z, n, h_ = gru(*inputs, *states, some_of(before, k))
            put_some(r, to_r, k), put_some(z, to_z, k), put_some(n, to_n, k), put_some(h_, to_h, k)


@kernel(work=16)
def gru_cell_backward(delta_h, gates, q, h_before, delta_p, delta_q, delta_h_before, part, parts):
    """(34) delta_p, delta_q (N, 3H), and the part of delta_h_before (N, H) that does not pass through q."""
    H = h_before.shape[1]
    for row in share(h_before.shape[0], part, parts):
        r, z, n = pieces(gates, 3 * row * H, H, 3)
        _, _, q_n = pieces(q, 3 * row * H, H, 3)
        p_r, p_z, p_n = pieces(delta_p, 3 * row * H, H, 3)
        q_r, q_z, to_n = pieces(delta_q, 3 * row * H, H, 3)
        delta_h_, before, to_h = (
            piece(delta_h, row * H, H),
            piece(h_before, row * H, H),
            piece(delta_h_before, row * H, H),
        )
        for k in range(0, H, lanes(delta_h)):
            three = some_of(r, k), some_of(z, k), some_of(n, k)
            delta_r, delta_z, delta_n, delta_q_n, on = gru_deltas(
                some_of(delta_h_, k), *three, some_of(q_n, k), some_of(before, k)
            )
            put_some(delta_r, p_r, k), put_some(delta_z, p_z, k), put_some(delta_n, p_n, k)
            put_some(delta_r, q_r, k), put_some(delta_z, q_z, k), put_some(delta_q_n, to_n, k)
            put_some(on, to_h, k)
