"""Recurrences over whole sequences, and their adjoints: T steps of N sequences, H hidden units. The gates of a unit are
H apart: an LSTM has 4 of them, a GRU 3, a plain recurrent layer 1.
"""

import numpy as np

from backprop.kernels.reference.more_activations import sigmoid


def lstm(p, h0, c0, w, bias, h, c, gates):
    """(35) states h and cells c (T, N, H), and gates (T, N, 4H): sigmoid, sigmoid, tanh, sigmoid of p + h_{t-1} W^T +
    bias: in, forget, candidate, out; from p (T, N, 4H), h0 and c0 (N, H), W (4H, H) and bias (4H,)
    """
    for t in range(len(p)):
        h_before, c_before = (h[t - 1], c[t - 1]) if t else (h0, c0)
        i, f, g, o = np.split(p[t] + h_before @ w.T + bias, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        gates[t] = np.concatenate([i, f, g, o], axis=1)
        c[t] = f * c_before + i * g  # (35)
        h[t] = o * np.tanh(c[t])  # (35)


def lstm_backward(delta, gates, c, c0, w, delta_p, delta_h, delta_c):
    """(35) delta_p (T, N, 4H), and of h0 and c0 delta_h and delta_c (N, H), which are zeros before"""
    for t in reversed(range(len(c))):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        c_before, tanh_c = c[t - 1] if t else c0, np.tanh(c[t])
        own = delta[t] + delta_h
        all_c = own * o * (1 - tanh_c * tanh_c) + delta_c
        delta_i, delta_f = all_c * g * i * (1 - i), all_c * c_before * f * (1 - f)
        delta_g, delta_o = all_c * i * (1 - g * g), own * tanh_c * o * (1 - o)
        delta_p[t] = np.concatenate([delta_i, delta_f, delta_g, delta_o], axis=1)  # (35)
        delta_h[...] = delta_p[t] @ w  # (35)
        delta_c[...] = all_c * f  # (35)


def gru(p, h0, w, bias, h, q_n, gates):
    """(34) states h (T, N, H), q_n (T, N, H), and gates (T, N, 3H): r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z),
    n = tanh(p_n + r * q_n), where q = h_{t-1} W^T + bias; from p (T, N, 3H), h0 (N, H), W (3H, H) and bias (3H,)
    """
    for t in range(len(p)):
        before = h[t - 1] if t else h0
        (p_r, p_z, p_n), (q_r, q_z, q) = np.split(p[t], 3, axis=1), np.split(before @ w.T + bias, 3, axis=1)
        r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z)
        n = np.tanh(p_n + r * q)  # (34)
        q_n[t], gates[t] = q, np.concatenate([r, z, n], axis=1)
        h[t] = (1 - z) * n + z * before  # (34)


def gru_backward(delta, gates, q_n, h, h0, w, delta_p, delta_q, delta_h):
    """(34) delta_p and delta_q (T, N, 3H), and of h0 delta_h (N, H), which is zeros before"""
    for t in reversed(range(len(h))):
        r, z, n = np.split(gates[t], 3, axis=1)
        before, own = h[t - 1] if t else h0, delta[t] + delta_h
        delta_n, delta_z = own * (1 - z) * (1 - n * n), own * (before - n) * z * (1 - z)
        delta_r = delta_n * q_n[t] * r * (1 - r)
        delta_p[t] = np.concatenate([delta_r, delta_z, delta_n], axis=1)  # (34)
        delta_q[t] = np.concatenate([delta_r, delta_z, delta_n * r], axis=1)  # (34)
        delta_h[...] = delta_q[t] @ w + own * z  # (34)


def rnn(p, h0, w, bias, rectified, h):
    """(33a) h (T, N, H), the tanh, or ReLU if `rectified`, of p + h_{t-1} W^T + bias; from p (T, N, H), h0 (N, H),
    W (H, H) and bias (H,)
    """
    for t in range(len(p)):
        u = p[t] + (h[t - 1] if t else h0) @ w.T + bias
        h[t] = np.where(u <= 0, 0, u) if rectified else np.tanh(u)


def rnn_backward(delta, h, w, rectified, delta_p, delta_h):
    """(33b) delta_p (T, N, H), and of h0 delta_h (N, H), which is zeros before"""
    for t in reversed(range(len(h))):
        slope = np.where(h[t] <= 0, 0, 1) if rectified else 1 - h[t] * h[t]
        delta_p[t] = (delta[t] + delta_h) * slope
        delta_h[...] = delta_p[t] @ w
