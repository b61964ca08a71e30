"""One step of a gated recurrent cell, and its adjoint. N rows, H hidden units; the gates are stored side by side.

The products with the weights are computed before, by `matmul`: a cell turns them into gates and states. Item `row`
owns that row.
"""

from backprop.kernels.cpu.elementary import sigmoid, tanh
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share


@kernel(work=16)
def lstm_cell(u, c_before, gates, c, h, part, parts):
    """(35) gates (N, 4H) = sigmoid, sigmoid, tanh, sigmoid of u (N, 4H): in, forget, candidate, out;
    c (N, H) = forget * c_before + in * candidate, h (N, H) = out * tanh(c)
    """
    hidden = c.shape[1]
    for row in share(c.shape[0], part, parts):
        for k in range(hidden):
            i, f = sigmoid(u[row, k]), sigmoid(u[row, hidden + k])
            g, o = tanh(u[row, 2 * hidden + k]), sigmoid(u[row, 3 * hidden + k])
            gates[row, k], gates[row, hidden + k] = i, f
            gates[row, 2 * hidden + k], gates[row, 3 * hidden + k] = g, o
            c[row, k] = f * c_before[row, k] + i * g
            h[row, k] = o * tanh(c[row, k])


@kernel(work=16)
def lstm_cell_backward(delta_h, delta_c_after, gates, c_before, c, delta_u, delta_c_before, part, parts):
    """(35) delta_u (N, 4H) and delta_c_before (N, H); delta_c_after is what step t + 1 passes back."""
    hidden = c.shape[1]
    for row in share(c.shape[0], part, parts):
        for k in range(hidden):
            i, f = gates[row, k], gates[row, hidden + k]
            g, o = gates[row, 2 * hidden + k], gates[row, 3 * hidden + k]
            t = tanh(c[row, k])
            delta_c = delta_c_after[row, k] + delta_h[row, k] * o * (1 - t * t)
            delta_u[row, k] = delta_c * g * i * (1 - i)
            delta_u[row, hidden + k] = delta_c * c_before[row, k] * f * (1 - f)
            delta_u[row, 2 * hidden + k] = delta_c * i * (1 - g * g)
            delta_u[row, 3 * hidden + k] = delta_h[row, k] * t * o * (1 - o)
            delta_c_before[row, k] = delta_c * f


@kernel(work=16)
def gru_cell(p, q, h_before, gates, h, part, parts):
    """(34) from the input's part p (N, 3H) and the state's part q (N, 3H): gates (N, 3H) = reset, update, candidate;
    r = sigmoid(p_r + q_r), z = sigmoid(p_z + q_z), n = tanh(p_n + r * q_n), h (N, H) = (1 - z) * n + z * h_before
    """
    hidden = h.shape[1]
    for row in share(h.shape[0], part, parts):
        for k in range(hidden):
            r = sigmoid(p[row, k] + q[row, k])
            z = sigmoid(p[row, hidden + k] + q[row, hidden + k])
            n = tanh(p[row, 2 * hidden + k] + r * q[row, 2 * hidden + k])
            gates[row, k], gates[row, hidden + k], gates[row, 2 * hidden + k] = r, z, n
            h[row, k] = (1 - z) * n + z * h_before[row, k]


@kernel(work=16)
def gru_cell_backward(delta_h, gates, q, h_before, delta_p, delta_q, delta_h_before, part, parts):
    """(34) delta_p, delta_q (N, 3H), and the part of delta_h_before (N, H) that does not pass through q."""
    hidden = h_before.shape[1]
    for row in share(h_before.shape[0], part, parts):
        for k in range(hidden):
            r, z, n = gates[row, k], gates[row, hidden + k], gates[row, 2 * hidden + k]
            delta_n = delta_h[row, k] * (1 - z) * (1 - n * n)
            delta_z = delta_h[row, k] * (h_before[row, k] - n) * z * (1 - z)
            delta_r = delta_n * q[row, 2 * hidden + k] * r * (1 - r)
            delta_p[row, k], delta_q[row, k] = delta_r, delta_r
            delta_p[row, hidden + k], delta_q[row, hidden + k] = delta_z, delta_z
            delta_p[row, 2 * hidden + k], delta_q[row, 2 * hidden + k] = delta_n, delta_n * r
            delta_h_before[row, k] = delta_h[row, k] * z
