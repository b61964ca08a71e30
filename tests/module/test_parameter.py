import numpy as np
import pytest

import backprop as bp
from backprop import Parameter


def test_lists_and_integers_become_float32_and_floats_keep_their_type():
    assert Parameter([1, 2]).dtype == np.float32
    assert Parameter(np.arange(3)).dtype == np.float32
    assert Parameter([[True]]).dtype == np.float32
    assert Parameter(np.zeros(2, np.float64)).dtype == np.float64
    assert Parameter(np.zeros(2, np.float32)).dtype == np.float32


def test_a_list_of_floats_becomes_float32_too():
    assert Parameter([0.5, 1.5]).dtype == np.float32


def test_training_never_changes_the_array_a_parameter_was_made_from():
    w = np.ones(3)
    Parameter(w).data[:] = 7
    assert w.tolist() == [1, 1, 1]


def test_words_are_no_parameter():
    with pytest.raises(bp.DTypeError, match="made of numbers"):
        Parameter(["a"])


def add(value, out, accumulate):
    out[...] = value + (out if accumulate else 0)


def test_gradients_accumulate_until_zero_grad():
    p = Parameter([1.0, 2.0])
    assert p.grad is None
    p.accumulate(add, 3.0)
    p.accumulate(add, 4.0)
    assert p.grad.tolist() == [7, 7]
    p.zero_grad()
    assert p.grad is None
    p.accumulate(add, 5.0)
    assert p.grad.tolist() == [5, 5]


def test_a_frozen_parameter_computes_no_gradient():
    p = Parameter([1.0], requires_grad=False)
    p.accumulate(lambda *args, **kwargs: pytest.fail("computed"), 3.0)
    assert p.grad is None


def test_grad_can_be_set_and_must_fit():
    p = Parameter([1.0, 2.0])
    p.grad = [3, 4]
    assert p.grad.dtype == np.float32
    with pytest.raises(bp.ShapeError, match=r"its parameter's shape \(2,\), got \(3,\)"):
        p.grad = np.zeros(3)
    p.grad = None
    assert p.grad is None


def test_changing_the_type_takes_the_gradient_along():
    p = Parameter([1.0])
    p.grad = [2.0]
    p.to(np.float64)
    assert p.dtype == p.grad.dtype == np.float64
    assert p.grad == 2


def test_repr_names_shape_and_type():
    assert repr(Parameter([[1, 2]], requires_grad=False)) == "Parameter(shape=(1, 2), dtype=float32, frozen)"


def test_values_that_are_assigned_are_copied_into_c_order_and_train():
    """`w.data = x.T` once left an array that the optimizer updated a copy of."""
    layer = bp.Linear(3, 3)
    transposed = np.arange(9, dtype=np.float32).reshape(3, 3).T
    layer.weight.data = transposed
    before = layer.weight.data.copy()
    layer.backward(layer(np.ones((2, 3), np.float32)))
    bp.SGD(layer.parameters(), lr=0.1).step()
    assert not np.array_equal(before, layer.weight.data)
    np.testing.assert_array_equal(transposed, np.arange(9).reshape(3, 3).T)
    with pytest.raises(bp.ShapeError, match=r"shape \(3, 3\), got \(2, 3\)"):
        layer.weight.data = np.zeros((2, 3))


def test_a_gradient_of_another_type_is_refused():
    with pytest.raises(bp.DTypeError, match=r"type float32, got float64; use g.astype\(np.float32\)$"):
        Parameter([1.0]).grad = np.ones(1)


def test_an_array_is_accumulated_as_it_is_and_copied():
    p, g = Parameter([1.0, 2.0]), np.float32([3, 4])
    p.accumulate(g)
    p.accumulate(g)
    g[:] = 0
    assert p.grad.tolist() == [6, 8]


def test_a_gradient_that_was_not_summed_over_its_batch_is_refused_not_broadcast():
    p = Parameter([1.0, 2.0])
    with pytest.raises(bp.ShapeError, match=r"shape \(2,\), got \(4, 2\); sum it over the leading axes, \(4,\)$"):
        p.accumulate(np.ones((4, 2), np.float32))
    with pytest.raises(bp.ShapeError, match=r"shape \(3, 2\), got \(2,\)$"):
        Parameter(np.zeros((3, 2))).accumulate(np.zeros(2))
    with pytest.raises(bp.DTypeError, match=r"type float32, got float64; use g.astype\(np.float32\)"):
        p.accumulate(np.ones(2))
    assert p.grad is None


def test_a_single_number_of_numpys_keeps_its_type():
    assert Parameter(np.float64(2)).dtype == np.float64 and Parameter(2.0).dtype == np.float32
