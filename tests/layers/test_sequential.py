import numpy as np
import pytest

import backprop as bp
from backprop import Flatten, Linear, ReLU, Sequential


def test_it_nests_indexes_iterates_and_slices():
    net = Sequential(Linear(4, 3), Sequential(ReLU(), Linear(3, 2)))
    assert len(net) == 2
    assert isinstance(net[0], Linear)
    assert isinstance(net[-1], Sequential)
    assert [type(layer).__name__ for layer in net] == ["Linear", "Sequential"]
    assert isinstance(net[:1], Sequential)
    assert net[:1][0] is net[0]
    net[0] = Linear(4, 3, bias=False)
    assert net.append(ReLU()) is net
    assert net(np.ones((1, 4), np.float32)).shape == (1, 2)


def test_only_modules_are_layers():
    with pytest.raises(TypeError, match="layer 1 is not a Module"):
        Sequential(ReLU(), ReLU)


def test_an_empty_chain_is_the_identity():
    net, x = Sequential(), np.ones((2, 2), np.float32)
    assert net(x) is x
    assert net.backward(x) is x


def test_an_error_names_the_layer_and_the_cure():
    net = Sequential(ReLU(), Linear(784, 10))
    with pytest.raises(bp.ShapeError) as caught:
        net(np.ones((64, 28, 28), np.float32))
    assert str(caught.value) == "layer 1 (Linear): expects (..., 784), got (64, 28, 28); insert Flatten() before it"
    assert Sequential(ReLU(), Flatten(), Linear(784, 10))(np.ones((64, 28, 28), np.float32)).shape == (64, 10)


def test_an_error_in_a_nested_chain_names_the_whole_path():
    net = Sequential(ReLU(), Sequential(Linear(4, 3), Linear(4, 3)))
    told = r"^layer 1\.1 \(Linear\): expects \(\.\.\., 4\), got \(2, 3\); make it Linear\(3, 3\)$"
    with pytest.raises(bp.ShapeError, match=told):
        net(np.ones((2, 4), np.float32))


def test_an_error_in_backward_names_the_layer():
    class Broken(ReLU):
        def backward(self, delta):
            return super().backward(delta)[:, :1]

    net = Sequential(Linear(4, 3), Broken())
    with pytest.raises(
        bp.ShapeError, match=r"^layer 0 \(Linear\): backward expects a delta .* \(2, 3\), got \(2, 1\)$"
    ):
        net.backward(net(np.ones((2, 4), np.float32)))


def test_columns_for_rows_get_their_cure():
    with pytest.raises(bp.ShapeError, match="if your samples are columns, use x.T$"):
        Linear(784, 10)(np.ones((784, 64), np.float32))
