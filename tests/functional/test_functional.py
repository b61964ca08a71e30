import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp
from backprop import functional as F


def test_mm_is_strict_and_prints_both_sizes():
    with pytest.raises(bp.ShapeError, match=r"got \(1, 5\) times \(1, 5\); use mm\(a, b.T\)"):
        F.mm(np.ones((1, 5)), np.ones((1, 5)))
    with pytest.raises(bp.ShapeError, match=r"got \(5,\) times \(5,\)"):
        F.mm(np.ones(5), np.ones(5))
    assert F.mm(np.ones((2, 3)), np.ones((3, 4))).tolist() == [[3] * 4] * 2


def test_one_neuron_three_ways():
    """Lecture C: sum of products, mm, matmul."""
    features, weights = np.array([[1.0, 2.0, 3.0]]), np.array([[0.5, -1.0, 2.0]])
    expected = (features * weights).sum()
    assert F.mm(features, weights.T) == expected
    assert F.matmul(features[0], weights[0]) == expected


shapes = st.sampled_from(
    [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 4)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (6, 3, 4)),
        ((1, 2, 3), (5, 3, 1)),
        ((7, 2, 3), (3,)),
        ((0, 2, 3), (3, 4)),
        ((2, 0, 3), (3, 4)),
        ((0, 3), (3, 4)),
        ((2, 3), (3, 0)),
        ((2, 0), (0, 4)),
    ]
)


@settings(deadline=None)
@given(shapes, st.integers(0, 9))
def test_matmul_is_numpys_and_its_adjoints_are_right(shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal(shape) for shape in shapes)
    out = F.matmul(a, b)
    np.testing.assert_allclose(out, a @ b, atol=1e-13)
    assert out.shape == (a @ b).shape
    # <delta, d(a @ b)> = <delta_a, da> + <delta_b, db> for every da, db: the definition of the adjoint
    delta, da, db = rng.standard_normal(out.shape), rng.standard_normal(a.shape), rng.standard_normal(b.shape)
    delta_a, delta_b = F.matmul_backward(delta, a, b)
    assert (delta_a.shape, delta_b.shape) == (a.shape, b.shape)
    np.testing.assert_allclose(
        np.sum(delta * (da @ b + a @ db)), np.sum(delta_a * da) + np.sum(delta_b * db), atol=1e-11
    )


@pytest.mark.parametrize(("a", "b"), [((2, 3), (2, 3)), ((5, 2, 3), (4, 3, 2)), ((), (3,))])
def test_matmul_refuses_what_does_not_fit_with_both_sizes(a, b):
    with pytest.raises(bp.ShapeError) as caught:
        F.matmul(np.ones(a), np.ones(b))
    assert f"{a} times {b}" in str(caught.value)


def test_mm_backward_is_the_adjoint(rng):
    a, b, delta = rng.standard_normal((2, 3)), rng.standard_normal((3, 4)), rng.standard_normal((2, 4))
    delta_a, delta_b = F.mm_backward(delta, a, b)
    np.testing.assert_allclose(delta_a, delta @ b.T)
    np.testing.assert_allclose(delta_b, a.T @ delta)


def test_linear_refuses_a_weight_or_bias_that_does_not_fit():
    with pytest.raises(bp.ShapeError, match=r"a weight must be \(out_features, in_features\), got \(3,\)"):
        F.linear(np.ones(3), np.ones(3))
    with pytest.raises(bp.ShapeError, match=r"bias for a weight of shape \(2, 3\) must be \(2,\), got \(3,\)"):
        F.linear(np.ones(3), np.ones((2, 3)), np.ones(3))


def test_parameters_may_stand_for_arrays():
    w = bp.Parameter(np.ones((2, 3)))
    assert F.linear(np.ones(3), w).tolist() == [3, 3]
    assert F.matmul(w, np.ones(3)).tolist() == [3, 3]


def test_functional_losses_are_the_layers(rng):
    z, y = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
    assert F.cross_entropy(z, y) == bp.CrossEntropyLoss()(z, y)
    assert F.mse_loss(z, 2 * z, "sum") == bp.MSELoss(reduction="sum")(z, 2 * z)
    np.testing.assert_array_equal(F.l1_loss(z, 0 * z, "none"), np.abs(z))


