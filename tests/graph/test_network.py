"""Modules in graphs, and graphs as modules: residual, branching, recurrent, shared, with several inputs."""

import numpy as np
import pytest

import backprop as bp
from backprop.graph import Value, forward
from backprop.models.blocks import Branches, Residual, RowByRow, Unrolled
from backprop.models.networks import MODELS


def floats(rng, *shape):
    return rng.standard_normal(shape)


def test_a_module_is_a_node_and_its_loss_the_last_one(rng):
    layer, loss = bp.Linear(3, 2).to(np.float64), bp.CrossEntropyLoss()
    x, y = floats(rng, 4, 3), np.array([0, 1, 1, 0])
    v = Value(x)
    L = loss(layer(v), y)
    L.backward()
    expected = {"L": loss(layer(x), y)}
    gradient = layer.weight.grad.copy()
    layer.zero_grad()
    delta = layer.backward(loss.backward())
    assert L.item() == expected["L"]
    np.testing.assert_array_equal(gradient, layer.weight.grad)
    np.testing.assert_array_equal(v.grad, delta)


def test_a_loss_of_float32_scores_is_float32_and_can_be_added_to():
    layer = bp.Linear(3, 1)
    L = bp.MSELoss()(layer(Value(np.ones((2, 3), np.float32))), np.zeros((2, 1), np.float32))
    total = L + 0.1 * (Value(layer.weight) ** 2).sum()
    total.backward()
    assert total.dtype == np.float32
    w, b = layer.weight.data[0], layer.bias.data[0]
    np.testing.assert_allclose(layer.weight.grad[0], 2 * (w.sum() + b) + 0.2 * w, rtol=1e-5)


def test_one_layer_used_in_many_places_adds_up(rng):
    class Twice(bp.Graph):
        def __init__(self):
            self.layer = bp.Linear(3, 3)

        def build(self, a):
            return self.layer(a) * self.layer(np.tanh(self.layer(a)))

    bp.gradcheck(Twice(), floats(rng, 2, 3)).raise_if_wrong()


def test_several_inputs_have_a_delta_each_and_an_unused_one_zeros(rng):
    class Mixed(bp.Graph):
        def __init__(self):
            self.left, self.gate = bp.Linear(3, 2), bp.Parameter(np.ones(2, np.float32))

        def build(self, a, b, c):
            return self.left(a) * self.gate + b @ b.T @ self.left(a)

    module = Mixed()
    bp.gradcheck(module, floats(rng, 2, 3), floats(rng, 2, 4), floats(rng, 5)).raise_if_wrong()
    inputs = [np.ones(shape, np.float32) for shape in ((2, 3), (2, 4), (5,))]
    deltas = module.backward(module(*inputs))
    assert [delta.shape for delta in deltas] == [(2, 3), (2, 4), (5,)]
    assert not deltas[2].any()


def test_words_have_no_delta_but_their_table_learns():
    class Words(bp.Graph):
        def __init__(self):
            self.table, self.scores = bp.Embedding(5, 3), bp.Linear(3, 2)

        def build(self, words):
            return self.scores(self.table(words).mean(axis=1))

    net = Words()
    assert net.backward(net(np.array([[0, 1], [1, 4]]))) is None
    assert (np.abs(net.table.weight.grad).sum(axis=1) > 0).tolist() == [True, True, False, False, True]


def test_a_parameter_is_reached_through_a_module_that_only_sees_constants():
    layer = bp.Linear(2, 2)
    layer(Value(np.ones((1, 2), np.float32), requires_grad=False)).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.ones((2, 2)))


def test_a_loss_cannot_answer_for_its_target_and_says_so():
    a = Value(np.ones((2, 2)))
    with pytest.raises(bp.GradientError, match=r"MSELoss: backward gives no delta for input 2, .*v.detach\(\)"):
        bp.MSELoss()(a, a * 2).backward()
    bp.MSELoss()(a, (a * 2).detach()).backward()
    assert a.grad is not None


def test_graphs_nest_and_stand_in_chains_twice(rng):
    block = Residual(bp.Sequential(Residual(bp.Linear(3, 3)), bp.Tanh()))
    net = bp.Sequential(block, Branches(block, bp.Linear(3, 2), axis=-1), block.body)
    net.layers.pop()
    bp.gradcheck(net, floats(rng, 2, 3)).raise_if_wrong()


def test_the_calls_of_a_graph_can_be_recalled(rng):
    net = Residual(bp.Tanh()).to(np.float64)
    first, second = floats(rng, 2), floats(rng, 2)
    net(first)
    call = net.call
    net(second)
    net.recall(call)
    np.testing.assert_allclose(net.backward(np.ones(2)), 2 - np.tanh(first) ** 2)


def test_build_must_return_a_value():
    class Plain(bp.Graph):
        def build(self, a):
            return a.data

    with pytest.raises(bp.CallOrderError, match="Plain: build must return a Value, .* got ndarray"):
        Plain()(np.ones(2))


@pytest.mark.parametrize("block", [Residual(bp.Linear(3, 3)), Branches(bp.Linear(3, 2), bp.Linear(3, 1))])
def test_an_error_inside_names_the_layer(block):
    with pytest.raises(bp.ShapeError, match=r"Linear: expects .*, got \(2, 4\)"):
        block(np.ones((2, 4), np.float32))


