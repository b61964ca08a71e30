"""What each layer promises, beyond its gradients."""

import numpy as np
import pytest

import backprop as bp
from backprop import Bias, Flatten, Linear, LogSoftmax, Parameter, ReLU, Sequential, Softmax


def test_linear_of_the_lecture_gives_30_40_50(each_kernels):
    layer = Linear(in_features=4, out_features=3, bias=False)
    layer.weight = Parameter([[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]])
    assert layer(np.array([1, 2, 3, 4], np.float32)).tolist() == [30, 40, 50]


def test_with_its_bias_on_linear_is_off_by_the_bias():
    layer = Linear(4, 3)
    layer.weight = Parameter([[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]])
    off = layer(np.array([1, 2, 3, 4], np.float32)) - [30, 40, 50]
    np.testing.assert_allclose(off, layer.bias.data, atol=1e-5)


def test_linear_takes_any_leading_axes_and_none():
    layer = Linear(4, 3)
    x = np.ones((2, 5, 4), np.float32)
    assert layer(x).shape == (2, 5, 3)
    assert layer.backward(np.ones((2, 5, 3), np.float32)).shape == x.shape
    assert layer(x[0, 0]).shape == (3,)
    assert layer.backward(np.ones(3, np.float32)).shape == (4,)
    assert layer(x[:0]).shape == (0, 5, 3)
    layer.zero_grad()
    assert layer.backward(np.ones((0, 5, 3), np.float32)).shape == (0, 5, 4)
    assert not layer.weight.grad.any()


def test_linear_takes_transposed_and_strided_inputs(rng):
    layer = Linear(4, 3, dtype=np.float64)
    x = rng.standard_normal((8, 10)).T[::2, :4]
    np.testing.assert_allclose(layer(x), x @ layer.weight.data.T + layer.bias.data)
    delta = rng.standard_normal((3, 5)).T
    layer.backward(delta)
    np.testing.assert_allclose(layer.weight.grad, delta.T @ x)


def test_linear_starts_as_pytorch_does():
    layer = Linear(400, 300)
    bound = 1 / 20
    for p in (layer.weight, layer.bias):
        assert np.abs(p.data).max() <= bound
        assert np.abs(p.data).max() > 0.98 * bound
        assert abs(p.data.mean()) < 0.1 * bound


def test_the_same_seed_gives_the_same_weights():
    bp.manual_seed(3)
    first = Linear(4, 3).weight.data
    bp.manual_seed(3)
    np.testing.assert_array_equal(first, Linear(4, 3).weight.data)
    assert not np.array_equal(first, Linear(4, 3).weight.data)


def test_a_stack_of_linear_layers_is_one_linear_layer(rng):
    stack = Sequential(Linear(4, 5, dtype=np.float64), Linear(5, 3, dtype=np.float64))
    one = Linear(4, 3)
    one.weight = Parameter(stack[1].weight.data @ stack[0].weight.data)
    one.bias = Parameter(stack[1].weight.data @ stack[0].bias.data + stack[1].bias.data)
    x = rng.standard_normal((6, 4))
    np.testing.assert_allclose(stack(x), one(x), atol=1e-14)


@pytest.mark.parametrize(("shape", "width"), [((2, 3, 4, 5), 5), ((2, 3, 28, 28), 28)])
def test_bias_refuses_images_and_says_what_to_do(shape, width):
    with pytest.raises(bp.ShapeError, match=r"at most 3 axes, got \(2, 3.*insert Flatten\(\) before it"):
        Bias(width)(np.ones(shape, np.float32))


def test_bias_refuses_another_width():
    with pytest.raises(bp.ShapeError, match=r"Bias: expects \(\.\.\., 5\), got \(2, 4\)"):
        Bias(5)(np.ones((2, 4), np.float32))


def test_flatten_keeps_the_order_and_any_two_axes(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    assert Flatten()(x).shape == (2, 60)
    np.testing.assert_array_equal(Flatten()(x), x.reshape(2, 60))
    assert Flatten(2, 3)(x).shape == (2, 3, 20)
    assert Flatten(0)(x).shape == (120,)
    assert Flatten()(x[:0]).shape == (0, 60)
    with pytest.raises(bp.ShapeError, match="expects an array with axes 1 to -1"):
        Flatten()(np.ones(3))
    with pytest.raises(bp.ShapeError, match="axes 2 to 1, in this order"):
        Flatten(2, 1)(x)


def test_relu_stops_delta_at_the_kink_and_below(each_kernels):
    layer = ReLU()
    layer(np.array([-1.0, -0.0, 0.0, 2.0]))
    assert layer.backward(np.ones(4)).tolist() == [0, 0, 0, 1]


def test_softmax_sums_to_one_however_large_the_scores(each_kernels):
    s = Softmax()(np.array([[1e4, 0.0, -1e4], [1, 1, 1]]))
    np.testing.assert_allclose(s.sum(axis=1), 1)
    assert np.isfinite(LogSoftmax()(np.array([[1e4, 0.0, -1e4]]))).all()


def test_softmax_takes_an_axis_and_refuses_one_that_is_not_there():
    np.testing.assert_allclose(Softmax(dim=0)(np.ones((4, 3))), 0.25)
    with pytest.raises(bp.ShapeError, match="expects an array with an axis 2"):
        Softmax(dim=2)(np.ones((4, 3)))


@pytest.mark.parametrize("module", [Linear(4, 4), Bias(4), ReLU(), bp.Sigmoid(), bp.Tanh(), Softmax(), LogSoftmax()])
def test_wrong_element_types_are_refused_and_the_last_words_are_the_cure(module):
    with pytest.raises(bp.DTypeError, match=r"x\.astype\(np\.float32\)$"):
        module(np.ones((2, 4), np.int64))
    with pytest.raises(bp.DTypeError, match=r"x, dtype=np\.float32\)$"):
        module([[1.0, 2.0, 3.0, 4.0]])
    if list(module.parameters()):
        with pytest.raises(
            bp.DTypeError, match=r"expects float32 throughout, got float64; use x\.astype\(np\.float32\)$"
        ):
            module(np.ones((2, 4)))


def test_an_axis_that_does_not_divide_into_the_sizes_is_refused():
    assert bp.Unflatten(1, (2, -1))(np.ones((4, 6))).shape == (4, 2, 3)
    with pytest.raises(bp.ShapeError, match="an axis 1 that splits into"):
        bp.Unflatten(1, (2, -1))(np.ones((4, 5)))
