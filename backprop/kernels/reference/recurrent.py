"""One step of a gated recurrent cell, and its adjoint. N rows, H hidden units; the gates are stored side by side.

The products with the weights are computed before, by `matmul`: a cell turns them into gates and states.
"""

import numpy as np

from backprop.kernels.reference.more_activations import sigmoid


def lstm_cell(u, c_before, gates, c, h):
    """(35) gates (N, 4H) = sigmoid, sigmoid, tanh, sigmoid of u (N, 4H): in, forget, candidate, out;
    c (N, H) = forget * c_before + in * candidate, h (N, H) = out * tanh(c); gates may be u
    """
    hidden = c.shape[1]
    candidate = np.tanh(u[:, 2 * hidden : 3 * hidden])
    gates[...] = sigmoid(u)
    gates[:, 2 * hidden : 3 * hidden] = candidate
    i, f, g, o = np.split(gates, 4, axis=1)
    c[...] = f * c_before + i * g
    h[...] = o * np.tanh(c)


def lstm_cell_backward(delta_h, delta_c_after, gates, c_before, c, delta_u, delta_c_before):
    """(35) delta_u (N, 4H) and delta_c_before (N, H); delta_c_after is what step t + 1 passes back."""
    i, f, g, o = np.split(gates, 4, axis=1)
    t = np.tanh(c)
    delta_c = delta_c_after + delta_h * o * (1 - t * t)
    delta_u[...] = np.concatenate(
        [
            delta_c * g * i * (1 - i),
            delta_c * c_before * f * (1 - f),
            delta_c * i * (1 - g * g),
            delta_h * t * o * (1 - o),
        ],
        axis=1,
    )
    delta_c_before[...] = delta_c * f


def gru_cell(p, q, h_before, gates, h):
    """(34) from the input's part p (N, 3H) and the state's part q (N, 3H): gates (N, 3H) = reset, update, candidate;
    r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z), n = tanh(p_n + r * q_n), h (N, H) = (1 - z) * n + z * h_before
    """
    (p_r, p_z, p_n), (q_r, q_z, q_n) = np.split(p, 3, axis=1), np.split(q, 3, axis=1)
    r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z)
    n = np.tanh(p_n + r * q_n)
    gates[...] = np.concatenate([r, z, n], axis=1)
    h[...] = (1 - z) * n + z * h_before


def gru_cell_backward(delta_h, gates, q, h_before, delta_p, delta_q, delta_h_before):
    """(34) delta_p, delta_q (N, 3H), and the part of delta_h_before (N, H) that does not pass through q."""
    r, z, n = np.split(gates, 3, axis=1)
    q_n = np.split(q, 3, axis=1)[2]
    delta_n = delta_h * (1 - z) * (1 - n * n)
    delta_z = delta_h * (h_before - n) * z * (1 - z)
    delta_r = delta_n * q_n * r * (1 - r)
    delta_p[...] = np.concatenate([delta_r, delta_z, delta_n], axis=1)
    delta_q[...] = np.concatenate([delta_r, delta_z, delta_n * r], axis=1)
    delta_h_before[...] = delta_h * z
