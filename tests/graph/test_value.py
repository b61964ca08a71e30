"""Values: what they remember, what they refuse, and that a long graph is no trouble."""

import gc
import math
import sys
import weakref

import numpy as np
import pytest

import backprop as bp
from backprop.graph import OPERATIONS, Value, ancestry, forward, reverse


def lecture(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def test_the_lectures_function_has_the_lectures_numbers():
    x1, x2 = Value(2), Value(5)
    y = lecture(x1, x2)
    y.backward()
    assert [round(float(a), 3) for a in (y, x1.grad, x2.grad)] == [11.652, 5.5, 1.716]
    tangents = [dict(forward(y, {x: 1}))[y] for x in (x1, x2)]
    np.testing.assert_allclose(tangents, [5.5, 5 * 0 + 2 - math.cos(5)])


def test_children_come_before_parents_and_a_value_used_twice_is_yielded_once():
    x = Value(3)
    a = x * x
    y = a * x + a  # x^3 + x^2
    order = [v for v, _ in reverse(y)]
    assert len(order) == len(set(order)) == 4
    for v in order:
        assert all(order.index(v) < order.index(parent) for parent in v.parents)
    assert dict(reverse(y))[x] == 3 * 9 + 2 * 3
    assert ancestry(y) == order[::-1]


def test_gradients_of_leaves_add_up_over_backward_calls_and_others_keep_none():
    x = Value([1.0, 2.0])
    a = x * x
    y = a.sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    assert a.grad is None
    x.zero_grad()
    assert x.grad is None


def test_a_chain_of_100_000_values_goes_through_and_is_freed():
    assert sys.getrecursionlimit() < 100_000
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    assert x.grad == 100_001
    assert dict(forward(y, {x: 1}))[y] == 100_001


def test_a_dropped_graph_is_freed_at_once_without_the_garbage_collector():
    layer = bp.Linear(2, 2)
    gc.disable()
    try:
        x = Value(np.ones((1, 2), np.float32))
        hidden = layer(x)
        y = (hidden * hidden).sum()
        y.backward()
        watched = [weakref.ref(v) for v in (hidden, y)]
        del hidden, y
        assert [ref() for ref in watched] == [None, None]
    finally:
        gc.enable()


def test_backward_of_a_non_scalar_wants_its_delta_and_says_so():
    x = Value([1.0, 2.0])
    y = 3 * x
    with pytest.raises(bp.ShapeError, match=r"backward of a value of shape \(2,\) wants delta .*; or sum\(\) it"):
        y.backward()
    with pytest.raises(bp.ShapeError, match=r"delta has the value's shape \(2,\), got \(3,\)"):
        y.backward(np.ones(3))
    y.backward([1, 10])
    assert x.grad.tolist() == [3.0, 30.0]


def test_what_requires_no_gradient_has_no_backward():
    with pytest.raises(bp.CallOrderError, match="requires a gradient"):
        (Value(1.0, requires_grad=False) * 2).backward()
    x = Value(2.0)
    (x * x.detach()).backward()
    assert x.grad == 2


def test_broadcasting_is_undone_by_a_sum():
    a, b = Value(np.ones((2, 1, 3))), Value(np.ones((4, 1)))
    (a * b * 2).sum().backward()
    assert a.grad.shape == (2, 1, 3) and np.all(a.grad == 8)
    assert b.grad.shape == (4, 1) and np.all(b.grad == 12)


def test_element_types_do_not_mix_but_numbers_adapt():
    x = Value(np.ones(2, np.float32))
    for y in (2 * x, x + np.arange(2), [1, 2] * x, x / np.float64(3), np.maximum(0, x), x**2, 1 - x):
        assert y.dtype == np.float32
        assert dict(reverse(y, np.ones(2)))[x].dtype == np.float32
    with pytest.raises(bp.DTypeError, match=r"a value of float32 meets one of float64; use x.astype\(np.float32\)"):
        x * np.ones(2)
    with pytest.raises(bp.DTypeError):
        x * Value(1.0)


def test_shapes_that_do_not_fit_are_named():
    a, b = Value(np.ones((2, 3))), Value(np.ones(4))
    with pytest.raises(bp.ShapeError, match=r"add of shape \(2, 3\) and \(4,\): operands could not be broadcast"):
        a + b
    with pytest.raises(bp.ShapeError, match=r"reshape of shape \(2, 3\)"):
        a.reshape(4)
    with pytest.raises(bp.ShapeError, match="sum of shape"):
        a.sum(axis=2)
    with pytest.raises(bp.ShapeError, match="matmul wants"):
        a @ b
    with pytest.raises(bp.IndexRangeError, match=r"index of shape \(2, 3\): index 2 is out of bounds"):
        a[2]


def test_numpy_functions_without_a_local_rule_say_which_there_are():
    with pytest.raises(TypeError, match=r"np.arctan has no local rule here; there are add, subtract, .*, matmul"):
        np.arctan(Value(1.0))
    with pytest.raises(TypeError, match=r"np.cumsum has no local rule here"):
        np.cumsum(Value([1.0]))
    with pytest.raises(TypeError, match=r"a Value is no array, but has one: value.data"):
        np.asarray(Value(1.0))


def test_methods_operators_and_numpy_functions_are_the_same_operations():
    x = Value(np.array([[0.5, 2.0], [1.0, 3.0]]))
    for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "abs", "sum", "mean", "max", "transpose"):
        method, function = getattr(x, name)(), getattr(np, name)(x)
        assert method.operation is function.operation is OPERATIONS[name]
        np.testing.assert_allclose(method.data, getattr(np, name)(x.data))
        np.testing.assert_array_equal(method.data, function.data)
    assert (x.sigmoid().operation.name, x.relu().operation.name) == ("sigmoid", "relu")
    assert np.reshape(x, (4,)).shape == x.reshape(4).shape == x.reshape((2, -1)).reshape(-1).shape == (4,)
    assert (np.shape(x), np.ndim(x), np.size(x), len(x), x.T.shape) == ((2, 2), 2, 4, 2, (2, 2))
    assert [row.data.tolist() for row in x] == x.data.tolist()


