import math

import numpy as np
import pytest

import backprop as bp
from backprop import CrossEntropyLoss, L1Loss, MSELoss
from backprop import functional as F

A = np.array([[1.0, 2.0], [3.0, 4.0]])
B = np.array([[1.0, 0.0], [0.0, 4.0]])


def test_square_loss_is_a_mean_over_elements(each_kernels):
    loss = MSELoss()
    L = loss(A, B)
    assert isinstance(L, float)
    assert L == (4 + 9) / 4
    assert loss.backward().tolist() == [[0, 1], [1.5, 0]]
    assert loss.backward(2).tolist() == [[0, 2], [3, 0]]


def test_absolute_loss_has_slope_zero_where_both_agree(each_kernels):
    loss = L1Loss()
    assert loss(A, B) == 5 / 4
    assert loss.backward().tolist() == [[0, 0.25], [0.25, 0]]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", [MSELoss, L1Loss])
def test_reductions(kind, reduction):
    loss, each = kind(reduction=reduction), kind(reduction="none")(A, B)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    np.testing.assert_allclose(loss(A, B), expected)


def test_a_reduction_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="reduction is one of 'mean', 'sum', 'none', got 'avg'"):
        MSELoss(reduction="avg")


def test_without_reduction_delta_is_required():
    loss = MSELoss(reduction="none")
    loss(A, B)
    with pytest.raises(bp.ShapeError, match="reduction 'none' gives one loss per term"):
        loss.backward()
    with pytest.raises(bp.ShapeError, match=r"shape \(2, 2\), got \(2,\)"):
        loss.backward(np.ones(2))
    assert loss.backward(np.full((2, 2), 3.0)).tolist() == [[0, 12], [18, 0]]


def test_a_reduced_loss_wants_a_number_for_delta():
    loss = MSELoss()
    loss(A, B)
    with pytest.raises(bp.ShapeError, match="gives one number; backward wants one"):
        loss.backward(np.ones((2, 2)))


@pytest.mark.parametrize("kind", [MSELoss, L1Loss])
def test_a_vector_against_a_column_is_refused_not_broadcast(kind):
    with pytest.raises(bp.ShapeError, match=r"got \(3,\) and \(3, 1\); nothing is broadcast; use y.reshape\(x.shape\)"):
        kind()(np.ones(3), np.ones((3, 1)))


def test_cross_entropy_of_uniform_scores_is_log_c(each_kernels):
    loss = CrossEntropyLoss()
    assert loss(np.zeros((5, 10)), np.arange(5)) == pytest.approx(math.log(10))
    delta = loss.backward()
    np.testing.assert_allclose(delta.sum(axis=1), 0, atol=1e-16)
    assert delta[0, 0] == pytest.approx(-0.9 / 5)


def test_cross_entropy_survives_enormous_scores(each_kernels):
    loss = CrossEntropyLoss()
    assert loss(np.array([[1e5, -1e5]]), np.array([1])) == 2e5
    assert loss.backward().tolist() == [[1, -1]]


def test_labels_as_probabilities_give_the_same_loss_and_delta(each_kernels, rng):
    z, y = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    hard, soft = CrossEntropyLoss(), CrossEntropyLoss()
    assert hard(z, y) == pytest.approx(soft(z, np.eye(4)[y]))
    np.testing.assert_allclose(hard.backward(), soft.backward(), atol=1e-15)


def test_a_single_sample_and_an_image_of_labels(rng):
    z = rng.standard_normal((2, 4, 3, 3))
    y = rng.integers(0, 4, (2, 3, 3))
    each = CrossEntropyLoss(reduction="none")(z, y)
    assert each.shape == (2, 3, 3)
    single = CrossEntropyLoss()(z[1, :, 2, 0], y[1, 2, 0])
    assert single == pytest.approx(each[1, 2, 0])


def test_the_mean_over_no_samples_is_nan_as_pytorchs():
    loss = CrossEntropyLoss()
    assert math.isnan(loss(np.zeros((0, 4)), np.zeros(0, int)))
    assert loss.backward().shape == (0, 4)
    assert math.isnan(MSELoss()(np.zeros((0, 2)), np.zeros((0, 2))))


