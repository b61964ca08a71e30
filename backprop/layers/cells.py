"""One step of a recurrence as a formula: what RNN, GRU and LSTM do at every step. Backward is the graph's, (17).

Two steps of an RNN, by hand, with ReLU, W_ih = 2, W_hh = 3 and no bias:

>>> import numpy as np, backprop as bp
>>> cell = bp.RNNCell(1, 1, bias=False, nonlinearity="relu", dtype=np.float64)
>>> cell.weight_ih, cell.weight_hh = bp.Parameter(np.array([[2.]])), bp.Parameter(np.array([[3.]]))
>>> h = cell(np.array([[1.]]))                    # (33a) 2*1 + 3*0
>>> cell(np.array([[-1.]]), h)                    # (33a) 2*(-1) + 3*2
array([[4.]])
>>> delta_x, delta_h = cell.backward(np.array([[1.]]))
>>> delta_x, delta_h                              # 1 W_ih, and 1 W_hh for the step before
(array([[2.]]), array([[3.]]))
"""

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError, ShapeError
from backprop.graph import Value
from backprop.graph.formulas import OnTheCPU, sigmoid
from backprop.module import Parameter
from backprop.module.options import whole
from backprop.module.rng import generator


class Cell(OnTheCPU):
    """The part that all three share: x (N, I), a state h (N, H), 0 unless it is given; or x (I,), h (H,).

        p = x W_ih^T + b_ih          q = h W_hh^T + b_hh

    Parameters are weight_ih (G H, I), weight_hh (G H, H), bias_ih and bias_hh (G H,), uniform in +-1/sqrt(H) at first.
    backward returns delta_x, or (delta_x, delta_h) if a state was given.
    """

    gates = 1  # G

    def __init__(self, input_size, hidden_size, bias=True, dtype=np.float32):
        self.input_size, self.hidden_size = whole("input_size", input_size, 1), whole("hidden_size", hidden_size, 1)
        rows, bound = self.gates * hidden_size, 1 / np.sqrt(hidden_size)
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        for name, shape in {**shapes, "bias_ih": (rows,), "bias_hh": (rows,)}.items():
            drawn = generator().uniform(-bound, bound, shape).astype(dtype)
            setattr(self, name, Parameter(drawn) if bias or "weight" in name else None)

    def parts(self, x, h):
        """(p, q, h), the state's Value, too; ShapeError unless they fit."""
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(f"expects x (N, {self.input_size}) or ({self.input_size},), got {x.shape}")
        h = self.state(x, h)
        p, q = x @ Value(self.weight_ih).transpose(), h @ Value(self.weight_hh).transpose()
        return (p, q, h) if self.bias_ih is None else (p + self.bias_ih, q + self.bias_hh, h)

    def state(self, x, given):
        """The state as a Value: zeros unless it was given."""
        wanted = (*x.shape[:-1], self.hidden_size)
        if given is not None and given.shape != wanted:
            raise ShapeError(f"expects a state of shape {wanted}, got {given.shape}")
        return Value(F.zeros(wanted, x.data), requires_grad=False) if given is None else given

    def cut(self, u):
        """u in one part for each gate."""
        H = self.hidden_size
        return [u[..., n * H : (n + 1) * H] for n in range(self.gates)]

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(Cell):
    """h' = sigma(p + q), sigma "tanh" or "relu"                                                              (33a)"""

    recordable = True

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", dtype=np.float32):
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, dtype)

    def build(self, x, h=None):
        p, q, _ = self.parts(x, h)
        return np.tanh(p + q) if self.nonlinearity == "tanh" else (p + q).relu()


class GRUCell(Cell):
    """r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z),  n = tanh(p_n + r * q_n),  h' = (1 - z) * n + z * h     (34)"""

    recordable = True
    gates = 3

    def build(self, x, h=None):
        p, q, h = self.parts(x, h)
        (p_r, p_z, p_n), (q_r, q_z, q_n) = self.cut(p), self.cut(q)
        r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z)
        n = np.tanh(p_n + r * q_n)
        return (1 - z) * n + z * h


class LSTMCell(Cell):
    """i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of u = p + q,  c' = f * c + i * g,  h' = o * tanh(c')     (35)

    `cell(x)` or `cell(x, (h, c))` returns (h', c'), so backward takes two deltas, of h' and of c'.
    """

    recordable = True
    gates = 4

    def __call__(self, x, *states):
        return super().__call__(x, *(states[0] or () if len(states) == 1 else states))

    def build(self, x, h=None, c=None):
        if (h is None) != (c is None):
            raise ShapeError("expects two states, (h, c), or none")
        p, q, _ = self.parts(x, h)
        i, f, g, o = self.cut(p + q)
        c = sigmoid(f) * self.state(x, c) + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
