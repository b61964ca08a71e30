"""The oracle itself, by cases that fit on a napkin."""

import numpy as np
import pytest
from scipy import special

from backprop.kernels import reference as ref


def run(kernel, *args, shape, dtype=float):
    out = np.full(shape, 777, dtype)
    assert kernel(*[np.asarray(a) for a in args], out) is None
    return out


A = np.array([[1.0, 2], [3, 4], [5, 6]])  # (3, 2)
B = np.array([[1.0, 0], [0, 1], [2, -1], [1, 1]])  # (4, 2)


@pytest.mark.parametrize(
    ("kernel", "a", "b", "expected"),
    [
        (ref.matmul_nt, A, B, [[1, 2, 0, 3], [3, 4, 2, 7], [5, 6, 4, 11]]),
        (ref.matmul_tn, A, A, [[35, 44], [44, 56]]),
        (ref.matmul_nn, A, [[1.0, 1], [0, 2]], [[1, 5], [3, 11], [5, 17]]),
    ],
)
def test_products_overwrite_or_accumulate(kernel, a, b, expected):
    out = np.full(np.shape(expected), 7.0)
    kernel(a, np.asarray(b), out, False)
    assert out.tolist() == expected
    kernel(a, np.asarray(b), out, True)
    assert out.tolist() == (2 * np.array(expected)).tolist()


def test_bias_is_added_to_each_row_and_its_gradient_sums_the_rows():
    assert run(ref.add_bias, A, [10.0, 20], shape=(3, 2)).tolist() == [[11, 22], [13, 24], [15, 26]]
    out = np.array([1.0, 1.0])
    ref.sum_rows(A, out, True)
    assert out.tolist() == [10, 13]
    ref.sum_rows(A, out, False)
    assert out.tolist() == [9, 12]


def test_relu_and_its_slope_at_the_kink():
    assert run(ref.relu, [-1.0, 0, 2, np.nan], shape=4).tolist()[:3] == [0, 0, 2]
    assert np.isnan(run(ref.relu, [np.nan], shape=1))
    assert run(ref.relu_backward, [5.0, 5, 5], [0.0, 0, 2], shape=3).tolist() == [0, 0, 5]


def test_sigmoid_is_scipys_and_does_not_overflow():
    u = np.array([-1000, -2, 0, 2, 1000.0])
    a = run(ref.sigmoid, u, shape=5)
    np.testing.assert_allclose(a, special.expit(u), rtol=1e-15)
    np.testing.assert_allclose(run(ref.sigmoid_backward, np.full(5, 4.0), a, shape=5)[2], 1.0)


def test_tanh_backward_is_one_minus_a_squared():
    assert run(ref.tanh, [0.0], shape=1) == 0
    assert run(ref.tanh_backward, [2.0], [0.5], shape=1) == 1.5


def test_softmax_of_equal_scores_is_uniform_and_its_adjoint_removes_the_mean():
    u = np.full((1, 4, 1), 1000.0)
    s = run(ref.softmax, u, shape=u.shape)
    assert s.ravel().tolist() == [0.25] * 4
    delta = np.array([4.0, 0, 0, 0]).reshape(u.shape)
    assert run(ref.softmax_backward, delta, s, shape=u.shape).ravel().tolist() == [0.75, -0.25, -0.25, -0.25]


def test_softmax_is_scipys_along_the_middle_axis(rng):
    u = rng.standard_normal((3, 5, 2))
    np.testing.assert_allclose(run(ref.softmax, u, shape=u.shape), special.softmax(u, axis=1), rtol=1e-14)
    np.testing.assert_allclose(run(ref.log_softmax, u, shape=u.shape), special.log_softmax(u, axis=1), rtol=1e-13)


def test_log_softmax_adjoint_by_hand():
    log_s = np.log([[[0.5], [0.5]]])
    delta = np.array([[[1.0], [3.0]]])
    np.testing.assert_allclose(run(ref.log_softmax_backward, delta, log_s, shape=log_s.shape).ravel(), [-1, 1])


def test_errors_and_their_first_deltas():
    a, b, out = np.array([1.0, 2, 3]), np.array([3.0, 2, 2]), np.empty(3)
    for name, options, losses, deltas in [
        ("squared", (), [4, 0, 1], [-4, 0, 2]),
        ("absolute", (), [2, 0, 1], [-1, 0, 1]),
        ("huber", (1.5,), [1.5 * (2 - 0.75), 0, 0.5], [-1.5, 0, 1]),
        ("smooth_l1", (1.5,), [2 - 0.75, 0, 1 / 3], [-1, 0, 2 / 3]),
        ("poisson", (), np.exp(a) - a * b, np.exp(a) - b),
        ("poisson_mean", (1.0,), a - b * np.log(a + 1), [1 - 3 / 2, 1 - 2 / 3, 1 - 2 / 4]),
    ]:
        forward, backward = ref.ERRORS[name]
        forward(a, b, options, out)
        np.testing.assert_allclose(out, losses)
        backward(a, b, options, 0.5, out)
        np.testing.assert_allclose(out, 0.5 * np.array(deltas))


