"""A picture's way through a network, and back: the engine's own numbers, row by row."""

import numpy as np
import pytest

import backprop as bp
from backprop.lecture.live.passes import Pass
from backprop.models.networks import MODELS


@pytest.fixture
def x(rng):
    return rng.random((1, 1, 28, 28), np.float32)


@pytest.mark.parametrize("model", MODELS)
def test_scores_and_delta_of_the_pixels_are_those_of_the_network_itself(model, x):
    net = MODELS[model]().eval()
    way = Pass(net, x, target=3)
    loss = bp.CrossEntropyLoss()
    scores = net(x)
    L = loss(scores, np.array([3]))
    delta_x = net.backward(loss.backward())
    assert np.array_equal(way.scores, scores) and np.array_equal(way.rows[0].delta, delta_x)
    assert way.rows[-1].value == np.float32(L) and way.rows[-1].delta == 1
    assert all(row.delta is not None and row.delta.shape == row.value.shape for row in way.rows)


def test_without_a_class_nothing_comes_back(x):
    way = Pass(MODELS["mlp"](), x)
    assert [row.symbol for row in way.rows] == ["a₀", "a₀′", "u₁", "a₁", "u₂"]
    assert all(row.delta is None for row in way.rows)


def test_the_network_itself_keeps_its_mode_its_gradients_and_its_statistics(x):
    net = MODELS["cnn"]()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    Pass(net, x, target=0)
    assert net.training and all(p.grad is None for p in net.parameters())
    assert all(np.array_equal(array, before[name]) for name, array in net.state_dict().items())


def test_dropout_which_does_nothing_in_evaluation_is_no_row(x):
    layers = [row.layer for row in Pass(MODELS["cnn"](), x).rows]
    assert "Linear(3136, 10)" in layers
    assert not any("Dropout" in layer for layer in layers)


def test_attention_is_one_row_and_not_its_projection(x):
    layers = [row.layer.partition("(")[0] for row in Pass(MODELS["transformer"](), x).rows]
    assert layers.count("MultiheadAttention") == 2 and layers.count("Linear") == 6


def test_readers_are_the_rows_that_used_an_array(x):
    way = Pass(MODELS["branches"](), x, target=1)
    assert way.readers(0) == [1, 2] and way.readers(4) == [5]


def test_attention_has_what_each_head_looks_at(x):
    rows = Pass(MODELS["transformer"](), x).rows
    shown = [row.weights for row in rows if row.weights is not None]
    assert [weights.shape for weights in shown] == [(4, 49, 49)] * 2
    assert all(np.allclose(weights.sum(axis=2), 1, atol=1e-5) for weights in shown)
