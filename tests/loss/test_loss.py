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
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum', 'none', got 'avg'"):
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
    with pytest.raises(bp.ShapeError, match="gives one number; backward expects one"):
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
    with pytest.raises(bp.ShapeError, match=r"scores of shape \(2, 3\) need labels of shape \(2,\), got \(3,\)"):
        CrossEntropyLoss()(np.zeros((2, 3)), np.zeros(3, int))


def test_the_lectures_trap_is_refused_with_num_classes_and_passes_without():
    scores, y = np.zeros((2, 784)), np.array([3, 9])
    assert CrossEntropyLoss()(scores, y) == pytest.approx(math.log(784))
    with pytest.raises(
        bp.ShapeError, match=r"expects scores for 10 classes, got \(2, 784\); make the last layer output 10"
    ):
        CrossEntropyLoss(num_classes=10)(scores, y)


def test_labels_of_every_integer_type_are_taken():
    z = np.zeros((2, 3), np.float32)
    for dtype in (np.uint8, np.int8, np.int32, np.uint64):
        assert CrossEntropyLoss()(z, np.array([0, 2], dtype)) == pytest.approx(math.log(3))
    assert CrossEntropyLoss()(z, [0, 2]) == pytest.approx(math.log(3))


def test_the_functional_losses_know_their_reductions():
    with pytest.raises(bp.OptionError, match="reduction must be one of 'mean', 'sum', 'none', got 'avg'"):
        bp.functional.cross_entropy(np.zeros((1, 2)), np.array([0]), reduction="avg")


@pytest.mark.parametrize("delta", ["a", 1j, [1.0]])
def test_a_delta_that_is_no_number_is_refused(delta):
    loss = MSELoss()
    loss(A, B)
    with pytest.raises(bp.BackpropError, match="backward expects"):
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


@pytest.mark.parametrize(("z", "y"), [(np.inf, 1.0), (-np.inf, 0.0)])
@pytest.mark.parametrize("options", [{}, {"pos_weight": np.array([3.0])}, {"weight": np.array([2.0])}])
def test_a_binary_score_that_is_infinite_and_right_costs_nothing(z, y, options, each_kernels):
    """It was NaN: infinity minus infinity."""
    loss = bp.BCEWithLogitsLoss(**options)
    assert loss(np.array([z]), np.array([y])) == 0
    assert loss.backward() == 0
    assert loss(np.array([z]), np.array([1 - y])) == np.inf


def test_a_term_of_weight_0_counts_nothing_even_if_it_is_infinite(each_kernels):
    loss = bp.BCEWithLogitsLoss(weight=np.array([0.0, 1.0]), reduction="sum")
    assert loss(np.array([np.inf, 0.0]), np.array([0.0, 1.0])) == pytest.approx(math.log(2))
    weight = np.array([0.0, 1.0, 1.0])
    for smoothing in (0.0, 0.3, 1.0):
        loss = CrossEntropyLoss(weight=weight, label_smoothing=smoothing, reduction="sum")
        assert math.isfinite(loss(np.array([[-np.inf, 1.0, 2.0]]), np.array([0])))
    assert bp.NLLLoss(weight=weight, reduction="sum")(np.array([[-np.inf, -1.0, -2.0]]), np.array([0])) == 0


def test_a_divergence_is_0_where_the_target_is(each_kernels):
    """0 times infinity was NaN, though the docstring said 0."""
    assert bp.KLDivLoss(reduction="sum")(np.array([-np.inf, 0.0]), np.array([0.0, 1.0])) == 0
    loss = bp.KLDivLoss(reduction="sum", log_target=True)
    assert loss(np.array([-3.0, 0.0]), np.array([-np.inf, 0.0])) == 0
    assert loss.backward().tolist() == [0, -1]


@pytest.mark.parametrize(
    ("a", "y", "log_target", "words"),
    [
        ([-1.0, -1], [-0.5, 1.5], False, r"probabilities for targets from 0 to 1.0001, got -0.5 at index 0"),
        ([0.2, 0.8], [0.5, 0.5], False, r"log-probabilities, none above 0, got 0.2 at index 0; use LogSoftmax"),
        ([0.001] * 1000, [0.001] * 1000, False, "log-probabilities, none above 0"),
        ([-1.0, -1], [0.5, 0.5], True, "log-probabilities for targets, none above 0, got 0.5"),
    ],
)
def test_a_divergence_refuses_what_is_no_probability_and_probabilities_for_logarithms(a, y, log_target, words):
    with pytest.raises(bp.LabelError, match=words):
        bp.KLDivLoss(log_target=log_target)(np.array(a), np.array(y))