def test_forward_mode_goes_through_modules_by_a_complex_step(rng):
    net = bp.Sequential(bp.Linear(3, 4), bp.Tanh(), bp.Linear(4, 3), bp.LogSoftmax()).to(np.float64)
    loss, y = bp.NLLLoss(), np.array([0, 2])
    x, dot = Value(floats(rng, 2, 3)), floats(rng, 2, 3)
    L = loss(net(x) * 2, y)
    L.backward()
    assert dict(forward(L, {x: dot}))[L] == pytest.approx((x.grad * dot).sum(), rel=1e-12)


def test_forward_mode_refuses_what_it_cannot_repeat():
    x = Value(np.ones((2, 3)))
    y = bp.Dropout(0.5)(x).sum()
    with pytest.raises(bp.GradientError, match="Dropout: forward mode cannot draw the same random numbers again"):
        list(forward(y, {x: np.ones((2, 3))}))


def test_the_unrolled_cell_is_the_layer_rnn(rng):
    unrolled, layer = Unrolled(3, 5).to(np.float64), bp.RNN(3, 5).to(np.float64)
    for ours, its in (("input", "ih"), ("state", "hh")):
        getattr(layer, f"weight_{its}_l0").data = getattr(unrolled, ours).weight.data
        getattr(layer, f"bias_{its}_l0").data = getattr(unrolled, ours).bias.data
    x = floats(rng, 6, 2, 3)
    np.testing.assert_allclose(unrolled(x), layer(x), rtol=0, atol=1e-14)
    delta = floats(rng, 6, 2, 5)
    np.testing.assert_allclose(unrolled.backward(delta), layer.backward(delta), rtol=0, atol=1e-13)
    for ours, its in (("input", "ih"), ("state", "hh")):
        for kind in ("weight", "bias"):
            gradient = getattr(getattr(unrolled, ours), kind).grad
            np.testing.assert_allclose(gradient, getattr(layer, f"{kind}_{its}_l0").grad, rtol=0, atol=1e-12)


def test_an_image_is_read_row_by_row(rng):
    images = floats(rng, 2, 3, 4, 5)
    reader = bp.RNN(15, 2).to(np.float64)
    expected = reader(images.transpose(2, 0, 1, 3).reshape(4, 2, 15))[-1]
    np.testing.assert_allclose(RowByRow(reader)(images), expected)


@pytest.mark.parametrize("name", ["residual", "branches", "recurrent"])
def test_the_models_that_are_graphs_pass_the_gradient_check(name, rng):
    net = MODELS[name](image=(1, 8, 8), classes=3)
    bp.gradcheck(net, rng.uniform(0.1, 1, (2, 1, 8, 8)), max_entries=40).raise_if_wrong()


def test_branches_stand_side_by_side_along_the_axis_that_was_asked_for():
    x = np.arange(6.0).reshape(1, 2, 3)
    assert Branches(bp.Tanh(), bp.ReLU())(x).shape == (1, 4, 3)
    assert Branches(bp.Tanh(), bp.ReLU(), axis=0)(x).shape == (2, 2, 3)
    with pytest.raises(bp.OptionError, match="at least one branch"):
        Branches()


def test_an_unrolled_cell_wants_steps_of_a_batch():
    for shape in ((5, 3), (0, 2, 3)):
        with pytest.raises(bp.ShapeError, match=r"expects \(T, N, I\), T steps of N sequences"):
            Unrolled(3, 4)(np.zeros(shape, np.float32))


def test_a_number_goes_from_graph_to_graph():
    class Sum(bp.Graph):
        def build(self, a):
            return a.sum()

    class Square(bp.Graph):
        def build(self, a):
            return a * a + a

    net = bp.Sequential(Sum(), Square())
    assert net(np.ones(3)) == 12
    assert net.backward(np.ones(())).tolist() == [7, 7, 7]


def test_an_input_may_be_left_out_but_not_hidden_in_a_tuple():
    class Maybe(bp.Graph):
        def build(self, a, b=None):
            return a if b is None else a + b

    module = Maybe()
    module(np.ones(2), None)
    below, nothing = module.backward(np.ones(2))
    assert below.tolist() == [1, 1] and nothing is None
    state = Value(np.zeros((1, 1, 2), np.float32))
    with pytest.raises(bp.GradientError, match="LSTM: a Value inside a tuple gets no gradient"):
        bp.LSTM(3, 2)(Value(np.zeros((4, 1, 3), np.float32)), (state, state))


def test_backward_of_a_graph_leaves_the_last_call_of_a_layer_in_place():
    layer = bp.Linear(1, 1).to(np.float64)
    y = layer(Value(np.ones((1, 1)))).sum()
    layer(np.array([[100.0]]))
    y.backward()
    layer.zero_grad()
    layer.backward(np.ones((1, 1)))
    assert layer.weight.grad == 100


def test_forward_mode_goes_through_recurrent_layers_and_dropout_in_evaluation(rng):
    net = bp.Sequential(bp.GRU(3, 2), bp.Dropout(0.5)).to(np.float64).eval()
    x, dot = Value(floats(rng, 4, 2, 3)), floats(rng, 4, 2, 3)
    L = (net(x) ** 2).sum()
    L.backward()
    assert dict(forward(L, {x: dot}))[L] == pytest.approx((x.grad * dot).sum(), rel=1e-12)