def test_cross_entropy_by_hand():
    log_s = np.log(np.array([[[0.25], [0.75]], [[0.5], [0.5]]]))
    y, scale = np.array([[1], [0]]), np.array([[0.5], [0.5]])
    np.testing.assert_allclose(
        run(ref.nll, log_s, y, [1.0, 1], -100, 0.0, shape=(2, 1)).ravel(), [-np.log(0.75), np.log(2)]
    )
    delta = run(ref.nll_softmax_backward, log_s, y, [1.0, 1], -100, 0.0, scale, shape=(2, 2, 1))
    np.testing.assert_allclose(delta[:, :, 0], [[0.125, -0.125], [-0.25, 0.25]])
    q = np.array([[[0.0], [1]], [[1], [0]]])
    np.testing.assert_allclose(run(ref.soft_nll, log_s, q, [1.0, 1], shape=(2, 1)).ravel(), [-np.log(0.75), np.log(2)])
    soft = run(ref.soft_nll_softmax_backward, log_s, q, [1.0, 1], scale, shape=(2, 2, 1))
    np.testing.assert_allclose(soft, delta)


def test_first_bad_target_is_found():
    assert run(ref.first_bad_label, [0, 2, 3, -1], 3, -100, shape=1, dtype=int) == 2
    assert run(ref.first_bad_label, [0, 2, 3, -1], 3, 3, shape=1, dtype=int) == 3
    assert run(ref.first_bad_label, [0, 2], 3, -100, shape=1, dtype=int) == -1
    q = np.array([[[0.5], [0.5]], [[1.5], [-0.5]]])
    assert run(ref.first_bad_probability, q, 1e-6, shape=1, dtype=int) == 1


def test_batches_are_gathered_and_scaled():
    source = np.array([[0, 255], [51, 102]], np.uint8)
    np.testing.assert_allclose(
        run(ref.gather, source, [1, 0, 1], 1 / 255, shape=(3, 2)), [[0.2, 0.4], [0, 1], [0.2, 0.4]]
    )
    scores = np.array([[1.0, 3, 3], [2, 1, 0], [0, 1, 0]])[:, :, None]
    found = run(ref.count_correct, scores, np.array([[1], [2], [-100]]), -100, shape=2, dtype=int)
    assert found.tolist() == [1, 2]


def test_total_multiply_and_fill():
    assert run(ref.total, [1.0, 2, 4], shape=1) == 7
    assert run(ref.multiply, [1.0, 2], [3.0, 4], shape=2).tolist() == [3, 8]
    assert run(ref.fill, 5.0, shape=2).tolist() == [5, 5]


def test_sgd_by_hand():
    theta, v = np.array([1.0]), np.array([np.nan])
    ref.sgd([(theta, np.array([2.0]), v)], 0.1, 0.0, 0.0, 0.5, False, True)
    assert theta == 1 - 0.1 * 2.5  # plain, with decay: g = 2 + 0.5 * 1
    theta, v = np.array([1.0]), np.array([np.nan])
    ref.sgd([(theta, np.array([2.0]), v)], 0.1, 0.9, 0.5, 0.0, False, True)
    assert (theta, v) == (0.8, 2.0)  # the first v is g, undampened
    ref.sgd([(theta, np.array([1.0]), v)], 0.1, 0.9, 0.5, 0.0, False, False)
    np.testing.assert_allclose((theta[0], v[0]), (0.8 - 0.23, 0.9 * 2 + 0.5))
    theta, v = np.array([1.0]), np.array([1.0])
    ref.sgd([(theta, np.array([1.0]), v)], 0.1, 0.5, 0.0, 0.0, True, False)
    np.testing.assert_allclose((theta[0], v[0]), (1 - 0.1 * (1 + 0.5 * 1.5), 1.5))


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax", "log_softmax"])
def test_complex_step_gives_the_backward(name, rng):
    u = rng.uniform(0.2, 1, (2, 3, 2)) * rng.choice([-1, 1], (2, 3, 2))
    delta, h = rng.standard_normal(u.shape), 1e-30
    flat = np.ravel if "softmax" not in name else np.asarray
    function, adjoint = getattr(ref, name), getattr(ref, f"{name}_backward")
    a = run(function, flat(u), shape=flat(u).shape)
    backward = run(adjoint, flat(delta), a, shape=a.shape).ravel()
    for entry in range(u.size):
        moved = u.astype(complex)
        moved.flat[entry] += 1j * h
        out = run(function, flat(moved), shape=a.shape, dtype=complex)
        np.testing.assert_allclose(np.sum(flat(delta) * out).imag / h, backward[entry], rtol=1e-12, atol=1e-15)


def test_cross_entropy_in_one_pass_gives_the_delta_of_the_mean_and_0_where_nothing_counts():
    z, y, w = np.zeros((2, 4, 1)), np.array([[1], [-100]]), np.ones(4)
    log_s, delta, found = np.empty_like(z), np.empty_like(z), np.empty(3)
    ref.cross_entropy(z, y, w, -100, 0.0, log_s, delta, found)
    assert found.tolist() == [pytest.approx(np.log(4)), 1, -1]
    np.testing.assert_allclose(delta[:, :, 0], [[0.25, -0.75, 0.25, 0.25], [0, 0, 0, 0]])
    ref.cross_entropy(z, np.full((2, 1), -100), w, -100, 0.0, log_s, delta, found)
    assert not delta.any()