def test_a_comparison_gives_booleans_so_that_where_can_choose():
    x = Value([-1.0, 2.0])
    assert (x > 0).tolist() == [False, True] and (x <= Value(2.0)).all() and (x < 0).any() and (x >= -1).all()
    y = np.where(x > 0, x * x, -x)
    y.sum().backward()
    assert x.grad.tolist() == [-1.0, 4.0]


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [
        (lambda x: x.relu(), 0.0, 0.0),
        (lambda x: abs(x), 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**1, 0.0, 1.0),
        (lambda x: x**2, 0.0, 0.0),
        (lambda x: x**2, -3.0, -6.0),
        (lambda x: 0.0**x, 2.0, 0.0),
        (lambda x: np.maximum(x, 1), 1.0, 0.5),
        (lambda x: x.sigmoid(), -1000.0, 0.0),
        (lambda x: x.sigmoid(), 1000.0, 0.0),
    ],
)
def test_kinks_and_edges_have_the_slopes_of_pytorch(f, at, slope):
    x = Value(at)
    f(x).backward()
    assert x.grad == slope


def test_the_largest_of_equals_is_the_first_one():
    x = Value([[1.0, 5.0, 5.0], [5.0, 0.0, 0.0]])
    x.max().backward()
    assert x.grad.tolist() == [[0, 1, 0], [0, 0, 0]]
    x.zero_grad()
    x.max(axis=1).sum().backward()
    assert x.grad.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_a_parameter_gets_its_gradient_and_a_frozen_one_none():
    w, frozen = bp.Parameter(np.array([2.0, 3.0])), bp.Parameter(np.array([5.0, 7.0]), requires_grad=False)
    x = Value([1.0, 10.0])
    for _ in range(2):
        (w * x * frozen - w).sum().backward()
    assert w.grad.tolist() == [8.0, 138.0]
    assert frozen.grad is None
    assert x.grad.tolist() == [20.0, 42.0]


def test_repr_tells_the_numbers_and_what_made_them():
    assert repr(Value(2)) == "Value(2.)"
    assert repr(np.exp(Value([0.0, 0.0]))) == "Value([1., 1.], exp)"
    assert f"{Value(2.5):.2f} {float(Value(2.5))} {Value(2.5).item()}" == "2.50 2.5 2.5"
