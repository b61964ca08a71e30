"""Modules that return several arrays: by hand, in a graph, checked, and refused where a delta does not fit."""

import numpy as np
import pytest

import backprop as bp
from backprop.errors import ShapeError


class Both(bp.Graph):
    """a w, and a + a: one output with a parameter, one without."""

    def __init__(self):
        self.w = bp.Parameter(np.array([3.0]))

    def build(self, a):
        return a * self.w, a + a


def test_backward_takes_a_delta_for_each_output_and_none_for_one_that_nothing_depends_on():
    both, a = Both(), np.array([1.0, 2.0])
    first, second = both(a)
    assert first.tolist() == [3, 6] and second.tolist() == [2, 4]
    assert both.backward(np.array([1.0, 0]), np.array([10.0, 10])).tolist() == [23, 20]
    assert both.w.grad.tolist() == [1]
    both(a)
    assert both.backward(None, np.array([1.0, 0])).tolist() == [2, 0]
    both(a)
    assert both.backward(np.array([0.0, 1])).tolist() == [0, 3]


def test_deltas_that_do_not_fit_are_refused():
    both = Both()
    both(np.array([1.0, 2.0]))
    with pytest.raises(ShapeError, match="expects 2 deltas, got 3"):
        both.backward(np.ones(2), np.ones(2), np.ones(2))
    with pytest.raises(ShapeError, match="expects 2 deltas, None where"):
        both.backward()
    with pytest.raises(ShapeError, match=r"shape \(2,\), got \(3,\)"):
        both.backward(np.ones(2), np.ones(3))


def test_outputs_are_values_in_a_graph_and_each_may_be_used_or_not():
    class Net(bp.Graph):
        def __init__(self, use):
            self.both, self.use = Both(), use

        def build(self, a):
            return sum(self.both(a)[n] * (n + 1) for n in self.use)

    for use, wanted in (((0, 1), [7, 7]), ((0,), [3, 3]), ((1,), [4, 4])):
        net = Net(use)
        assert net.check(np.array([1.0, 2.0])).ok
        net(np.array([1.0, 2.0]))
        assert net.backward(np.ones(2)).tolist() == wanted


def test_the_same_value_twice_gets_both_deltas():
    class Twice(bp.Graph):
        def build(self, a):
            v = a * 2
            return v, v

    twice = Twice()
    twice(np.ones(2))
    assert twice.backward(np.array([1.0, 0]), np.array([10.0, 1])).tolist() == [22, 2]


def test_a_loop_over_cells_is_the_layer_in_values_and_gradients(rng):
    T, N, inputs, H = 4, 3, 5, 2
    x = rng.standard_normal((T, N, inputs))
    for cell, layer in ((bp.RNNCell, bp.RNN), (bp.GRUCell, bp.GRU), (bp.LSTMCell, bp.LSTM)):
        whole = layer(inputs, H, dtype=np.float64)

        class Loop(bp.Graph):
            recordable = True

            def __init__(self, cell):
                self.cell = cell

            def build(self, x):
                states, kept = [], None
                for x_t in x:
                    kept = self.cell(x_t) if kept is None else self.cell(x_t, kept)
                    states.append(kept[0] if isinstance(kept, tuple) else kept)
                return np.stack(states)

        loop = Loop(cell(inputs, H, dtype=np.float64))
        loop.cell.load_state_dict({name.removesuffix("_l0"): a for name, a in whole.state_dict().items()})
        np.testing.assert_allclose(loop(x), whole(x), rtol=1e-12, atol=1e-14)
        delta = rng.standard_normal((T, N, H))
        np.testing.assert_allclose(loop.backward(delta), whole.backward(delta), rtol=1e-12, atol=1e-14)
        for name, parameter in loop.cell.named_parameters():
            np.testing.assert_allclose(parameter.grad, getattr(whole, f"{name}_l0").grad, rtol=1e-12, atol=1e-14)


def test_a_cell_in_a_recorded_step_computes_the_same_bits(rng):
    class Reader(bp.Graph):
        recordable = True

        def __init__(self):
            self.cell, self.out = bp.LSTMCell(5, 4), bp.Linear(4, 3)

        def build(self, x):
            h, c = self.cell(x)
            h, c = self.cell(x, (h, c))
            return self.out(h + c)

    x, y = rng.standard_normal((6, 5)).astype(np.float32), rng.integers(0, 3, 6)
    found = []
    for make in (bp.compile, None):
        bp.manual_seed(0)
        net, loss = Reader(), bp.CrossEntropyLoss()
        sgd = bp.SGD(net.parameters(), lr=0.1)
        step = make(net, loss) if make else None
        for _ in range(5):
            if step:
                step(x, y)
                step.backward()
            else:
                loss(net(x), y)
                net.backward(loss.backward())
            sgd.step()
            sgd.zero_grad()
        found.append(net.state_dict())
    for name in found[0]:
        assert found[0][name].tobytes() == found[1][name].tobytes(), name
