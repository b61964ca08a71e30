"""The diagnosis: planted mistakes are named rightly or called unknown, never wrongly."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
from backprop import functional as F

spec = importlib.util.spec_from_file_location("planted", Path(__file__).parent / "planted.py")
planted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(planted)

PLANTS = planted.plants()
X = np.random.default_rng(5).uniform(0.2, 1, (4, 5))


@pytest.fixture(scope="module")
def verdicts():
    return [planted.verdict(plant) for plant in PLANTS]


def test_at_least_95_percent_of_planted_mistakes_are_named_rightly_and_none_wrongly(verdicts):
    wrong = [
        (plant, kind)
        for plant, (kind, _, _) in zip(PLANTS, verdicts, strict=True)
        if kind not in (plant.kind, "unknown")
    ]
    assert not wrong
    right = sum(plant.kind == kind for plant, (kind, _, _) in zip(PLANTS, verdicts, strict=True))
    assert right >= 0.95 * len(PLANTS)


def test_a_planted_mistake_is_blamed_on_its_array_alone(verdicts):
    assert [plant for plant, (_, _, others) in zip(PLANTS, verdicts, strict=True) if others] == []


def test_every_kind_of_mistake_of_the_issue_is_planted_and_so_are_unknown_ones():
    kinds = {plant.kind for plant in PLANTS}
    assert kinds >= {
        "sign flipped",
        "transposed",
        "constant factor",
        "sigma' missing",
        "sigma' of the wrong variable",
        "delta permuted",
        "axis not summed",
        "overwritten",
        "convolution for cross-correlation",
        "padding off by one",
        "stride off by one",
        "one entry wrong",
        "unknown",
    }
    assert {plant.layer for plant in PLANTS} == {"Linear", "Conv2d", "ReLU", "Sigmoid", "MaxPool2d", "CrossEntropyLoss"}


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "ReLU", "Sigmoid", "MaxPool2d", "CrossEntropyLoss"])
def test_a_layer_in_which_nothing_is_planted_has_no_diagnosis(name):
    layer, inputs = planted.layer_and_inputs(name)
    report = planted.planted(layer, "input", lambda layer, delta, right, path: right[path]).check(*inputs)
    assert report.ok and report.diagnoses() == []


class Negative(bp.Sigmoid):
    def backward(self, delta):
        return -super().backward(delta)


def test_of_a_network_the_layer_is_named_in_which_the_mistake_is():
    report = bp.Sequential(bp.Linear(5, 4), bp.Tanh(), bp.Sequential(bp.Linear(4, 3), Negative())).check(X)
    assert [row.path for row in report.rows if not row.ok] == ["0.weight", "0.bias", "2.0.weight", "2.0.bias", "input"]
    assert report.diagnoses() == [
        "layer 2.1, Negative(): input: the sign is flipped: every entry is minus what it should be"
    ]
    assert report.diagnoses()[0] in str(report)


def test_where_a_container_itself_is_wrong_no_layer_is_blamed():
    class Backwards(bp.Sequential):
        def backward(self, delta):
            return 2 * super().backward(delta)

    report = Backwards(bp.Linear(5, 4), bp.Tanh()).check(X)
    assert not report.inside
    assert [row.diagnosis.kind for row in report.rows if not row.ok] == ["constant factor"]


def test_arrays_with_the_same_mistake_share_a_sentence():
    class Flipped(bp.Linear):
        def backward(self, delta):
            return super().backward(-delta)

    report = Flipped(5, 3).check(X)
    assert report.diagnoses() == ["weight, bias, input: the sign is flipped: every entry is minus what it should be"]


def test_a_delta_of_the_transposed_shape_is_called_transposed():
    class Columns(bp.Linear):
        def backward(self, delta):
            return np.ascontiguousarray(super().backward(delta).T)

    row = Columns(5, 3).check(X).rows[-1]
    assert row.verdict == "WRONG: backward returned shape (5, 4)"
    assert row.diagnosis.words == "transposed: its shape is (5, 4) instead of (4, 5)"


@pytest.mark.parametrize(("returned", "kind"), [(None, "no array"), (np.nan, "not finite")])
def test_what_is_no_gradient_at_all_is_said_so(returned, kind):
    class Odd(bp.Tanh):
        def backward(self, delta):
            return None if returned is None else returned * delta

    row = Odd().check(X).rows[0]
    assert row.is_wrong and row.diagnosis.kind == kind


def test_a_layer_too_large_for_a_diagnosis_says_so_and_is_still_checked():
    class Flipped(bp.Linear):
        def backward(self, delta):
            return super().backward(-delta)

    row = bp.gradcheck(Flipped(40, 40), np.ones((1, 40)), max_entries=30).rows[0]
    assert row.is_wrong and row.diagnosis.kind == "too large"


def test_a_kink_has_no_diagnosis():
    assert bp.ReLU().check(np.array([[1.0, 0.0, -1.0]])).rows[0].diagnosis is None


def test_an_embedding_whose_repeated_words_overwrite_each_other_is_named():
    class Forgetful(bp.Embedding):
        def backward(self, delta):
            index = self.cache
            g = np.zeros(self.weight.shape)
            g[index] = delta  # the last use of a word overwrites the ones before
            self.weight.grad = g if self.weight.grad is None else self.weight.grad + g

    row = Forgetful(5, 3).check(np.array([[0, 1], [1, 3], [0, 4]])).rows[0]
    assert row.diagnosis.kind == "overwritten"


def test_sigma_prime_of_tanh_given_u_for_a_is_named():
    class Wrong(bp.Tanh):
        def forward(self, u):
            self.cache = u
            return F.tanh(u)

    row = Wrong().check(X).rows[0]
    assert row.diagnosis.kind == "sigma' of the wrong variable"
