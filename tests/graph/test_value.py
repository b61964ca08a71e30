"""Values: what they store, what they reject, and that long graphs work."""

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
    assert [round(a.item(), 3) for a in (y, x1.grad, x2.grad)] == [11.652, 5.5, 1.716]
    tangents = [dict(forward(y, {x: 1}))[y] for x in (x1, x2)]
    np.testing.assert_allclose(tangents, [5.5, 2 - math.cos(5)])


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


def test_a_chain_of_100_000_values_goes_through():
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
        first = y = x * 1
        for _ in range(100_000):
            y = y * 1
        watched = weakref.ref(first)
        del first, y
        assert watched() is None
    finally:
        gc.enable()


def test_backward_of_a_non_scalar_wants_its_delta_and_says_so():
    x = Value([1.0, 2.0])
    y = 3 * x
    with pytest.raises(bp.ShapeError, match=r"backward of a value of shape \(2,\) expects delta .*; or sum\(\) it"):
        y.backward()
    with pytest.raises(bp.ShapeError, match=r"delta must have the value's shape \(2,\), got \(3,\)"):
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
    with pytest.raises(bp.DTypeError, match=r"one element type, got float32 and float64; use x.astype\(np.float32\)"):
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
    with pytest.raises(bp.ShapeError, match="matmul expects"):
        a @ b
    with pytest.raises(bp.IndexRangeError, match=r"index of shape \(2, 3\): index 2 is out of bounds"):
        a[2]


def test_numpy_functions_without_a_local_rule_say_which_there_are():
    with pytest.raises(TypeError, match=r"np.arctan has no local rule here, unlike add, subtract, .*, matmul"):
        np.arctan(Value(1.0))
    with pytest.raises(TypeError, match=r"np.cumsum has no local rule here"):
        np.cumsum(Value([1.0]))
    with pytest.raises(TypeError, match=r"a Value is not an array; its array is value.data"):
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
        (lambda x: np.maximum(x, np.inf), np.inf, 0.5),
        (lambda x: np.minimum(x, np.inf), 1.0, 1.0),
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
    assert f"{Value(2.5)}" == str(Value(2.5)) == "Value(2.5)"
    assert f"{Value(2.5):.2f} {float(Value(2.5, requires_grad=False))} {Value(2.5).item()}" == "2.50 2.5 2.5"


def test_a_number_used_twice_stays_an_array_and_goes_through_a_product():
    a = Value([1.0, 2.0])
    s = a @ a
    (s * s).backward()
    assert a.grad.tolist() == [20.0, 40.0]
    x = Value(3.0)
    (x * x).backward()
    assert type(x.grad) is np.ndarray


def test_a_condition_is_true_or_false_and_is_copied_like_an_index():
    a, b = Value([1.0, 2.0]), Value([3.0, 4.0])
    mask, at = np.array([True, False]), [0]
    y = np.where(mask, a, b).sum() + np.where(np.array([2, 0]), a, b).sum() + a[at].sum()
    mask[:], at[0] = False, 1
    y.backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([3, 0], [0, 2])


def test_whole_numbers_are_moved_but_not_computed_with():
    words = Value(np.array([3, 1, 2]))
    assert words[words > 1].data.tolist() == [3, 2]
    assert np.concatenate([words, words[:1]]).dtype == np.int64
    for wrong in (lambda: words / 2, lambda: words * 0.5, lambda: np.exp(words), lambda: words.mean()):
        with pytest.raises(bp.DTypeError, match=r"expects floats, got int64; use x.astype\(np.float32\)"):
            wrong()
    table = Value(np.eye(4))
    assert table[words].data.tolist() == np.eye(4)[[3, 1, 2]].tolist()


@pytest.mark.parametrize("wrong", [None, "3", [None], object()])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises((bp.DTypeError, TypeError)):
        Value(3.0) + wrong
    with pytest.raises(bp.DTypeError, match="a value must be made of numbers"):
        Value(wrong)


def test_complex_numbers_do_not_lose_their_imaginary_part():
    for number in (1j, np.complex64(1j), np.array(1j)):
        with pytest.raises(bp.DTypeError):
            Value(3.0) * number
    assert Value(1j).dtype == np.complex128


def test_axes_that_are_not_there_are_refused():
    x = Value(np.ones((2, 3)))
    for wrong in (lambda: x.transpose(0, 3), lambda: x.transpose(0), lambda: x.max(axis=5), lambda: x.max(axis=(0, 1))):
        with pytest.raises(bp.ShapeError):
            wrong()
    with pytest.raises(bp.ShapeError, match="max of shape"):
        Value(np.ones((0, 3))).max()
    y = x.transpose(-1, 0)
    y.backward(np.arange(6.0).reshape(3, 2))
    assert x.grad.tolist() == [[0, 2, 4], [1, 3, 5]]


