"""One step of a gated recurrent cell, and its adjoint. N rows, H hidden units; the gates are stored side by side.

The products with the weights are computed before, by `matmul`: a cell turns them into gates and states. A thread owns
one hidden unit of one row.
"""

import math

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, real, u32
from backprop.kernels.cuda.more_activations import sigmoid


@kernel
def lstm_cell_each(u, c_before, gates, c, h, H, size):
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (4 * H) + k % H  # the unit's first gate; the next ones are H apart
        i, f, o = sigmoid(u[at]), sigmoid(u[at + H]), sigmoid(u[at + 3 * H])
        g = math.tanh(u[at + 2 * H])
        gates[at], gates[at + H], gates[at + 2 * H], gates[at + 3 * H] = i, f, g, o
        content = f * c_before[k] + i * g
        c[k], h[k] = content, o * math.tanh(content)


def lstm_cell(u, c_before, gates, c, h):
    """(35) gates (N, 4H) = sigmoid, sigmoid, tanh, sigmoid of u (N, 4H): in, forget, candidate, out;
    c (N, H) = forget * c_before + in * candidate, h (N, H) = out * tanh(c); gates may be u
    """
    lstm_cell_each.each(c.size, u, c_before, gates, c, h, c.shape[1])


@kernel
def lstm_cell_backward_each(delta_h, delta_c_after, gates, c_before, c, delta_u, delta_c_before, H, size):
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (4 * H) + k % H
        i, f, g, o = gates[at], gates[at + H], gates[at + 2 * H], gates[at + 3 * H]
        t = math.tanh(c[k])
        delta_c = delta_c_after[k] + delta_h[k] * o * (real(1) - t * t)
        delta_u[at] = delta_c * g * i * (real(1) - i)
        delta_u[at + H] = delta_c * c_before[k] * f * (real(1) - f)
        delta_u[at + 2 * H] = delta_c * i * (real(1) - g * g)
        delta_u[at + 3 * H] = delta_h[k] * t * o * (real(1) - o)
        delta_c_before[k] = delta_c * f


def lstm_cell_backward(delta_h, delta_c_after, gates, c_before, c, delta_u, delta_c_before):
    """(35) delta_u (N, 4H) and delta_c_before (N, H); delta_c_after is what step t + 1 passes back."""
    args = delta_h, delta_c_after, gates, c_before, c, delta_u, delta_c_before
    lstm_cell_backward_each.each(c.size, *args, c.shape[1])


@kernel
def gru_cell_each(p, q, h_before, gates, h, H, size):
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (3 * H) + k % H
        r, z = sigmoid(p[at] + q[at]), sigmoid(p[at + H] + q[at + H])
        n = math.tanh(p[at + 2 * H] + r * q[at + 2 * H])
        gates[at], gates[at + H], gates[at + 2 * H] = r, z, n
        h[k] = (real(1) - z) * n + z * h_before[k]


def gru_cell(p, q, h_before, gates, h):
    """(34) from the input's part p (N, 3H) and the state's part q (N, 3H): gates (N, 3H) = reset, update, candidate;
    r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z), n = tanh(p_n + r * q_n), h (N, H) = (1 - z) * n + z * h_before
    """
    gru_cell_each.each(h.size, p, q, h_before, gates, h, h.shape[1])


@kernel
def gru_cell_backward_each(delta_h, gates, q, h_before, delta_p, delta_q, delta_h_before, H, size):
    k = u32(cuda.grid(1))
    if k < size:
        at = k // H * (3 * H) + k % H
        r, z, n = gates[at], gates[at + H], gates[at + 2 * H]
        delta_n = delta_h[k] * (real(1) - z) * (real(1) - n * n)
        delta_z = delta_h[k] * (h_before[k] - n) * z * (real(1) - z)
        delta_r = delta_n * q[at + 2 * H] * r * (real(1) - r)
        delta_p[at], delta_p[at + H], delta_p[at + 2 * H] = delta_r, delta_z, delta_n
        delta_q[at], delta_q[at + H], delta_q[at + 2 * H] = delta_r, delta_z, delta_n * r
        delta_h_before[k] = delta_h[k] * z


def gru_cell_backward(delta_h, gates, q, h_before, delta_p, delta_q, delta_h_before):
    """(34) delta_p, delta_q (N, 3H), and the part of delta_h_before (N, H) that does not pass through q."""
    args = delta_h, gates, q, h_before, delta_p, delta_q, delta_h_before
    gru_cell_backward_each.each(delta_h.size, *args, delta_h.shape[1])
