"""Three ways to make a step's state of its input and the state before: plainly, by gates, and with a cell beside it.

p_t = W x_t + b and q_t = U h_{t-1} + e are the two parts of step t, of G H numbers for H hidden units. delta is
dL/dh_t, all that h_t answers for. What Recurrent does with all this over time, its file says.
"""

from backprop import functional as F
from backprop.errors import OptionError
from backprop.layers.recurrent import Recurrent, Run


class RNN(Recurrent):
    """A state that is bent and nothing more; G = 1. Shapes and options are Recurrent's.

    forward   (33)  u_t = p_t + q_t
                    h_t = sigma(u_t)                              sigma = tanh, or ReLU
    backward  (33)  delta_p = delta_q = delta * sigma'(u)                 (4), seen through p and through q
                    delta_{h_{t-1}} = delta_q U                           (7)
    """

    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", *args, **options):
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"nonlinearity is 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, *args, **options)

    def steps(self, x, p, h0, w_hh, b_hh):
        return Run(x, h0, F.rnn(p, h0, w_hh, b_hh, self.nonlinearity))  # (33)

    def steps_backward(self, delta, run, w_hh):
        delta_u, delta_h0 = F.rnn_backward(delta, run.h, w_hh, self.nonlinearity)  # (33)
        return delta_u, delta_u, delta_h0


class GRU(Recurrent):
    """A gated recurrent unit chooses how much of its state to keep; G = 3. Shapes and options are Recurrent's.

    p, q and their deltas have three parts: r, z, n, for reset, update and candidate.

    forward   (34)  r   = sigmoid(p_r + q_r)
                    z   = sigmoid(p_z + q_z)
                    n   = tanh(p_n + r q_n)
                    h_t = (1 - z) n + z h_{t-1}
    backward  (34)  delta_{p_n} = delta (1 - z) (1 - n^2)                 n's weight is 1 - z, tanh' = 1 - n^2
                    delta_{p_z} = delta (h_{t-1} - n) z (1 - z)           z trades n for the old state
                    delta_{p_r} = delta_{p_n} q_n r (1 - r)               r was a factor of q_n
                    delta_p = (delta_{p_r}, delta_{p_z}, delta_{p_n})
                    delta_q = (delta_{p_r}, delta_{p_z}, r delta_{p_n})
                    delta_{h_{t-1}} = delta_q U + z delta
    """

    gates = 3

    def steps(self, x, p, h0, w_hh, b_hh):
        h, q, gates = F.gru(p, h0, w_hh, b_hh)  # (34)
        return Run(x, h0, h, q=q, gates=gates)

    def steps_backward(self, delta, run, w_hh):
        return F.gru_backward(delta, run.h, run.h0, run.q, run.gates, w_hh)  # (34)


class LSTM(Recurrent):
    """A long short-term memory keeps a cell c beside its state, through which deltas pass unbent; G = 4.

    u, gates and deltas have four parts: i, f, g, o, for in, forget, candidate and out. Shapes and options are
    Recurrent's.

    forward   (35)  u   = p_t + q_t
                    i   = sigmoid(u_i)                                    f and o likewise, of u_f and u_o
                    g   = tanh(u_g)
                    c_t = f c_{t-1} + i g
                    h_t = o tanh(c_t)
    backward  (35)  delta_c = delta o (1 - tanh^2 c_t) + what step t + 1 hands back
                    delta_{u_i} = delta_c g i (1 - i)                     sigmoid' = i (1 - i), tanh' = 1 - g^2
                    delta_{u_f} = delta_c c_{t-1} f (1 - f)
                    delta_{u_g} = delta_c i (1 - g^2)
                    delta_{u_o} = delta tanh(c_t) o (1 - o)
                    delta_p = delta_q = (delta_{u_i}, delta_{u_f}, delta_{u_g}, delta_{u_o})
                    delta_{c_{t-1}} = f delta_c
                    delta_{h_{t-1}} = delta_q U
    """

    gates, states = 4, 2

    @property
    def c_n(self):
        """The cell after the last step, (layers * directions, N, H)."""
        return self._last("c")

    def steps(self, x, p, h0, c0, w_hh, b_hh):
        h, c, gates = F.lstm(p, h0, c0, w_hh, b_hh)  # (35)
        return Run(x, h0, h, gates=gates, c0=c0, c=c)

    def steps_backward(self, delta, run, w_hh):
        delta_u, delta_h0, delta_c0 = F.lstm_backward(delta, run.c, run.c0, run.gates, w_hh)  # (35)
        return delta_u, delta_u, delta_h0, delta_c0