def test_adjoints_refuse_what_would_read_past_the_end():
    """The kernels check nothing, so nothing may pass here that makes them leave their arrays."""
    ones = np.ones
    cases = [
        lambda: F.linear_weight_grad(ones((5, 3)), ones((2, 4))),
        lambda: F.linear_weight_grad(ones((5, 3)), ones((5, 4)), out=ones((3, 3)), accumulate=True),
        lambda: F.linear_weight_grad(ones((5, 3)), ones((5, 4)), out=ones((4, 3)).T, accumulate=True),
        lambda: F.linear_bias_grad(ones((5, 3)), out=ones(2), accumulate=True),
        lambda: F.linear_bias_grad(ones((5, 3)), out=ones(3, np.float32), accumulate=True),
        lambda: F.linear_input_grad(ones((5, 3)), ones((2, 4))),
        lambda: F.add_bias(ones((5, 3)), ones(4)),
        lambda: F.mm_backward(ones((2, 2)), ones((2, 3)), ones((3, 4))),
        lambda: F.mm_backward(ones((2, 4)), ones((2, 3)), ones((5, 4))),
        lambda: F.matmul_backward(ones((2, 2)), ones((2, 3)), ones((3, 4))),
        lambda: F.relu_backward(ones(4), ones(2)),
        lambda: F.softmax_backward(ones((2, 4)), ones((2, 3)), 1),
        lambda: F.activation_backward("gelu", ones(4), ones(2)),
        lambda: F.prelu_backward(ones((2, 3)), ones((2, 3)), ones(4)),
        lambda: F.prelu_weight_grad(ones((2, 3)), ones((2, 4)), 1),
        lambda: F.error_backward("squared", ones(4), ones(2), 1.0),
        lambda: F.error_backward("absolute", ones(4), ones(4), ones(2)),
        lambda: F.conv2d(ones((2, 3, 5, 5)), ones((4, 2, 3, 3))),
        lambda: F.conv2d(ones((2, 3, 5, 5)), ones((4, 3, 3, 3)), ones(3)),
        lambda: F.conv2d(ones((2, 3, 5, 5)), ones((4, 3, 6, 3))),
        lambda: F.conv_input_grad(ones((2, 4, 3, 3)), ones((4, 3, 3, 3)), (6, 5)),
        lambda: F.conv_input_grad(ones((2, 3, 3, 3)), ones((4, 3, 3, 3)), (5, 5)),
        lambda: F.conv_weight_grad(ones((2, 4, 3, 3)), ones((3, 3, 5, 5)), (3, 3)),
        lambda: F.conv_weight_grad(ones((2, 4, 3, 3)), ones((2, 3, 5, 5)), (3, 3), places=(4, 4)),
        lambda: F.conv_transpose2d(ones((2, 3, 5, 5)), ones((4, 2, 3, 3))),
        lambda: F.max_pool_backward(ones((2, 3, 4, 4)), F.max_pool(ones((2, 3, 4, 4)), 2, 2)[1]),
        lambda: F.avg_pool_backward(ones((2, 3, 4, 4)), (4, 4), 2),
        lambda: F.pad_backward(ones((2, 3, 4)), (2, 3), [(0, 1)]),
        lambda: F.pad_backward(ones((2, 3)), (2, 3), [(0, 1)]),
        lambda: F.embedding_weight_grad(ones((2, 3)), np.zeros(3, int), 4),
        lambda: F.normalize(ones((2, 3, 4)), ones(3), ones(4)),
        lambda: F.normalize(ones((2, 3, 4)), ones(3), ones(3), ones(4)),
        lambda: F.normalize(ones((2, 3, 4)), ones(3), ones(3), shape=(2, 4, 4)),
        lambda: F.normalize(ones((2, 3, 4)), ones(3), ones(3), shape=(4, 2, 3)),
        lambda: F.normalize(ones((2, 3, 4)), ones(3), ones(3), shape=(12, 2, 1)),
        lambda: F.normalize(ones((2, 3, 1)), ones(3), ones(3), shape=(3, 2, 1)),
        lambda: F.normalize_backward(ones((2, 3, 4)), ones((2, 3, 5)), ones(3), ones(3)),
        lambda: F.scale_grad(ones((2, 3, 4)), ones((2, 3, 5)), ones(3), ones(3)),
        lambda: F.shift_grad(ones((2, 3, 4)), out=ones(4)),
        lambda: F.track(ones(3), 0.1, ones(4)),
        lambda: F.rnn(ones((4, 2, 3)), ones((2, 4)), ones((4, 4)), None, "tanh"),
        lambda: F.gru(ones((4, 2, 6)), ones((2, 3)), ones((9, 3)), None),
        lambda: F.lstm(ones((4, 2, 12)), ones((2, 3)), ones((2, 4)), ones((12, 3)), None),
        lambda: F.rnn_backward(ones((4, 2, 3)), ones((4, 3, 3)), ones((3, 3)), "tanh"),
        lambda: F.rnn_backward(ones((4, 2, 3)), ones((4, 2, 3)), ones((3, 1)), "tanh"),
        lambda: F.gru_backward(*[ones((2, 2, 4))] * 2, ones((2, 4)), *[ones((2, 2, 12))] * 2, ones((12, 3))),
        lambda: F.gru_backward(*[ones((2, 2, 4))] * 2, ones((2, 4)), ones((2, 2, 12)), ones((2, 2, 1)), ones((12, 4))),
        lambda: F.lstm_backward(*[ones((3, 2, 4))] * 2, ones((2, 1)), ones((3, 2, 16)), ones((16, 4))),
        lambda: F.max_pool_backward(ones((1, 1, 4)), (np.full((1, 1, 4), 10**11), (4,))),
        lambda: F.max_pool_backward(ones((1, 1, 4)), (np.full((1, 1, 4), 5), (4,))),
        lambda: F.max_pool_backward(ones((1, 1, 4)), (np.zeros((1, 1, 4)), (4,))),
        lambda: F.track(ones((2, 3)), 0.1, ones((2, 3))),
        lambda: F.moments(ones((2, 3))),
        lambda: F.embedding(np.array([0]), ones((2, 3, 4))),
        lambda: F.pad(ones(3), [(1, 1), (1, 1)]),
        lambda: F.cross_entropy_backward(ones((2, 3)), np.array([0, 1]), ones(3)),
        lambda: F.nll(ones((2, 3)), np.array([0, 1, 1])),
    ]
    for case in cases:
        with pytest.raises(bp.ShapeError):
            case()