def test_truth_is_that_of_the_number():
    assert not Value(0.0) and not Value([0.0]) and Value(2.0)
    with pytest.raises(ValueError):
        bool(Value([1.0, 2.0]))


def test_arrays_may_stand_on_either_side_of_a_question():
    v = Value([1.0, 3.0])
    assert (np.array([2.0, 2.0]) < v).tolist() == [False, True] == (np.float64(2) <= v).tolist()
    assert np.isfinite(v).all() and (v < v).tolist() == [False, False] != (v <= v).tolist()


def test_functions_of_math_would_cut_the_graph_and_say_so():
    with pytest.raises(TypeError, match=r"use np.sin\(v\), or v.item\(\)"):
        math.sin(Value(1.0))


def test_in_place_sums_and_reductions_of_ufuncs_say_what_to_write():
    v, a = Value([1.0]), np.ones(1)
    with pytest.raises(TypeError, match=r"write a = a \+ v, not a \+= v"):
        a += v
    with pytest.raises(TypeError, match="np.add.reduce has no local rule"):
        np.add.reduce(v)
    assert (+v) is v


def test_parts_of_a_stack_may_be_plain_numbers_and_arrays():
    v = Value([1.0, 2.0])
    y = np.stack([v, np.ones(2), v], axis=1)
    y.backward(np.arange(6.0).reshape(2, 3))
    assert (y.shape, v.grad.tolist()) == ((2, 3), [2, 8])
    assert np.stack([Value(3.0), 0.0]).data.tolist() == [3, 0]
    x = Value([[1.0, 2.0]])
    np.concatenate([x, np.ones((1, 2))], axis=None).backward([1, 2, 3, 4])
    assert x.grad.tolist() == [[1, 2]]
    dot = dict(forward(z := np.concatenate([v, np.ones(2)]), {v: [1, 1]}))[z]
    assert dot.tolist() == [1, 1, 0, 0]


def test_a_tangent_has_its_values_shape():
    x = Value([1.0, 2.0])
    with pytest.raises(bp.ShapeError, match=r"a tangent must have its value's shape \(2,\), got \(3,\)"):
        list(forward(x * 2, {x: np.ones(3)}))


def test_gradients_belong_to_their_leaf_alone():
    x, delta = Value([1.0, 2.0]), np.ones(2)
    x.reshape(2).backward(delta)
    delta *= 100
    x.sum().backward()
    x.grad *= 0.5
    assert x.grad.tolist() == [1, 1]


def test_constants_do_not_remember_what_they_were_computed_from():
    h = Value(0.0, requires_grad=False)
    for _ in range(3):
        h = h * 0.9 + 1
    assert (h.parents, h.operation) == ((), None)


def test_a_copied_or_pickled_leaf_is_born_anew_and_a_computed_value_is_not_copied():
    import copy
    import pickle

    v = Value([1.0, 2.0])
    later = 2 * v
    for twin in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        assert twin.born > later.born and twin.data.tolist() == [1, 2]
        (twin * twin).sum().backward()
        assert twin.grad.tolist() == [2, 4] and v.grad is None
    with pytest.raises(TypeError, match="use v.data"):
        copy.deepcopy(later)


def test_gradient_descent_with_values_finds_the_line_through_points():
    w, b = Value(0.0), Value(0.0)
    x = np.array([0.0, 1.0, 2.0])
    for _ in range(500):
        ((x * w + b - (3 * x + 1)) ** 2).mean().backward()
        for v in (w, b):
            v.data -= 0.1 * v.grad
            v.zero_grad()
    assert [w.item(), b.item()] == pytest.approx([3, 1])


def test_a_tangent_that_is_given_is_taken_even_in_the_middle_of_a_graph():
    x = Value(2.0)
    middle = x * x
    y = middle * 3
    assert dict(forward(y, {x: 1.0, middle: 10.0}))[y] == 30


def test_equality_asks_entry_by_entry_as_every_comparison_does():
    """v == 0 was one False, so that np.where(v == 0, ...) was silently wrong."""
    v = Value(np.array([0.0, 2.0]))
    for other in (0, 0.0, np.float64(0), np.zeros(2), Value(np.zeros(2)), bp.Parameter([0.0, 0.0])):
        assert (v == other).tolist() == [True, False]
        assert (other == v).tolist() == [True, False]
        assert (v != other).tolist() == [False, True]
    y = np.where(v == 0, 1.0, v)
    assert y.data.tolist() == [1, 2]
    y.sum().backward()
    assert v.grad.tolist() == [0, 1]
    m = Value(np.array([1.0, 3.0]))
    assert ((m == m.max()) * m).data.tolist() == [0, 3]
    assert len({v, m, v}) == 2