@pytest.mark.parametrize("bad", [-1, 4, 99, -101])
def test_a_label_outside_the_classes_is_refused_naming_the_first(bad, each_kernels):
    y = np.array([0, 3, bad, bad])
    with pytest.raises(bp.LabelError, match=rf"labels in \[0, 4\), got {bad} at index 2"):
        CrossEntropyLoss()(np.zeros((4, 4)), y)


def test_a_bad_label_in_an_image_is_named_by_its_place():
    y = np.zeros((2, 3, 3), int)
    y[1, 2, 0] = 7
    with pytest.raises(bp.LabelError, match=r"got 7 at index \(1, 2, 0\)"):
        CrossEntropyLoss()(np.zeros((2, 4, 3, 3)), y)


def test_the_functional_pair_refuses_bad_labels_too():
    """They index memory: a label of 10^9 must never reach a kernel."""
    with pytest.raises(bp.LabelError):
        bp.functional.nll(np.zeros((1, 4)), np.array([10**9]))
    with pytest.raises(bp.LabelError):
        bp.functional.cross_entropy_backward(np.zeros((1, 4)), np.array([-(10**9)]), 1.0)


def test_floats_that_are_no_probabilities_are_refused():
    with pytest.raises(bp.LabelError, match=r"probabilities, >= 0 with sum 1, got \[0.5 0.6\] at index 1"):
        CrossEntropyLoss()(np.zeros((2, 2)), np.array([[0.5, 0.5], [0.5, 0.6]]))
    with pytest.raises(bp.LabelError, match="at index 0"):
        CrossEntropyLoss()(np.zeros((1, 2)), np.array([[1.5, -0.5]]))


def test_float_labels_are_refused_with_the_cure():
    with pytest.raises(bp.LabelError, match=r"got float64 of shape \(2,\); use y.astype\(np.int64\)$"):
        CrossEntropyLoss()(np.zeros((2, 3)), np.array([0.0, 1.0]))


def test_another_number_of_labels_is_refused_with_both_shapes():
    with pytest.raises(bp.ShapeError, match=r"scores of shape \(2, 3\) want labels of shape \(2,\), got \(3,\)"):
        CrossEntropyLoss()(np.zeros((2, 3)), np.zeros(3, int))


def test_the_lectures_trap_is_refused_with_num_classes_and_passes_without():
    scores, y = np.zeros((2, 784)), np.array([3, 9])
    assert CrossEntropyLoss()(scores, y) == pytest.approx(math.log(784))
    with pytest.raises(
        bp.ShapeError, match=r"wants scores for 10 classes, got \(2, 784\); let the last layer put out 10"
    ):
        CrossEntropyLoss(num_classes=10)(scores, y)


def test_labels_of_every_integer_type_are_taken():
    z = np.zeros((2, 3), np.float32)
    for dtype in (np.uint8, np.int8, np.int32, np.uint64):
        assert CrossEntropyLoss()(z, np.array([0, 2], dtype)) == pytest.approx(math.log(3))
    assert CrossEntropyLoss()(z, [0, 2]) == pytest.approx(math.log(3))


def test_the_functional_losses_know_their_reductions():
    with pytest.raises(bp.OptionError, match="reduction is one of 'mean', 'sum', 'none', got 'avg'"):
        bp.functional.cross_entropy(np.zeros((1, 2)), np.array([0]), reduction="avg")


@pytest.mark.parametrize("delta", ["a", 1j, [1.0]])
def test_a_delta_that_is_no_number_is_refused(delta):
    loss = MSELoss()
    loss(A, B)
    with pytest.raises(bp.BackpropError, match="backward wants"):
        loss.backward(delta)


def test_a_score_of_minus_infinity_rules_a_class_out_and_costs_nothing(each_kernels):
    """A mask's -inf times the 0 of another class's label was NaN in the oracle."""
    z, y = np.array([[1.0, 2.0, -np.inf]]), np.array([1])
    for target in (y, np.eye(3)[y]):
        loss = CrossEntropyLoss()
        assert loss(z, target) == pytest.approx(math.log(1 + math.exp(-1)))
        assert loss.backward()[0, 2] == 0


def test_a_weight_of_the_positives_may_be_a_number(rng):
    z, y = rng.standard_normal((3, 2)), rng.random((3, 2))
    assert np.array_equal(F.bce_with_logits(z, y, 2.0), F.bce_with_logits(z, y, np.array([2.0, 2.0])))