@pytest.mark.parametrize(
    "gradient",
    [
        lambda x, **to: F.scale_grad(x(2, 3, 4), x(2, 3, 4), x(3), x(3), **to),
        lambda x, **to: F.shift_grad(x(2, 3, 4), **to),
        lambda x, **to: F.conv_weight_grad(x(2, 3, 3), x(2, 4, 5), (3,), **to),
        lambda x, **to: F.conv_bias_grad(x(2, 3, 4), 1, **to),
        lambda x, **to: F.prelu_weight_grad(x(2, 3), x(2, 3), 3, **to),
        lambda x, **to: F.linear_weight_grad(x(5, 2), x(5, 3), **to),
        lambda x, **to: F.linear_bias_grad(x(5, 2), **to),
        lambda x, **to: F.embedding_weight_grad(x(4, 2), np.array([0, 2, 2, 1]), 3, **to),
    ],
)
def test_a_gradient_by_itself_is_added_to_nothing_and_into_an_array_only_when_asked(gradient, each_kernels):
    def found(**to):
        rng = np.random.default_rng(0)
        return gradient(lambda *shape: rng.standard_normal(shape), **to)

    first = found().copy()
    for _ in range(3):  # arrays that were used before serve again
        np.testing.assert_array_equal(found(), first)
    out = np.ones_like(first)
    np.testing.assert_allclose(found(out=out, accumulate=True), first + 1)
    np.testing.assert_array_equal(found(out=out), first)


def test_a_cure_that_does_not_cure_is_not_named():
    with pytest.raises(bp.ShapeError) as error:
        F.linear(np.ones((2, 3, 4)), np.ones((5, 6)), None)
    assert "Flatten" not in str(error.value)
    with pytest.raises(bp.ShapeError, match="insert Flatten"):
        F.linear(np.ones((2, 3, 4)), np.ones((5, 12)), None)


def test_moments_of_nothing_are_those_of_zeros(each_kernels):
    mean, var, std = F.moments(np.empty((0, 3, 2)), eps=4.0)
    assert (mean.tolist(), var.tolist(), std.tolist()) == ([0, 0, 0], [0, 0, 0], [2, 2, 2])
