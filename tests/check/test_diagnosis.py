"""The diagnosis: planted mistakes are named correctly or called unknown, never named wrongly."""

import importlib.util
import sys
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
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            sys.modules["backprop.check.gradcheck"], "SECONDS", 1e6
        )  # a busy machine may take its time here
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
    assert {plant.layer for plant in PLANTS} == set(LAYERS)


LAYERS = "Linear", "Conv2d", "ReLU", "Sigmoid", "MaxPool2d", "Softmax", "LSTM", "MultiheadAttention", "CrossEntropyLoss"


@pytest.mark.parametrize("name", LAYERS)
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


# What a hostile reader found: wrong names, crashes, checks without an end.


def wrong_parameter(kind, name, change):
    class Wrong(kind):
        def backward(self, delta):
            parameter = getattr(self, name)
            before, parameter.grad = parameter.grad, None
            below = super().backward(delta)
            g = change(parameter.grad.copy())
            parameter.grad = g if before is None else before + g
            return below

    return Wrong


def kinds_of(report):
    return {row.path: row.diagnosis.kind for row in report.rows if row.diagnosis}


def test_slopes_that_are_not_finite_are_unknown_and_end():
    """A NaN once reached a least squares that never returned."""

    class Sqrt(bp.Module):
        def forward(self, u):
            self.cache = u
            return np.sqrt(u)

        def backward(self, delta):
            return delta * 0.7 / np.sqrt(self.cache + 0.1)

    x = np.abs(np.random.default_rng(0).standard_normal((3, 4)))
    x[0, 0] = 0
    with np.errstate(invalid="ignore"):
        report = bp.gradcheck(Sqrt(), x, max_entries=3)
    assert set(kinds_of(report).values()) <= {"unknown"}


def test_a_layer_that_refuses_other_values_does_not_take_the_check_down():
    class Log(bp.Module):
        def forward(self, u):
            if (u <= 0).any():
                raise ValueError("log of a number that is not positive")
            self.cache = u
            return np.log(u)

        def backward(self, delta):
            return delta * self.cache

    assert kinds_of(Log().check(X)) == {"input": "unknown"}


def test_an_empty_batch_does_not_take_the_check_down():
    layer = wrong_parameter(bp.Linear, "weight", lambda g: g + 1)(5, 3)
    assert kinds_of(layer.check(np.zeros((0, 5)))) == {"weight": "unknown"}


@pytest.mark.parametrize("padding", [((1, 1), (2, 2)), ("same", "same"), (1,)])
def test_an_attribute_called_padding_need_not_be_ours(padding):
    class Padded(bp.Tanh):
        kernel_size = padding

        def __init__(self):
            self.padding = padding

        def backward(self, delta):
            return super().backward(delta) * (1 + 0.1 * np.cos(np.arange(20)).reshape(4, 5))

    assert kinds_of(Padded().check(X)) == {"input": "unknown"}


def test_a_leaf_that_cannot_be_checked_alone_is_passed_over():
    class Named(bp.Module):
        def forward(self, a, name):
            self.cache = name
            return a

        def backward(self, delta):
            return delta

    class Twice(bp.Module):
        def __init__(self):
            self.leaf = Named()

        def forward(self, a):
            return self.leaf(a, "tanh")

        def backward(self, delta):
            return 2 * self.leaf.backward(delta)

    assert kinds_of(Twice().check(X)) == {"input": "constant factor"}


def test_one_number_alone_is_a_multiple_of_any_other_and_no_constant_factor():
    def bias(change):
        return kinds_of(wrong_parameter(bp.Linear, "bias", change)(5, 1).check(X))["bias"]

    assert bias(lambda g: g + 0.3) == "unknown"
    assert bias(lambda g: 2 * g) == "constant factor"


def test_small_entries_beside_large_ones_are_compared_too():
    x = np.random.default_rng(0).standard_normal((4, 3)) * [1e5, 1, 1]

    def weight(change):
        return kinds_of(wrong_parameter(bp.Linear, "weight", change)(3, 2).check(x))["weight"]

    assert weight(lambda g: g * [-1, 1, 1]) == "unknown"
    assert weight(lambda g: g * [2, 0, -5]) == "unknown"
    assert weight(lambda g: g * [[1.5, 7, 3], [1, -1, 9]]) == "unknown"
    assert weight(lambda g: -g) == "sign flipped"


def test_tiny_gradients_with_noise_are_not_permuted():
    noise = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3))
    layer = wrong_parameter(bp.Linear, "weight", lambda g: g * noise)(3, 2)
    assert set(kinds_of(layer.check(1e-6 * np.ones((4, 3)))).values()) <= {"unknown"}


def test_an_axis_that_is_never_summed_cannot_be_forgotten():
    first_row = np.array([[1.0], [0], [0]])
    layer = wrong_parameter(bp.Linear, "weight", lambda g: g * first_row)(5, 3)
    assert kinds_of(layer.check(X)) == {"weight": "some rows"}


def test_without_windows_nothing_is_a_flipped_filter():
    class Heads(bp.Module):
        def __init__(self):
            self.weight = bp.Parameter(np.random.default_rng(0).standard_normal((2, 5, 3)))

        def forward(self, a):
            self.cache = a
            return np.einsum("ni,hij->nhj", a, self.weight.data)

        def backward(self, delta):
            self.weight.accumulate(np.einsum("ni,nhj->hij", self.cache, delta)[..., ::-1].copy())
            return np.einsum("nhj,hij->ni", delta, self.weight.data)

    assert kinds_of(Heads().check(X))["weight"] in ("delta permuted", "permuted")


def test_a_diagnosis_that_takes_too_long_says_so(monkeypatch):
    monkeypatch.setattr(sys.modules["backprop.check.gradcheck"], "SECONDS", 0.0)
    row = Negative().check(X).rows[0]
    assert row.is_wrong and "takes too long" in row.diagnosis.words


def test_a_loss_without_1_over_n_that_ignores_its_delta_is_told_in_whole_numbers():
    class Deaf(bp.CrossEntropyLoss):
        def backward(self, delta=1):
            return 4 * super().backward(1.0)

    (text,) = Deaf().check(X, np.array([0, 1, 2, 0])).diagnoses()
    assert "for a delta of 1 every entry is 4 times what it should be (there are N = 4 samples)" in text


def test_a_leaf_at_a_kink_does_not_silence_the_diagnosis_of_its_network():
    class Backwards(bp.Sequential):
        def backward(self, delta):
            return -super().backward(delta)

    x = X.copy()
    x[0, 0] = 0
    report = Backwards(bp.ReLU(), bp.Linear(5, 2)).check(x)
    assert not report.inside


def test_an_entry_that_was_moved_is_put_back_even_where_forward_raises():
    from backprop.check.diagnosis.case import slopes
    from backprop.check.subject import Subject

    class Log(bp.Module):
        def forward(self, u):
            if (u < 1).any():
                raise ValueError("too small")
            self.cache = u
            return np.log(u)

        def backward(self, delta):
            return delta / self.cache

    subject = Subject(Log(), (np.array([[1.0, 2.0]]),), np.float64, 0)
    with pytest.raises(ValueError, match="too small"):
        slopes(subject, subject.inputs[0])
    assert subject.inputs[0].tolist() == [[1.0, 2.0]]
