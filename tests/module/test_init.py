"""Initial weights: exact ones entry by entry, drawn ones by their variance, and PyTorch's for the same shapes."""

import inspect

import numpy as np
import pytest
from scipy import stats

import backprop as bp
from backprop.errors import DTypeError, OptionError, ShapeError

init = bp.init
DRAWN = {
    "uniform_": {"a": -1.0, "b": 3.0},
    "normal_": {"mean": 1.0, "std": 0.5},
    "trunc_normal_": {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 1.5},
    "xavier_uniform_": {"gain": 1.5},
    "xavier_normal_": {},
    "kaiming_uniform_": {"a": 0.3},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "orthogonal_": {"gain": 2.0},
    "sparse_": {"sparsity": 0.3, "std": 0.5},
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("shape", [(200, 300), (100, 20, 3, 3)])
def test_mean_and_spread_are_those_of_pytorch(name, shape):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if name == "sparse_" and len(shape) > 2:
        return
    bp.manual_seed(0)
    torch.manual_seed(0)
    mine = getattr(init, name)(bp.Parameter(np.empty(shape, np.float32)), **DRAWN[name]).data
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), **DRAWN[name]).numpy()
    for mark in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        assert abs(np.quantile(mine, mark) - np.quantile(theirs, mark)) < 0.06 * theirs.std(), mark
    assert abs(np.mean(mine == 0) - np.mean(theirs == 0)) < 0.01


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (6, 2, 2, 1)])
def test_orthogonal_matrices_keep_lengths(shape):
    matrix = init.orthogonal_(np.empty(shape)).reshape(shape[0], -1)
    few = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    np.testing.assert_allclose(few @ few.T, np.eye(len(few)), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("eye_", (3, 5), {}), ("constant_", (2,), {"val": 0.3}), ("ones_", (2, 2), {}), ("zeros_", (3,), {}),
        ("dirac_", (4, 2, 3), {}), ("dirac_", (6, 2, 3, 4), {"groups": 3}), ("dirac_", (2, 4, 1, 3, 2), {}),
    ],
)  # fmt: skip
def test_what_is_not_drawn_is_exactly_pytorchs(name, shape, options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weight = bp.Parameter(np.full(shape, np.nan, np.float32))
    assert getattr(init, name)(weight, **options) is weight
    assert np.array_equal(weight.data, getattr(torch.nn.init, name)(torch.empty(shape), **options).numpy())


def test_gains_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in [*init.GAINS, "leaky_relu"]:
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


def test_ten_layers_keep_the_size_of_what_passes_through_them_with_kaiming_and_not_with_a_tenth_of_it():
    sizes = {}
    for factor in (1, 0.1):
        bp.manual_seed(0)
        net = bp.Sequential(*[layer for _ in range(10) for layer in (bp.Linear(256, 256), bp.ReLU())])
        for layer in net[::2]:
            init.kaiming_normal_(layer.weight, nonlinearity="relu").data[...] *= factor
            init.zeros_(layer.bias)
        x = np.random.default_rng(0).standard_normal((64, 256)).astype(np.float32)
        sizes[factor] = np.sqrt((net(x) ** 2).mean())
    assert 0.5 < sizes[1] < 2 and sizes[0.1] < 1e-9


def test_the_same_seed_draws_the_same_and_learning_goes_on():
    found = []
    for _ in range(2):
        bp.manual_seed(3)
        layer = bp.Linear(4, 4)
        sgd = bp.SGD(layer.parameters(), lr=0.1)
        found.append(init.xavier_uniform_(layer.weight).data.copy())
        layer(np.ones((1, 4), np.float32))
        layer.backward(np.ones((1, 4), np.float32))
        sgd.step()
        assert not np.array_equal(layer.weight.data, found[-1])
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: init.xavier_normal_(np.empty(3)), ShapeError, "at least 2 axes"),
        (lambda: init.eye_(np.empty((2, 2, 2))), ShapeError, "2 axes"),
        (lambda: init.dirac_(np.empty((3, 2, 2)), groups=2), OptionError, "groups must divide"),
        (lambda: init.kaiming_normal_(np.empty((2, 2)), mode="both"), OptionError, "fan_in"),
        (lambda: init.kaiming_normal_(np.empty((2, 2)), nonlinearity="gelu"), OptionError, "one of linear"),
        (lambda: init.uniform_(np.empty(2), 1, 0), OptionError, "b must be"),
        (lambda: init.trunc_normal_(np.empty(2), 0, 0.1, 2, 3), OptionError, "hardly a draw"),
        (lambda: init.normal_([1.0, 2.0]), DTypeError, "a Parameter"),
        (lambda: init.normal_(np.arange(3)), DTypeError, "a Parameter"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_names_and_options_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in [*DRAWN, "constant_", "ones_", "zeros_", "eye_", "dirac_", "calculate_gain"]:
        mine, theirs = (list(inspect.signature(getattr(of, name)).parameters) for of in (init, torch.nn.init))
        theirs = [option for option in theirs if option != "generator"]
        assert mine[1:] == theirs[1:], name


@pytest.mark.parametrize("a, b", [(0, 1e-300), (5.0, 5.5), (-5.5, -5.0), (-1e9, 1e9), (0.1, 0.1000001)])
def test_a_truncated_normal_is_drawn_at_once_however_narrow_its_interval(a, b):
    """Drawing again what fell outside never ended."""
    found = init.trunc_normal_(np.empty(10_000), a=a, b=b)
    assert a <= found.min() <= found.max() <= b
    if b == 5.5:
        assert found.mean() == pytest.approx(stats.truncnorm(a, b).mean(), abs=0.01)


def test_a_truncated_normal_has_the_moments_of_scipys():
    found, exact = (
        init.trunc_normal_(np.empty(200_000), mean=1.0, std=2.0, a=0.0, b=4.0),
        stats.truncnorm(-0.5, 1.5, 1, 2),
    )
    assert found.mean() == pytest.approx(exact.mean(), abs=0.01) and found.std() == pytest.approx(exact.std(), abs=0.01)
