"""Recurrences over whole sequences, and their adjoints: T steps of N sequences, H hidden units. The gates of a unit are
H apart: an LSTM has 4 of them, a GRU 3, a plain recurrent layer 1.

Each step is a product with the state's weights and a kernel that turns it into gates and states, in which a thread owns
one unit of one sequence.
"""

import math

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, real, u32
from backprop.kernels.cuda.matmul import linear, matmul_nn
from backprop.kernels.cuda.more_activations import sigmoid


@kernel
def lstm_cell(p, q, c_before, gates, c, h, H, size):
    """gates may be q"""
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (4 * H) + k % H  # the unit's first gate; the next ones are H apart
        i, f = sigmoid(p[at] + q[at]), sigmoid(p[at + H] + q[at + H])
        g, o = math.tanh(p[at + 2 * H] + q[at + 2 * H]), sigmoid(p[at + 3 * H] + q[at + 3 * H])
        gates[at], gates[at + H], gates[at + 2 * H], gates[at + 3 * H] = i, f, g, o
        content = f * c_before[k] + i * g
        c[k], h[k] = content, o * math.tanh(content)


@kernel
def lstm_cell_backward(delta, delta_h, gates, c_before, c, delta_u, delta_c, H, size):
    """delta_h and delta_c come from the step after; delta_c becomes that of the step before"""
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (4 * H) + k % H
        i, f, g, o = gates[at], gates[at + H], gates[at + 2 * H], gates[at + 3 * H]
        t, own = math.tanh(c[k]), delta[k] + delta_h[k]
        all_c = delta_c[k] + own * o * (real(1) - t * t)
        delta_u[at] = all_c * g * i * (real(1) - i)
        delta_u[at + H] = all_c * c_before[k] * f * (real(1) - f)
        delta_u[at + 2 * H] = all_c * i * (real(1) - g * g)
        delta_u[at + 3 * H] = own * t * o * (real(1) - o)
        delta_c[k] = all_c * f


@kernel
def gru_cell(p, q, h_before, gates, q_n, h, H, size):
    """gates may be q"""
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (3 * H) + k % H
        r, z = sigmoid(p[at] + q[at]), sigmoid(p[at + H] + q[at + H])
        own = q[at + 2 * H]
        n = math.tanh(p[at + 2 * H] + r * own)
        gates[at], gates[at + H], gates[at + 2 * H], q_n[k] = r, z, n, own
        h[k] = (real(1) - z) * n + z * h_before[k]


@kernel
def gru_cell_backward(delta, gates, q_n, h_before, delta_p, delta_q, delta_h, H, size):
    """delta_h comes from the step after; what does not pass through q goes on to the step before"""
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (3 * H) + k % H
        r, z, n = gates[at], gates[at + H], gates[at + 2 * H]
        own = delta[k] + delta_h[k]
        delta_n = own * (real(1) - z) * (real(1) - n * n)
        delta_z = own * (h_before[k] - n) * z * (real(1) - z)
        delta_r = delta_n * q_n[k] * r * (real(1) - r)
        delta_p[at], delta_p[at + H], delta_p[at + 2 * H] = delta_r, delta_z, delta_n
        delta_q[at], delta_q[at + H], delta_q[at + 2 * H] = delta_r, delta_z, delta_n * r
        delta_h[k] = own * z


@kernel
def rnn_cell(p, h, rectified, size):
    """h is the state's part before"""
    k = u32(cuda.grid(1))
    if k < size:
        u = p[k] + h[k]
        h[k] = (real(0) if u <= real(0) else u) if rectified else math.tanh(u)


@kernel
def rnn_cell_backward(delta, delta_h, h, rectified, delta_p, size):
    k = u32(cuda.grid(1))
    if k < size:
        slope = real(1) - h[k] * h[k]
        if rectified:
            slope = real(0) if h[k] <= real(0) else real(1)
        delta_p[k] = (delta[k] + delta_h[k]) * slope


def lstm(p, h0, c0, w, bias, h, c, gates):
    """(35) states h and cells c (T, N, H), and gates (T, N, 4H): sigmoid, sigmoid, tanh, sigmoid of p + h_{t-1} W^T +
    bias: in, forget, candidate, out; from p (T, N, 4H), h0 and c0 (N, H), W (4H, H) and bias (4H,)
    """
    for t in range(len(p)):
        h_before, c_before = (h[t - 1], c[t - 1]) if t else (h0, c0)
        linear(h_before, w, bias, False, gates[t])
        lstm_cell.each(c0.size, p[t], gates[t], c_before, gates[t], c[t], h[t], c0.shape[1])


def lstm_backward(delta, gates, c, c0, w, delta_p, delta_h, delta_c):
    """(35) delta_p (T, N, 4H), and of h0 and c0 delta_h and delta_c (N, H), which are zeros before"""
    for t in reversed(range(len(c))):
        cells = gates[t], c[t - 1] if t else c0, c[t]
        lstm_cell_backward.each(c0.size, delta[t], delta_h, *cells, delta_p[t], delta_c, c0.shape[1])
        matmul_nn(delta_p[t], w, delta_h, False)


def gru(p, h0, w, bias, h, q_n, gates):
    """(34) states h (T, N, H), q_n (T, N, H), and gates (T, N, 3H): r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z),
    n = tanh(p_n + r * q_n), where q = h_{t-1} W^T + bias; from p (T, N, 3H), h0 (N, H), W (3H, H) and bias (3H,)
    """
    for t in range(len(p)):
        before = h[t - 1] if t else h0
        linear(before, w, bias, False, gates[t])
        gru_cell.each(h0.size, p[t], gates[t], before, gates[t], q_n[t], h[t], h0.shape[1])


def gru_backward(delta, gates, q_n, h, h0, w, delta_p, delta_q, delta_h):
    """(34) delta_p and delta_q (T, N, 3H), and of h0 delta_h (N, H), which is zeros before"""
    for t in reversed(range(len(h))):
        cells = gates[t], q_n[t], h[t - 1] if t else h0
        gru_cell_backward.each(h0.size, delta[t], *cells, delta_p[t], delta_q[t], delta_h, h0.shape[1])
        matmul_nn(delta_q[t], w, delta_h, True)


def rnn(p, h0, w, bias, rectified, h):
    """(33a) h (T, N, H), the tanh, or ReLU if `rectified`, of p + h_{t-1} W^T + bias; from p (T, N, H), h0 (N, H),
    W (H, H) and bias (H,)
    """
    for t in range(len(p)):
        linear(h[t - 1] if t else h0, w, bias, False, h[t])
        rnn_cell.each(h0.size, p[t], h[t], int(rectified))


def rnn_backward(delta, h, w, rectified, delta_p, delta_h):
    """(33b) delta_p (T, N, H), and of h0 delta_h (N, H), which is zeros before"""
    for t in reversed(range(len(h))):
        rnn_cell_backward.each(delta_h.size, delta[t], delta_h, h[t], int(rectified), delta_p[t])
        matmul_nn(delta_p[t], w, delta_h, False)
