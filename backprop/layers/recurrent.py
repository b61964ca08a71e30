"""Recurrent layers read a sequence step by step and pass on a state: one set of weights for all steps.  A 82:30.

One direction of one layer reads x (T, N, I), T steps of N sequences. Step t computes its state h_t from two parts, in
which W_ih, W_hh, b_ih and b_hh are the parameters weight_ih, weight_hh, bias_ih and bias_hh:

    p_t = x_t W_ih^T + b_ih          from the input, for all steps at once
    q_t = h_{t-1} W_hh^T + b_hh      from the previous state

RNN, GRU and LSTM differ in how they compute h_t from p_t and q_t: (33), (34), (35). The backward is backpropagation
through time. It runs from the last step to the first, since a state goes into its own output and into the next step.

An RNN with one unit and two steps, by hand, with ReLU, W_ih = 2, W_hh = 3 and no bias:

>>> import numpy as np, backprop as bp
>>> layer = bp.RNN(1, 1, bias=False, nonlinearity="relu", dtype=np.float64)
>>> layer.weight_ih_l0, layer.weight_hh_l0 = bp.Parameter(np.array([[2.]])), bp.Parameter(np.array([[3.]]))
>>> layer(np.array([[1.], [-1]]))                 # (33a) 2*1 + 3*0 = 2, then 2*(-1) + 3*2 = 4
array([[2.],
       [4.]])
>>> delta_x = layer.backward(np.array([[1.], [1]]))
>>> # (33b) the last step: delta_u = 1; the first: its own 1, and 1 W_hh = 3 from the step after it: 4
>>> layer.weight_ih_l0.grad                       # (5) 4 x_1 + 1 x_2 = 4*1 + 1*(-1)
array([[3.]])
>>> layer.weight_hh_l0.grad                       # (5) 4 h_0 + 1 h_1 = 4*0 + 1*2
array([[2.]])
>>> delta_x                                       # (7) 4 W_ih and 1 W_ih
array([[8.],
       [2.]])

As everywhere, `*` multiplies entry by entry, and what stands side by side is a product of matrices. In the comments
before(h, h0) is h_{t-1} at every step, after(delta) is delta_{t+1}, and 0 after the last step; what is defined by
itself, such as h by before(h, h0), is computed step by step.
"""

from typing import NamedTuple

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.layers.recurrent_stack import RecurrentStack


class Run(NamedTuple):
    """What one direction of one layer keeps for its backward: arrays of all steps, (T, N, ...), h0 and c0 (N, H)."""

    x: np.ndarray
    h0: np.ndarray
    h: np.ndarray
    q_n: np.ndarray | None = None  # the state's part of a GRU's candidate
    gates: np.ndarray | None = None  # of a GRU or an LSTM
    c0: np.ndarray | None = None  # an LSTM's cell
    c: np.ndarray | None = None
    delta_c: np.ndarray | None = None  # of the last cell, where somebody else has used it


class Recurrent(RecurrentStack):
    """The part that all three share: the input's part of every step, and the gradients of the weights.

    backward  (5)  dL/dW_ih    = sum_t delta_{p_t}^T x_t           as in Linear, with steps as samples
                   dL/dW_hh    = sum_t delta_{q_t}^T h_{t-1}
              (6)  dL/db_ih    = sum_t delta_{p_t}
                   dL/db_hh    = sum_t delta_{q_t}
              (7)  delta_{x_t} = delta_{p_t} W_ih

    A subclass writes `steps` and `steps_backward`.
    """

    recordable = True

    def run(self, x, start, weights):
        W_ih, W_hh, b_ih, b_hh = weights
        p = F.linear(x, W_ih, b_ih)  # (1) (2) x @ W_ih.T + b_ih
        return self.steps(x, p, *start, W_hh, b_hh)

    def run_backward(self, delta, run, weights):
        (W_ih, W_hh, b_ih, b_hh), x = weights, run.x
        delta_p, delta_q, *delta_start = self.steps_backward(delta, run, W_hh)
        h_before = F.states_before(run.h, run.h0)
        W_ih.accumulate(F.linear_weight_grad, delta_p, x)  # (5) tensordot(delta_p, x, ((0, 1), (0, 1)))
        W_hh.accumulate(F.linear_weight_grad, delta_q, h_before)  # (5) tensordot(delta_q, h_before, ((0, 1), (0, 1)))
        if b_ih is not None:
            b_ih.accumulate(F.linear_bias_grad, delta_p)  # (6) delta_p.sum((0, 1))
            b_hh.accumulate(F.linear_bias_grad, delta_q)  # (6) delta_q.sum((0, 1))
        delta_x = F.linear_input_grad(delta_p, W_ih)  # (7) delta_p @ W_ih
        return delta_x, delta_start


