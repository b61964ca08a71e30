"""Layers whose sizes come from their first input."""

import copy

import numpy as np
import pytest

import backprop as bp
from backprop.errors import OptionError, ParameterError, ShapeError


def lazy():
    return bp.Sequential(bp.LazyConv2d(4, 3), bp.LazyBatchNorm2d(), bp.ReLU(), bp.Flatten(), bp.LazyLinear(3))


def test_after_the_first_call_they_are_ordinary_layers():
    net = lazy()
    assert net(np.ones((2, 1, 5, 5), np.float32)).shape == (2, 3)
    assert [type(layer) for layer in net] == [bp.Conv2d, bp.BatchNorm2d, bp.ReLU, bp.Flatten, bp.Linear]
    assert [p.shape for p in net.parameters()] == [(4, 1, 3, 3), (4,), (4,), (4,), (3, 36), (3,)]
    assert net.check(np.random.default_rng(0).standard_normal((2, 1, 5, 5))).ok


def test_the_same_seed_gives_the_weights_of_the_layer_that_was_told_its_size():
    bp.manual_seed(0)
    told = bp.Linear(5, 3)
    bp.manual_seed(0)
    found = bp.LazyLinear(3)
    found(np.ones((2, 5), np.float32))
    assert found.weight.data.tobytes() == told.weight.data.tobytes()


@pytest.mark.parametrize("use", [
    lambda net: bp.SGD(net.parameters()),
    lambda net: net.state_dict(),
    lambda net: net.load_state_dict({}),
    lambda net: net.to(np.float64),
    lambda net: net.check(np.ones((2, 1, 5, 5))),
])  # fmt: skip
def test_parameters_that_are_not_there_yet_are_not_passed_over(use):
    with pytest.raises(ParameterError, match="has no parameters before its first call: call net"):
        use(lazy())


def test_it_can_be_shown_copied_and_switched_before_its_first_call():
    net = copy.deepcopy(lazy()).eval()
    assert "LazyConv2d(4, 3)" in repr(net)
    net(np.ones((2, 1, 5, 5), np.float32))
    assert not net[1].training and np.array_equal(net[1].running_mean.data, np.zeros(4))


def test_a_first_input_that_does_not_fit_leaves_it_lazy():
    conv = bp.LazyConv2d(4, 3)
    with pytest.raises(ShapeError, match="LazyConv2d: expects"):
        conv(np.ones((2, 5), np.float32))
    with pytest.raises(OptionError, match="kernel_size"):
        bp.LazyConv2d(4, -3)(np.ones((1, 2, 5, 5), np.float32))
    assert conv(np.ones((2, 5, 5), np.float32)).shape == (4, 3, 3) and conv.in_channels == 2


def test_they_work_in_a_graph():
    class Net(bp.Graph):
        def __init__(self):
            self.lazy = bp.LazyLinear(2)

        def build(self, a):
            return self.lazy(a) * 2

    net = Net()
    net(np.ones((3, 4), np.float32))
    assert net.lazy.in_features == 4 and net.backward(np.ones((3, 2), np.float32)).shape == (3, 4)
