"""The oracle's activations, normalisation, dropout, recurrent cells and optimizers, by hand and by the complex step."""

import numpy as np
import pytest
from scipy import special, stats

from backprop.kernels import reference as ref
from backprop.module.rng import Stream

OPTIONS = {
    "leaky_relu": (0.1,),
    "elu": (0.7,),
    "celu": (0.7,),
    "softplus": (2.0, 3.0),
    "hardshrink": (0.5,),
    "softshrink": (0.5,),
    "hardtanh": (-1.0, 2.0),
}
U = np.array([-30.0, -3.5, -2.4, -0.7, -0.2, 0.3, 0.8, 2.2, 3.4, 30.0])  # beside every kink


@pytest.mark.parametrize("name", ref.ACTIVATIONS)
def test_each_slope_is_the_complex_steps(name):
    forward, backward = ref.ACTIVATIONS[name]
    out, slope = np.empty(U.size, complex), np.empty(U.size)
    forward(U + 1e-30j, OPTIONS.get(name, ()), out)
    backward(np.full(U.size, 2.0), U, OPTIONS.get(name, ()), slope)
    np.testing.assert_allclose(slope, 2 * out.imag / 1e-30, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gelu", U * stats.norm.cdf(U)),
        ("silu", U * special.expit(U)),
        ("mish", U * np.tanh(np.logaddexp(0, U))),
        ("logsigmoid", special.log_expit(U)),
        ("softsign", U / (1 + np.abs(U))),
        ("hardsigmoid", np.clip((U + 3) / 6, 0, 1)),
        ("hardswish", U * np.clip((U + 3) / 6, 0, 1)),
        ("elu", np.where(U > 0, U, 0.7 * np.expm1(np.minimum(U, 0)))),
        ("softplus", np.where(2 * U > 3, U, np.logaddexp(0, 2 * U) / 2)),
        ("hardtanh", np.clip(U, -1, 2)),
        ("softshrink", np.sign(U) * np.maximum(np.abs(U) - 0.5, 0)),
    ],
)
def test_activations_are_what_their_names_say(name, expected):
    out = np.empty(U.size)
    ref.ACTIVATIONS[name][0](U, OPTIONS.get(name, ()), out)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", ref.ERRORS)
def test_each_losss_derivative_is_the_complex_steps(name):
    forward, backward = ref.ERRORS[name]
    options = (0.3,) if name in ("huber", "smooth_l1", "poisson_mean") else ()
    a, b = np.array([0.1, 0.4, 0.6, 0.9]), np.array([0.9, 0.2, 0.5, 0.1])
    out, slope = np.empty(4, complex), np.empty(4)
    forward(a + 1e-30j, b, options, out)
    backward(a, b, options, 3.0, slope)
    np.testing.assert_allclose(slope, 3 * out.imag / 1e-30, rtol=1e-12)


def test_prelu_by_hand():
    u, w, out = np.array([[[-1.0, 2], [-3, 0]]]), np.array([0.5, 0.1]), np.empty((1, 2, 2))
    ref.prelu(u, w, out)
    np.testing.assert_allclose(out[0], [[-0.5, 2], [-0.3, 0]])
    ref.prelu_backward(np.full((1, 2, 2), 10.0), u, w, out)
    np.testing.assert_allclose(out[0], [[5, 10], [1, 1]])
    total = np.ones(2)
    ref.prelu_weight_grad(np.full((1, 2, 2), 10.0), u, total, True)
    assert total.tolist() == [-9, -29]


def test_normalising_gives_mean_0_and_variance_1(rng):
    u, mean, var = 3 * rng.standard_normal((4, 2, 5)) + 7, np.empty(2), np.empty(2)
    spread = np.empty(2)
    ref.moments(u, 3.0, mean, var, spread)
    np.testing.assert_allclose(mean, u.mean(axis=(0, 2)))
    np.testing.assert_allclose(var, u.var(axis=(0, 2)))
    xhat = np.empty_like(u)
    np.testing.assert_allclose(spread, np.sqrt(u.var(axis=(0, 2)) + 3))
    ref.spread_of(var, 0.0, spread)
    ref.normalize(u, mean, spread, np.ones(2), np.zeros(2), xhat)
    np.testing.assert_allclose(xhat.mean(axis=(0, 2)), 0, atol=1e-14)
    np.testing.assert_allclose(xhat.var(axis=(0, 2)), 1)
    below = np.empty_like(u)
    ref.normalize_backward(xhat + 5, u, mean, spread, np.ones(2), True, below)
    np.testing.assert_allclose(below, 0, atol=1e-14)  # shifting or stretching all entries alike changes nothing


def test_running_statistics_forget_slowly():
    running = np.array([10.0])
    ref.track(np.array([20.0]), 0.1, 2.0, running)
    assert running == 0.9 * 10 + 0.1 * 2 * 20


def test_dropout_keeps_the_mean_and_the_same_key_draws_the_same():
    u, out, again = np.ones((100_000, 1)), np.empty((100_000, 1)), np.empty((100_000, 1))
    stream = Stream()
    key = stream.next_key()
    ref.dropout(u, key, 0.3, out)
    assert set(np.unique(out)) == {0, 1 / 0.7}
    assert abs(out.mean() - 1) < 0.01
    ref.dropout(u, key, 0.3, again)
    assert np.array_equal(out, again)
    ref.dropout(u, stream.next_key(), 0.3, again)
    assert abs((out == again).mean() - (0.7**2 + 0.3**2)) < 0.01  # the next step's are independent of these


