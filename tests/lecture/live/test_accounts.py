"""Where a number comes from: what is said adds up to it, and the layer's own backward agrees."""

import numpy as np
import pytest

import backprop as bp
from backprop.lecture.examples import examples
from backprop.lecture.live import slopes
from backprop.lecture.live.accounts import account, page_of
from backprop.lecture.live.passes import Pass
from backprop.models.networks import MODELS


@pytest.fixture
def x(rng):
    return rng.random((1, 1, 28, 28), np.float32)


@pytest.mark.parametrize("model", ["mlp", "lenet", "cnn", "branches", "transformer"])
def test_the_parts_of_any_delta_add_up_to_it(model, x, rng):
    way = Pass(MODELS[model](), x, target=3)
    summed = 0
    for number, row in enumerate(way.rows[:-1]):
        for entry in rng.integers(row.value.size, size=3):
            told = account(way, number, "delta", int(entry))
            assert told["number"] == row.delta.reshape(-1)[entry]
            if told["terms"] and "all others" not in told["words"]:
                assert abs(told["added"]) <= 1e-4 * abs(told["terms"][0]["product"]), (model, number, entry)
                parts = sum(term["product"] for term in told["terms"]) + told["others"]
                assert parts + told["added"] == pytest.approx(told["number"])
                summed += 1
    assert summed >= 9


def test_a_delta_that_also_comes_past_the_block_is_said_to_be_a_sum_over_uses(x):
    """In a residual block the array goes into the first convolution, and around the block."""
    way = Pass(MODELS["resnet"](), x, target=3)
    number = next(n for n, row in enumerate(way.rows) if row.path == "2")
    entry = int(np.abs(way.rows[number].delta).argmax())
    told = account(way, number, "delta", entry)
    assert "of which this layer is one" in told["words"] and told["added"] != 0


def test_a_linear_output_is_the_sum_of_its_row_of_weights_and_its_bias(rng):
    net = bp.Sequential(bp.Linear(30, 4))
    x = rng.standard_normal((1, 30), np.float32)
    told = account(Pass(net, x), 1, "value", 2)
    weight = net[0].weight.data
    assert told["name"] == "u₁[2]" and told["more"] == 20
    for term in told["terms"]:
        assert term["number"] == x[0, term["entry"]] and term["slope"] == weight[2, term["entry"]]
    assert told["added"] == pytest.approx(net[0].bias.data[2], abs=1e-6)
    assert sorted(told["met"][0][2]) == list(range(30)) and told["met"][0][:2] == (0, "value")


def test_a_convolution_lights_up_the_window_that_its_output_saw(x):
    way = Pass(MODELS["lenet"](), x, target=0)
    told = account(way, 1, "value", 2 * 784 + 10 * 28 + 20)  # u₁[2, 10, 20], 5 x 5, padded by 2
    window = {row * 28 + column for row in range(8, 13) for column in range(18, 23)}
    assert told["name"] == "u₁[2, 10, 20]" and set(told["met"][0][2]) == window


def test_the_largest_of_a_window_is_named_and_the_others_get_no_delta():
    net = bp.Sequential(bp.MaxPool2d(2), bp.Flatten())
    x = np.array([[[[1, 5], [2, 3]]]], np.float32)
    way = Pass(net, x, target=0)
    assert account(way, 1, "value", 0)["met"] == [(0, "value", [1])]
    assert "the largest of its window, 5" in account(way, 1, "value", 0)["words"]
    assert account(way, 0, "delta", 2)["words"].startswith("0: ")


def test_an_activation_shows_its_argument():
    way = Pass(bp.Sequential(bp.Flatten(), bp.Tanh()), np.full((1, 1, 1, 2), 0.5, np.float32))
    assert account(way, 2, "value", 1)["words"] == "Tanh(0.5) = 0.4621"


