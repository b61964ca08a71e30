"""One step of a recurrence: RNN, GRU and LSTM of a single step, for a loop of your own.

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
from backprop.layers.recurrent import GRU, LSTM, RNN, Recurrent
from backprop.module import Module, Parameter
from backprop.module.options import whole
from backprop.module.rng import generator


class Cell(Module):
    """The part that all three share: x (N, I), a state h (N, H), 0 unless it is given; or x (I,), h (H,).

    The formulas are those of `layer`, with T = 1; steps and gradients are computed by it. Parameters are weight_ih
    (G H, I), weight_hh (G H, H), bias_ih and bias_hh (G H,), uniform in +-1/sqrt(H) at first. backward returns delta_x,
    or (delta_x, delta_h) if a state was given.
    """

    analytic = recordable = uses_numpy = True
    layer = None  # RNN, GRU or LSTM
    run, run_backward = Recurrent.run, Recurrent.run_backward

    def __init__(self, input_size, hidden_size, bias=True, dtype=np.float32):
        self.input_size, self.hidden_size = whole("input_size", input_size, 1), whole("hidden_size", hidden_size, 1)
        rows, bound = self.layer.gates * hidden_size, 1 / np.sqrt(hidden_size)
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        for name, shape in {**shapes, "bias_ih": (rows,), "bias_hh": (rows,)}.items():
            drawn = generator().uniform(-bound, bound, shape).astype(dtype)
            setattr(self, name, Parameter(drawn) if bias or "weight" in name else None)

    def forward(self, x, *states):
        self.expect(x.ndim in (1, 2) and x.shape[-1] == self.input_size, f"(N, {self.input_size})", got=x)
        given, wanted = len(states), (*x.shape[:-1], self.hidden_size)
        if given not in (0, self.layer.states) or any(state.shape != wanted for state in states):
            shapes = " and ".join(str(np.shape(state)) for state in states)
            raise ShapeError(f"expects {self.layer.states} state(s) of shape {wanted}, or none, got {shapes}")
        step = x.reshape(1, -1, self.input_size)
        shape = step.shape[1], self.hidden_size
        start = [F.contiguous(state).reshape(shape) for state in states]
        run = self.run(step, start or [F.zeros(shape, x)] * self.layer.states, self._weights())
        self.cache = run, given, wanted, x.shape
        h = run.h.reshape(wanted)
        return h if self.layer.states == 1 else (h, run.c.reshape(wanted))

    def backward(self, delta):
        run, given, wanted, shape = self.cache
        delta_h, delta_c = delta if self.layer.states == 2 else (delta, None)
        if delta_c is not None:
            run = run._replace(delta_c=F.contiguous(delta_c).reshape(run.c0.shape))
        delta_h = F.zeros(run.h.shape, run.h) if delta_h is None else F.contiguous(delta_h).reshape(run.h.shape)
        below, before = self.run_backward(delta_h, run, self._weights())
        return (below.reshape(shape), *(d.reshape(wanted) for d in before)) if given else below.reshape(shape)

    def _weights(self):
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(Cell):
    """RNN of one step: h' = sigma(p + q), (33a), sigma "tanh" or "relu"."""

    recordable, layer = True, RNN
    steps, steps_backward = RNN.steps, RNN.steps_backward

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", dtype=np.float32):
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, dtype)


class GRUCell(Cell):
    """GRU of one step, (34a) - (34d)."""

    recordable, layer = True, GRU
    steps, steps_backward = GRU.steps, GRU.steps_backward


class LSTMCell(Cell):
    """LSTM of one step, (35a) - (35f): `cell(x)` or `cell(x, (h, c))` returns (h', c'); backward takes two deltas."""

    recordable, layer = True, LSTM
    steps, steps_backward = LSTM.steps, LSTM.steps_backward

    def __call__(self, x, *states):
        return super().__call__(x, *(states[0] or () if len(states) == 1 else states))
