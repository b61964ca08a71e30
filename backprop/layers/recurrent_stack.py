"""What RNN, GRU and LSTM share: stacked layers, dropout between them, and two directions.

The formulas, for one direction of one layer, are in recurrent.py; here arrays are only rearranged.
"""

import warnings

import numpy as np

from backprop import functional as F
from backprop.errors import GradientError, ShapeError
from backprop.module import Module, Parameter
from backprop.module.options import probability, whole
from backprop.module.rng import Stream, generator


class RecurrentStack(Module):
    """x (T, N, I), T steps of N sequences, or (T, I) for a single one -> the states h (T, N, H) of the last layer.

    `batch_first` takes and returns (N, T, ...). With `bidirectional`, a second set of weights reads from the end, and
    the features are (H forward, H backward). Layers are stacked, with `dropout` between them in training.

    `layer(x, hx)` starts from the state hx (layers * directions, N, H), an LSTM from (h0, c0), instead of zeros. Unlike
    PyTorch's, the call returns only the outputs, so that it fits into a chain; the last state is `layer.h_n`, an LSTM's
    last cell `layer.c_n`. backward returns delta_x, or (delta_x, delta_hx) where hx was given.

    Weights are weight_ih_l0 (G H, I), weight_hh_l0 (G H, H), bias_ih_l0 and bias_hh_l0 (G H,), G = 1, 3, 4 for an RNN,
    a GRU, an LSTM; weight_ih_l1 is (G H, H directions), since it reads the layer below, and so on; names of weights
    that read from the end have the suffix _reverse. All start uniform in +-1/sqrt(H). A subclass writes `run` and
    `run_backward`, for one direction of one layer.

    Raises ShapeError unless x's last axis has length I and hx fits x.
    """

    analytic = True
    recordable = uses_numpy = True
    gates = 1  # G: blocks of H rows in a weight
    states = 1  # arrays that one step passes to the next

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        dtype=np.float32,
    ):
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            whole(name, value, 1)
        if probability("dropout", dropout) and num_layers == 1:
            words = f"dropout={dropout} acts between layers, but there is only one layer: nothing is dropped"
            warnings.warn(words, stacklevel=2 + (type(self).__init__ is not RecurrentStack.__init__))
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout, self.bidirectional = batch_first, dropout, bidirectional
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.stream = Stream()
        bound = 1 / np.sqrt(hidden_size)
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            width = hidden_size * len(self.directions) if layer else input_size
            for way in self.directions:
                shapes = {"weight_ih": (rows, width), "weight_hh": (rows, hidden_size)}
                for name, shape in {**shapes, "bias_ih": (rows,), "bias_hh": (rows,)}.items():
                    drawn = generator().uniform(-bound, bound, shape).astype(dtype)
                    setattr(self, f"{name}_l{layer}{way}", Parameter(drawn) if bias or "weight" in name else None)

    def forward(self, x, hx=None):
        single = x.ndim == 2
        wanted = f"(T, N, {self.input_size}), or (T, {self.input_size}) for a single sequence"
        self.expect(x.ndim in (2, 3) and x.shape[-1] == self.input_size, wanted, got=x)
        x = self._steps_first(x, single)
        self.expect(len(x) > 0, "at least one step", got=x)
        start = self._start(hx, x, single)
        runs, keys = [], []
        for layer in range(self.num_layers):
            if layer and self.training and self.dropout:
                keys.append(self.stream.next_key())
                x = F.dropout(x, keys[-1], self.dropout)  # (25a)
            outputs = []
            for way in self.directions:
                seen = x if not way else F.flipped(x)
                run = self.run(seen, [state[len(runs)] for state in start], self._weights(layer, way))
                runs.append(run)
                outputs.append(run.h if not way else F.flipped(run.h))
            x = outputs[0] if len(outputs) == 1 else F.joined(outputs, axis=2)
        self.cache = runs, keys, single, hx is not None
        return self._as_given(x, single)

    def backward(self, delta):
        runs, keys, single, with_start = self.cache
        delta = self._steps_first(delta, single)
        hidden, starts = self.hidden_size, [None] * len(runs)
        for layer in reversed(range(self.num_layers)):
            deltas = []
            for place, way in enumerate(self.directions):
                index = layer * len(self.directions) + place
                own = F.cut(delta, 2, place * hidden, (place + 1) * hidden)
                below, starts[index] = self.run_backward(
                    own if not way else F.flipped(own), runs[index], self._weights(layer, way)
                )
                deltas.append(below if not way else F.flipped(below))
            delta = deltas[0] if len(deltas) == 1 else F.add(*deltas)  # both directions read the same input
            if layer and keys:
                delta = F.dropout(delta, keys[layer - 1], self.dropout)  # (25b)
        delta = self._as_given(delta, single)
        if not with_start:
            return delta
        stacks = [F.stacked(states) for states in zip(*starts, strict=True)]
        stacks = [stack[:, 0] if single else stack for stack in stacks]
        return delta, stacks[0] if self.states == 1 else tuple(stacks)

    @property
    def h_n(self):
        """The state after the last step, (layers * directions, N, H).

        Raises GradientError after a call in a graph, where it would be a constant.
        """
        return self._last("h")

    def _last(self, name):
        if self.call is not None and self.call.in_graph:
            raise GradientError(
                f"{name}_n of a call in a graph has no gradient; take the last step of its output, y[-1]"
            ).named(type(self).__name__)
        runs, _, single, _ = self.cache
        last = F.stacked([getattr(run, name)[-1] for run in runs])
        return last[:, 0] if single else last

    def _weights(self, layer, way):
        return [getattr(self, f"{name}_l{layer}{way}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def _steps_first(self, x, single):
        return x[:, None] if single else F.swapped(x) if self.batch_first else x

    def _as_given(self, x, single):
        return x[:, 0] if single else F.swapped(x) if self.batch_first else x

    def _start(self, hx, x, single):
        """The initial states, each (layers * directions, N, H)."""
        shape = (self.num_layers * len(self.directions), x.shape[1], self.hidden_size)
        if hx is None:
            return [F.zeros(shape, x)] * self.states
        given = [hx] if self.states == 1 else list(hx)
        wanted = (shape[0], shape[2]) if single else shape
        names = f"shape {wanted}" if self.states == 1 else f"two states, each of shape {wanted}"
        if len(given) != self.states or any(np.shape(state) != wanted for state in given):
            raise ShapeError(f"expects hx of {names}, got {', '.join(str(np.shape(state)) for state in given)}")
        return [F.contiguous(state).reshape(shape) for state in given]

    def extra_repr(self):
        shown = [f"{self.input_size}", f"{self.hidden_size}", f"num_layers={self.num_layers}"]
        others = {name: getattr(self, name) for name in ("batch_first", "dropout", "bidirectional")}
        return ", ".join(shown + [f"{name}={value}" for name, value in others.items() if value])