class RNN(Recurrent):
    """The plain recurrent layer: one activation and no gates. Shapes and options are RecurrentStack's.

    forward   (33a)  h_t         = sigma(p_t + q_t)                               sigma = tanh, or ReLU
    backward  (33b)  delta_{u_t} = (delta_t + delta_{u_{t+1}} W_hh) * sigma'      from output t and step t + 1

    u = p + q, so delta_p = delta_q = delta_u. slope(h) is sigma' written in h: 1 - h^2 for tanh, 1 or 0 for ReLU.
    """

    recordable = True

    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", *args, **options):
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, *args, **options)

    def steps(self, x, p, h0, W_hh, b_hh):
        h = F.rnn(p, h0, W_hh, b_hh, self.nonlinearity)  # (33a) h = sigma(p + before(h, h0) @ W_hh.T + b_hh)
        return Run(x, h0, h)

    def steps_backward(self, delta, run, W_hh):
        h = run.h
        # (33b) delta_u = (delta + after(delta_u @ W_hh)) * slope(h)
        delta_u, delta_h0 = F.rnn_backward(delta, h, W_hh, self.nonlinearity)
        return delta_u, delta_u, delta_h0


class GRU(Recurrent):
    """A gated recurrent unit chooses how much of its state to keep. Shapes and options are RecurrentStack's.

    p, q, their deltas and the weights have three parts: r, z, n, for reset, update and candidate. delta_h is that of
    h_t, from all its uses.

    forward   (34a)  r           = sigmoid(p_r + q_r)
              (34b)  z           = sigmoid(p_z + q_z)
              (34c)  n           = tanh(p_n + r * q_n)
              (34d)  h_t         = (1 - z) * n + z * h_{t-1}
    backward  (34e)  delta_{h_t} = delta_t + delta_{q_{t+1}} W_hh + z_{t+1} * delta_{h_{t+1}}
                                                                               from output t, and q and h of t + 1
              (34f)  delta_{p_n} = delta_h * (1 - z) * (1 - n^2)               the weight of n is 1 - z, tanh' = 1 - n^2
              (34g)  delta_{p_z} = delta_h * (h_{t-1} - n) * z * (1 - z)       z trades n for the old state
              (34h)  delta_{p_r} = delta_{p_n} * q_n * r * (1 - r)             r was a factor of q_n
              (34i)  delta_q     = (delta_{p_r}, delta_{p_z}, r * delta_{p_n})
    """

    recordable = True
    gates = 3

    def steps(self, x, p, h0, W_hh, b_hh):
        # p_r, p_z, p_n = split(p, 3, -1)
        # q_r, q_z, q_n = split(before(h, h0) @ W_hh.T + b_hh, 3, -1)
        # (34a) r = sigmoid(p_r + q_r)
        # (34b) z = sigmoid(p_z + q_z)
        # (34c) n = tanh(p_n + r * q_n)
        # (34d) h = (1 - z) * n + z * before(h, h0)
        h, q_n, gates = F.gru(p, h0, W_hh, b_hh)
        return Run(x, h0, h, q_n=q_n, gates=gates)

    def steps_backward(self, delta, run, W_hh):
        h, h0, q_n, gates = run.h, run.h0, run.q_n, run.gates
        # r, z, n = split(gates, 3, -1)
        # (34e) delta_h = delta + after(delta_q @ W_hh + z * delta_h)
        # (34f) delta_p_n = delta_h * (1 - z) * (1 - n**2)
        # (34g) delta_p_z = delta_h * (before(h, h0) - n) * z * (1 - z)
        # (34h) delta_p_r = delta_p_n * q_n * r * (1 - r)
        # delta_p = concatenate([delta_p_r, delta_p_z, delta_p_n], -1)
        # (34i) delta_q = concatenate([delta_p_r, delta_p_z, r * delta_p_n], -1)
        delta_p, delta_q, delta_h0 = F.gru_backward(delta, h, h0, q_n, gates, W_hh)
        return delta_p, delta_q, delta_h0


