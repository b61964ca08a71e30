"""The Numba kernels of activations, losses, dropout, recurrent cells and optimizers against the oracle."""

import numpy as np
import pytest

import backprop as bp
from backprop.kernels import cpu, reference

DTYPES = [np.float32, np.float64]
OPTIONS = {
    "leaky_relu": (0.1,),
    "elu": (0.7,),
    "celu": (0.7,),
    "softplus": (2.0, 3.0),
    "hardshrink": (0.5,),
    "softshrink": (0.5,),
    "hardtanh": (-1.0, 2.0),
    "huber": (0.7,),
    "smooth_l1": (0.7,),
    "poisson_mean": (0.01,),
}
KINKS = [-6, -3, -2, -1, -0.7, -0.5, -0.0, 0.0, 0.5, 0.7, 1, 1.5, 2, 3, 6, 20, 100, -100]


def near(ours, oracle, dtype):
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(ours, oracle, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", reference.ACTIVATIONS)
def test_activations_agree_at_their_kinks_too(name, dtype, rng):
    u = np.concatenate([KINKS, 4 * rng.standard_normal(3000)]).astype(dtype)
    delta, results = rng.standard_normal(u.size).astype(dtype), []
    for kernels in (reference, cpu):
        out, below = np.empty_like(u), np.empty_like(u)
        forward, backward = kernels.ACTIVATIONS[name]
        forward(u, OPTIONS.get(name, ()), out)
        backward(delta, u, OPTIONS.get(name, ()), below)
        results.append((out, below))
    near(results[1], results[0], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", reference.ERRORS)
def test_element_wise_losses_agree_at_their_edges_too(name, dtype, rng):
    between = name in ("bce", "kl_div", "poisson_mean")
    a = rng.uniform(0.001, 0.999, 3000) if between else 2 * rng.standard_normal(3000)
    b = rng.uniform(0, 1, 3000)
    a[:4], b[:6] = [0, 1, 0, 1], [0, 1, 1, 0, 0, 1]
    a, b, results = a.astype(dtype), b.astype(dtype), []
    for kernels in (reference, cpu):
        out, below = np.empty_like(a), np.empty_like(a)
        forward, backward = kernels.ERRORS[name]
        forward(a, b, OPTIONS.get(name, ()), out)
        backward(a, b, OPTIONS.get(name, ()), 0.3, below)
        results.append((out, below))
    near(results[1], results[0], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5000, 1), (70, 9), (0, 3)])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_draws_the_same_numbers(dtype, shape, p):
    u, results = np.ones(shape, dtype), []
    for kernels in (reference, cpu):
        out = np.empty(shape, dtype)
        kernels.dropout(u, np.array([2**63 + 12345], np.uint64), p, out)
        results.append(out)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


def recurrences(kernels, T, N, H, dtype):
    """All that the recurrences of one set compute."""
    rng, found = np.random.default_rng(0), []

    def x(*shape):
        return (rng.standard_normal(shape) / 2).astype(dtype)

    def out(*shapes):
        found.extend(np.full(shape, 7, dtype) for shape in shapes)
        return found[-len(shapes) :]

    def zeros(count):
        found.extend(np.zeros((N, H), dtype) for _ in range(count))
        return found[-count:]

    states, of_4, of_3, start = (T, N, H), (T, N, 4 * H), (T, N, 3 * H), x(N, H)
    W, bias, delta = x(4 * H, H), x(4 * H), x(*states)
    h, c, gates = out(states, states, of_4)
    kernels.lstm(x(*of_4), start, x(N, H), W, bias, h, c, gates)
    kernels.lstm_backward(delta, gates, c, x(N, H), W, *out(of_4), *zeros(2))
    h, q_n, gates = out(states, states, of_3)
    kernels.gru(x(*of_3), start, W[: 3 * H], bias[: 3 * H], h, q_n, gates)
    kernels.gru_backward(delta, gates, q_n, h, start, W[: 3 * H], *out(of_3, of_3), *zeros(1))
    for rectified in (False, True):
        (h,) = out(states)
        kernels.rnn(x(*states), start, W[:H], bias[:H], rectified, h)
        kernels.rnn_backward(delta, h, W[:H], rectified, *out(states), *zeros(1))
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 7), (2, 6, 16), (4, 13, 33), (3, 8, 40), (2, 25, 64)])
def test_recurrences_agree(dtype, sizes):
    for mine, wanted in zip(recurrences(cpu, *sizes, dtype), recurrences(reference, *sizes, dtype), strict=True):
        near(mine, wanted, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_of_recurrences_do_not_depend_on_the_number_of_threads(dtype):
    most, found = bp.get_num_threads(), []
    try:
        for threads in (1, 2):
            bp.set_num_threads(threads)
            found.append(recurrences(cpu, 9, 61, 40, dtype))
    finally:
        bp.set_num_threads(most)
    assert all(one.tobytes() == two.tobytes() for one, two in zip(*found, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_adam_and_rmsprop_agree(dtype, flag, other, rng):
    results = []
    start = [np.abs(rng.standard_normal(3000)).astype(dtype) for _ in range(5)]
    for kernels in (reference, cpu):
        theta, g, m, v, most = (array.copy() for array in start)
        kernels.adam(
            kernels.all_parameters(*[[array] for array in (theta, g, m, v, most)]),
            0.1,
            0.05 if flag else 0.0,
            0.5,
            0.8,
            0.9,
            1e-3,
            0.1,
            0.99,
            other,
        )
        results.append([theta, m, v, most])
        theta, g, square, mean, v = (array.copy() for array in start)
        square += mean * mean + dtype(0.1)  # a variance is not negative
        kernels.rmsprop(
            kernels.all_parameters(*[[array] for array in (theta, g, square, mean, v)]),
            0.1,
            0.8,
            0.2,
            1e-3,
            0.1,
            0.9 if other else 0.0,
            flag,
        )
        results[-1] += [theta, square, mean, v]
    near(results[1], results[0], dtype)


@pytest.mark.parametrize("kernels", [reference, cpu])
def test_centered_rmsprop_of_a_constant_gradient_stays_a_number(kernels):
    """Rounding once took the variance below 0, and its root was NaN after a thousand steps."""
    theta, g = np.array([1.0], np.float32), np.array([0.3], np.float32)
    square, mean = np.zeros(1, np.float32), np.zeros(1, np.float32)
    for _ in range(3000):
        kernels.rmsprop(
            kernels.all_parameters(*[[array] for array in (theta, g, square, mean, theta)]),
            1e-6,
            0.99,
            0.01,
            1e-3,
            0.0,
            0.0,
            True,
        )
        assert np.isfinite(theta), kernels