@pytest.mark.parametrize("kind", [CrossEntropyLoss, bp.NLLLoss])
@pytest.mark.parametrize("options", [{}, {"weight": np.array([1.0, 0.0, 1.0])}])
def test_where_no_label_counts_the_delta_is_0_by_every_set_of_kernels(kind, options, each_kernels):
    """The reference kernels gave NaN for NLLLoss, and for labels whose classes have no weight all sets did."""
    loss, y = kind(**options), np.array([1 if options else -100] * 2)
    assert math.isnan(loss(np.array([[-1.0, -2, -3]] * 2), y))
    assert not loss.backward().any()
    assert loss.terms() == 0


def test_labels_too_large_for_int64_are_refused_and_not_wrapped_around():
    """2^64 - 100 became -100, which is ignored."""
    with pytest.raises(bp.LabelError, match="got 18446744073709551516 at index 1"):
        CrossEntropyLoss()(np.zeros((2, 3)), np.array([0, 2**64 - 100], np.uint64))


@pytest.mark.parametrize(
    ("y", "cure"),
    [
        (np.array([1, 2, 3]), r"; they begin at 1: use y - 1$"),
        (np.array([-1, 0, 1]), r"; to skip such labels use ignore_index=-1$"),
        (np.array([[0], [1], [2]]), r"; use y\[:, 0\]$"),
        (np.eye(3, dtype=int), r"; for one-hot vectors use y.argmax\(1\)$"),
        (np.array(["a", "b", "c"]), r"; use np.unique\(y, return_inverse=True\)\[1\]$"),
    ],
)
def test_labels_as_people_have_them_are_refused_with_the_cure(y, cure):
    with pytest.raises(bp.BackpropError, match=cure):
        CrossEntropyLoss()(np.zeros((3, 3)), y)


def test_a_loss_says_where_its_backward_is():
    """The first thing that somebody types who comes from PyTorch."""
    L = MSELoss()(A, B)
    with pytest.raises(bp.CallOrderError, match=r"use net.backward\(loss.backward\(\)\)"):
        L.backward()


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_a_weight_of_another_type_is_named_not_the_scores(name):
    loss = bp.BCEWithLogitsLoss(**{name: np.array([2.0])})
    z = np.ones((2, 1), np.float32)
    with pytest.raises(bp.DTypeError, match=rf"its {name} is float64, its input float32; use .to\(np.float32\)"):
        loss(z, z)
    assert loss.to(np.float32)(z, z) > 0


def test_a_huber_loss_compares_in_the_precision_of_its_arrays(each_kernels):
    """A width of 0.1 is another number in float64 than in float32."""
    a, b = np.array([0.1], np.float32), np.zeros(1, np.float32)
    loss = bp.HuberLoss(delta=0.1)
    loss(a, b)
    assert loss.backward() == a


def test_accuracy_leaves_out_what_is_ignored_and_knows_binary_answers(each_kernels):
    scores = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    assert CrossEntropyLoss().count_correct(scores, np.array([1, 2, -100])) == (1, 2)
    assert CrossEntropyLoss(ignore_index=2).count_correct(scores, np.array([1, 1, 2])) == (1, 2)
    assert CrossEntropyLoss().count_correct(np.stack([scores, scores], 2), np.array([[1, 0], [0, 0], [2, 2]])) == (5, 6)
    z, y = np.array([[1.0], [-1], [2]]), np.array([[1.0], [1], [0]])
    assert bp.BCEWithLogitsLoss().count_correct(z, y) == (1, 3)
    assert bp.BCELoss().count_correct(np.array([0.9, 0.2]), np.array([1.0, 0])) == (2, 2)
    assert math.isnan(MSELoss().count_correct(z, y)[0])


@pytest.mark.parametrize("loss", [bp.NLLLoss(), CrossEntropyLoss()])
def test_a_loss_keeps_the_labels_that_it_has_checked(each_kernels, loss):
    """They were looked at once, in forward: others, written into the same array, would be indices outside delta."""
    z, y = np.log(np.full((3, 4), 0.25)), np.array([0, 1, 3])
    loss(z, y)
    y[...] = 10**9
    delta = loss.backward()
    assert (delta < 0).argmax(1).tolist() == [0, 1, 3]
    with pytest.raises(bp.LabelError, match="got 1000000000 at index 0"):
        loss(z, y)