class LSTM(Recurrent):
    """A long short-term memory has a cell c beside its state, along which deltas pass through no activation.

    u, gates, deltas and weights have four parts: i, f, g, o, for in, forget, candidate and out. delta_h and delta_c are
    those of h_t and c_t, from all their uses. Shapes and options are RecurrentStack's.

    forward   (35a)  i           = sigmoid(u_i)                          u = p_t + q_t
              (35b)  f           = sigmoid(u_f)
              (35c)  g           = tanh(u_g)
              (35d)  o           = sigmoid(u_o)
              (35e)  c_t         = f * c_{t-1} + i * g
              (35f)  h_t         = o * tanh(c_t)
    backward  (33b)  delta_{h_t} = delta_t + delta_{u_{t+1}} W_hh        the same, without sigma'
              (35g)  delta_{c_t} = delta_h * o * (1 - tanh^2 c_t) + f_{t+1} * delta_{c_{t+1}}
                                                                         from h_t, and from the next cell
              (35h)  delta_{u_i} = delta_c * g * i * (1 - i)             sigmoid' = i (1 - i)
              (35i)  delta_{u_f} = delta_c * c_{t-1} * f * (1 - f)
              (35j)  delta_{u_g} = delta_c * i * (1 - g^2)               tanh' = 1 - g^2
              (35k)  delta_{u_o} = delta_h * tanh(c_t) * o * (1 - o)

    u = p + q, so delta_p = delta_q = delta_u.
    """

    recordable = True
    gates, states = 4, 2

    @property
    def c_n(self):
        """The cell after the last step, (layers * directions, N, H)."""
        return self._last("c")

    def steps(self, x, p, h0, c0, W_hh, b_hh):
        # u_i, u_f, u_g, u_o = split(p + before(h, h0) @ W_hh.T + b_hh, 4, -1)
        # (35a) i = sigmoid(u_i)
        # (35b) f = sigmoid(u_f)
        # (35c) g = tanh(u_g)
        # (35d) o = sigmoid(u_o)
        # (35e) c = f * before(c, c0) + i * g
        # (35f) h = o * tanh(c)
        h, c, gates = F.lstm(p, h0, c0, W_hh, b_hh)
        return Run(x, h0, h, gates=gates, c0=c0, c=c)

    def steps_backward(self, delta, run, W_hh):
        c, c0, gates = run.c, run.c0, run.gates
        # i, f, g, o = split(gates, 4, -1)
        # (33b) delta_h = delta + after(delta_u @ W_hh)
        # (35g) delta_c = delta_h * o * (1 - tanh(c) ** 2) + after(f * delta_c)
        # (35h) delta_u_i = delta_c * g * i * (1 - i)
        # (35i) delta_u_f = delta_c * before(c, c0) * f * (1 - f)
        # (35j) delta_u_g = delta_c * i * (1 - g**2)
        # (35k) delta_u_o = delta_h * tanh(c) * o * (1 - o)
        # delta_u = concatenate([delta_u_i, delta_u_f, delta_u_g, delta_u_o], -1)
        delta_u, delta_h0, delta_c0 = F.lstm_backward(delta, c, c0, gates, W_hh, run.delta_c)
        return delta_u, delta_u, delta_h0, delta_c0