def test_dropout_draws_once_for_a_whole_row_and_p_may_be_0_or_1():
    u = np.arange(1.0, 13).reshape(4, 3)
    out = np.empty((4, 3))
    ref.dropout(u, np.array([5], np.uint64), 0.5, out)
    assert all(set(row) in ({0.0}, set(2 * before)) for row, before in zip(out, u, strict=True))
    ref.dropout(u, np.array([5], np.uint64), 0.0, out)
    assert np.array_equal(out, u)
    ref.dropout(u, np.array([5], np.uint64), 1.0, out)
    assert not out.any()


def test_the_random_numbers_look_uniform_and_uncorrelated():
    from backprop.kernels.reference.dropout import uniform

    numbers = np.array([uniform(Stream().next_key(), np.arange(1000, dtype=np.uint64)) for _ in range(100)])
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.01


def test_an_lstm_with_open_gates_adds_and_with_closed_ones_forgets():
    big, c0, nothing = 50.0, np.array([[2.0]]), np.zeros((4, 1))
    gates, c, h = np.empty((1, 1, 4)), np.empty((1, 1, 1)), np.empty((1, 1, 1))
    ref.lstm(np.array([[[big, big, 0.5, big]]]), c0, c0, nothing, nothing[:, 0], h, c, gates)
    np.testing.assert_allclose((c[0, 0, 0], h[0, 0, 0]), (2 + np.tanh(0.5), np.tanh(2 + np.tanh(0.5))))
    ref.lstm(np.array([[[-big, -big, 0.5, big]]]), c0, c0, nothing, nothing[:, 0], h, c, gates)
    np.testing.assert_allclose(c, 0, atol=1e-20)


def test_a_gru_with_its_update_gate_shut_keeps_its_state():
    p, h0, nothing = np.array([[[0.0, 50, 1]]]), np.array([[0.3]]), np.zeros((3, 1))
    gates, h, q_n = np.empty((1, 1, 3)), np.empty((1, 1, 1)), np.empty((1, 1, 1))
    ref.gru(p, h0, nothing, nothing[:, 0], h, q_n, gates)
    np.testing.assert_allclose(h[0], h0)
    ref.gru(-p, h0, nothing, nothing[:, 0], h, q_n, gates)
    np.testing.assert_allclose(h, np.tanh(-1) * np.ones((1, 1, 1)))


def test_adams_first_step_is_lr_against_the_sign():
    theta, m, v = np.array([1.0, 1.0]), np.zeros(2), np.zeros(2)
    root = np.sqrt(1 - 0.999)
    ref.adam(
        [(theta, np.array([5.0, -0.01]), m, v, theta)], 0.1 / (1 - 0.9), 0.0, root, 0.9, 0.999, 0.0, 0.0, 1.0, False
    )
    np.testing.assert_allclose(theta, [0.9, 1.1])
    np.testing.assert_allclose((m, v), ([0.5, -0.001], [0.025, 1e-7]))


def test_decoupled_weight_decay_shrinks_theta_and_leaves_the_moments_alone():
    results = []
    for decay, shrink in ((0.0, 0.95), (0.5, 1.0)):
        theta, m, v = np.array([10.0]), np.zeros(1), np.zeros(1)
        steps = 0.1 / (1 - 0.9), 0.0, np.sqrt(1 - 0.999)
        ref.adam([(theta, np.array([0.0]), m, v, theta)], *steps, 0.9, 0.999, 1e-8, decay, shrink, False)
        results.append((theta.item(), m.item()))
    np.testing.assert_allclose(results, [(10 * (1 - 0.05), 0), (10 - 0.1, 0.5)])


def test_rmsprop_by_hand():
    theta, square = np.array([1.0]), np.array([0.0])
    ref.rmsprop([(theta, np.array([3.0]), square, theta, theta)], 0.1, 0.75, 0.25, 0.0, 0.0, 0.0, False)
    np.testing.assert_allclose((theta[0], square[0]), (1 - 0.1 * 3 / 1.5, 0.25 * 9))


@pytest.mark.parametrize(
    ("name", "options", "kinks", "slopes"),
    [
        ("hardsigmoid", (), [-3.0, 3.0], [0, 0]),
        ("hardswish", (), [-3.0, 3.0], [0, 1]),
        ("hardtanh", (-1.0, 2.0), [-1.0, 2.0], [0, 0]),
        ("hardshrink", (0.5,), [-0.5, 0.5], [0, 0]),
        ("softshrink", (0.5,), [-0.5, 0.5], [0, 0]),
        ("leaky_relu", (0.1,), [0.0], [0.1]),
        ("elu", (2.0,), [0.0], [2]),
        ("celu", (2.0,), [0.0], [1]),
    ],
)
def test_at_a_kink_a_slope_is_that_of_pytorch(name, options, kinks, slopes):
    out = np.empty(len(kinks))
    ref.ACTIVATIONS[name][1](np.ones(len(kinks)), np.array(kinks), options, out)
    np.testing.assert_allclose(out, slopes)