def test_the_first_delta_is_the_share_minus_one_for_the_label(x):
    way = Pass(MODELS["mlp"](), x, target=3)
    scores = len(way.rows) - 2
    assert " − 1 = " in account(way, scores, "delta", 3)["words"]
    assert " − 0 = " in account(way, scores, "delta", 4)["words"]
    assert account(way, scores + 1, "delta", 0)["words"].startswith("∂L/∂L = 1")


def test_an_array_with_two_readers_adds_up_what_both_hand_back(x):
    told = account(Pass(MODELS["branches"](), x, target=1), 0, "delta", 400)
    assert told["words"] == "(17): the sum over its 2 uses"
    assert [met[:2] for met in told["met"]] == [(1, "delta"), (2, "delta")]


@pytest.mark.parametrize("model", ["lenet", "cnn", "transformer"])
def test_each_layer_of_the_networks_has_its_formula_and_a_highlighted_line(model, x):
    way = Pass(MODELS[model](), x, target=3)
    without = ("Flatten", "AdaptiveAvgPool")  # which have no numbered formula
    for number, row in enumerate(way.rows):
        if row.module is not None and not row.layer.startswith(without):
            formulas, code = page_of(way, number, "value")
            assert "<math" in formulas and "class=hit" in code, row.layer


def test_the_accounts_of_every_kind_of_layer_can_be_made():
    """Of those that map one array of numbers to one, as a network on the page does."""
    tried = 0
    for example in examples():
        module, x = example.module.bare_copy(), np.asarray(example.inputs[0])
        if len(example.inputs) > 1 or x.dtype.kind != "f" or getattr(module, "reduction", None):
            continue
        net = bp.Sequential(module, bp.Flatten()).to(dtype=np.float32).eval()
        x = x[:1].astype(np.float32)
        try:
            out = net(x)
        except bp.BackpropError:  # it wants a batch
            continue
        if isinstance(out, tuple) or out.shape[0] != 1 or not out.size:
            continue
        way = Pass(net, x, target=0)
        for row in range(len(way.rows)):
            for kind in ("value", "delta"):
                told = account(way, row, kind, 0)
                assert told["number"] == pytest.approx(
                    float(np.ravel(way.rows[row].value if kind == "value" else way.rows[row].delta)[0]), nan_ok=True
                )
        tried += 1
    assert tried > 90


def test_slopes_that_are_asked_in_parts_are_the_same(x, monkeypatch):
    way = Pass(MODELS["lenet"](), x, target=3)
    whole = account(way, 3, "delta", 500)
    monkeypatch.setattr(slopes, "AT_ONCE", 1)
    parts = account(way, 3, "delta", 500)
    assert len(whole["terms"]) == 10 and whole["met"] == parts["met"]
    for one, other in zip(whole["terms"], parts["terms"], strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_tiny_weights_beside_a_bias_are_not_taken_for_a_graph(x):
    """A small change of an input was lost in the rounding of the output."""
    net = MODELS["mlp"]()
    for p in net.parameters():
        if p.data.ndim > 1:
            p.data *= 1e-7
    way = Pass(net, x, target=3)
    for row in (0, 1, 3):
        told = account(way, row, "delta", int(np.abs(way.rows[row].delta).argmax()))
        assert told["terms"] and "graph" not in told["words"]


def test_the_mean_of_adaptive_pooling_is_a_sum(rng):
    way = Pass(bp.Sequential(bp.AdaptiveAvgPool2d(2), bp.Flatten()), rng.random((1, 1, 4, 4), np.float32), target=0)
    told = account(way, 1, "value", 3)
    assert told["added"] == pytest.approx(0, abs=1e-6) and len(told["terms"]) == 4


def test_a_delta_of_zero_says_whether_the_slope_or_the_delta_above_is_zero():
    net = bp.Sequential(bp.Flatten(), bp.ReLU(), bp.Linear(2, 3))
    way = Pass(net, np.array([[[[-1.0, 2.0]]]], np.float32), target=0)
    assert account(way, 1, "delta", 0)["words"].endswith("· 0 = 0: ReLU has the slope 0 at −1")