def test_two_inputs_of_equal_values_keep_their_names_in_a_trace():
    trace = bp.trace(lambda a, b: a * b, 2.0, 2.0)
    assert [step.formula for step in trace.steps][:2] == ["a", "b"]


@pytest.mark.parametrize("delta", [1.0, np.inf, np.nan])
def test_a_branch_that_is_not_taken_hands_down_0_whatever_adjoint_comes(delta):
    for choose in (
        lambda v: np.where(v > 0, v, 5.0),
        lambda v: v.relu(),
        lambda v: np.maximum(v, 1.0),
        lambda v: np.minimum(v, -1e9),
        lambda v: v[np.array([1])],
        lambda v: v.max(keepdims=True),
    ):
        v = Value(np.array([-1.0, -0.5 if choose(Value(np.array([-1.0, -0.5]))).size == 1 else -2.0]))
        y = choose(v)
        y.backward(np.full(y.shape, delta))
        assert v.grad[0] == 0


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_slope_that_is_infinite_where_nothing_comes_back_hands_down_0():
    v = Value(np.array([0.0, 2.0]))
    np.where(v > 0, np.log(v), 0).sum().backward()
    assert v.grad.tolist() == [0, 0.5]
    w = Value(np.zeros(3))
    np.sqrt((w * w).sum()).backward()
    assert w.grad.tolist() == [0, 0, 0]


def test_nan_hands_its_adjoint_down_as_in_pytorch():
    a, b = Value(np.array([np.nan, 1.0])), Value(np.array([1.0, np.nan]))
    (np.maximum(a, b) + np.minimum(a, b) + a.relu()).sum().backward()
    assert a.grad.tolist() == [3, 3]
    assert b.grad.tolist() == [2, 2]


def test_a_power_of_0_with_a_negative_exponent_has_an_infinite_slope():
    with np.errstate(divide="ignore"):
        a, b = Value(0.0), Value(-1.0)
        (a**b).backward()
    assert b.grad == -np.inf


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_a_number_without_axes_has_none_to_reduce(name):
    """sum took it, and its backward ended in NumPy's error."""
    with pytest.raises(bp.ShapeError, match=rf"{name} of shape \(\)"):
        getattr(Value(2.0), name)(axis=-1)
    with pytest.raises(bp.ShapeError):
        getattr(Value(np.ones((2, 3))), name)(axis=2)


def test_sums_of_float32_keep_their_digits():
    v = Value(np.full((1_000_000, 2), 0.1, np.float32))
    for found in (v.sum(axis=0), v.mean(axis=0) * 1_000_000):
        np.testing.assert_allclose(found.data, 1_000_000 * float(np.float32(0.1)), rtol=1e-6)
    bias = Value(np.zeros(2, np.float32))
    (v + bias).backward(np.full(v.shape, 0.1, np.float32))
    np.testing.assert_allclose(bias.grad, 1_000_000 * float(np.float32(0.1)), rtol=1e-6)


@pytest.mark.parametrize(("kind", "names"), [(bp.RNN, ["h_n"]), (bp.GRU, ["h_n"]), (bp.LSTM, ["h_n", "c_n"])])
def test_a_state_that_is_shown_beside_the_output_is_refused_in_a_graph(kind, names):
    """It was a constant there, and no gradient went through it."""

    class Last(bp.Graph):
        def __init__(self):
            self.reader = kind(3, 2)

        def build(self, x):
            return self.reader(x)[-1] + getattr(self.reader, names[-1])[0]

    x = np.ones((4, 2, 3), np.float32)
    with pytest.raises(bp.GradientError, match=rf"{names[-1]} of a call in a graph has no gradient"):
        Last()(x)
    layer = kind(3, 2)
    layer(x)
    assert all(getattr(layer, name).shape == (1, 2, 2) for name in names)


def test_the_largest_of_all_is_a_single_number_unless_its_axes_are_kept():
    a = Value(np.array([[1.0, 5.0], [2.0, 3.0]]))
    assert np.max(a).shape == () and np.max(a, keepdims=True).shape == (1, 1)
    assert np.max(a, axis=1).shape == (2,) and np.max(a, axis=1, keepdims=True).shape == (2, 1)


def test_where_one_of_two_is_nan_the_larger_one_has_the_slope_1_like_a_sum():
    """Both slopes are 1: a NaN is handed on, and hides nothing."""
    a, b = Value(np.array([np.nan, 1.0])), Value(np.array([0.0, np.nan]))
    np.maximum(a, b).backward(np.ones(2))
    assert a.grad.tolist() == [1, 1] and b.grad.tolist() == [1, 1]
