"""The Numba kernels against the oracle, at odd shapes and both element types; same bits in any number of threads."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp
from backprop.kernels import cpu, reference
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import blocks

DTYPES = [np.float32, np.float64]
sizes = st.integers(0, 40)
some = st.integers(1, 40)


def arrays(seed, dtype, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def agree(name, args, shape, dtype, *flags, start=1.0, rtol=None):
    """The kernel gives on the CPU what it gives in the reference. Returns the result."""
    outs = []
    for kernels in (reference, cpu):
        out = np.full(shape, start, dtype)
        getattr(kernels, name)(*args, out, *flags)
        outs.append(out)
    tolerance = rtol or (2e-5 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(
        outs[1], outs[0], rtol=tolerance, atol=tolerance * max(1, np.abs(outs[0]).max(initial=0))
    )
    return outs[1]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(n=sizes, o=sizes, i=sizes, accumulate=st.booleans(), seed=st.integers(0, 99))
def test_products_agree_with_the_reference(dtype, n, o, i, accumulate, seed):
    a, x, delta = arrays(seed, dtype, (n, i), (o, i), (n, o))
    agree("matmul_nt", (a, x), (n, o), dtype, accumulate)
    agree("matmul_tn", (delta, a), (o, i), dtype, accumulate)
    agree("matmul_nn", (delta, x), (n, i), dtype, accumulate)
    agree("sum_rows", (delta,), (o,), dtype, accumulate)
    agree("add_bias", (delta, np.ones(o, dtype)), (n, o), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 10_000])
def test_element_wise_functions_agree_with_the_reference(dtype, name, size):
    u, delta = arrays(0, dtype, size, size)
    a = agree(name, (3 * u,), size, dtype)
    agree(f"{name}_backward", (delta, a), size, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 2049])
def test_element_wise_losses_agree_with_the_reference(dtype, size):
    a, b = arrays(0, dtype, size, size)
    b[: size // 2] = a[: size // 2]
    agree("multiply", (a, b), size, dtype)
    agree("add", (a, b), size, dtype)
    agree("fill", (0.25,), size, dtype)
    agree("total", (a,), 1, dtype, rtol=1e-4 if dtype == np.float32 else 1e-11)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(b=sizes, c=some, d=st.integers(0, 5), seed=st.integers(0, 99))
def test_softmax_family_agrees_with_the_reference(dtype, b, c, d, seed):
    u, delta = arrays(seed, dtype, (b, c, d), (b, c, d))
    rng = np.random.default_rng(seed)
    y, q = rng.integers(0, c, (b, d)), np.abs(u) + dtype(0.1)
    q /= q.sum(axis=1, keepdims=True)
    scale = arrays(seed, dtype, (b, d))[0]
    s = agree("softmax", (5 * u,), u.shape, dtype)
    log_s = agree("log_softmax", (5 * u,), u.shape, dtype)
    agree("softmax_backward", (delta, s), u.shape, dtype)
    agree("log_softmax_backward", (delta, log_s), u.shape, dtype)
    w, ignore, smoothing = np.abs(arrays(seed, dtype, (c,))[0]), [-100, 0][seed % 2], [0.0, 0.1][seed // 2 % 2]
    agree("nll", (log_s, y, w, ignore, smoothing), (b, d), dtype)
    found = [np.full((2, *u.shape), 777, dtype) for _ in range(2)], np.full((2, 3), 777.0)
    for kernels, (log_s_, delta), sums in zip((reference, cpu), *found, strict=True):
        kernels.cross_entropy(u, y, w, ignore, smoothing, log_s_, delta, sums)
    np.testing.assert_allclose(found[0][1], found[0][0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1][1], found[1][0], rtol=1e-4, atol=1e-5)
    agree("nll_backward", (y, w, ignore, scale), u.shape, dtype)
    agree("nll_softmax_backward", (log_s, y, w, ignore, smoothing, scale), u.shape, dtype)
    agree("used_weight", (y, w, ignore), 1, np.float64, rtol=1e-6)
    agree("soft_nll", (log_s, q, w), (b, d), dtype)
    agree("soft_nll_softmax_backward", (log_s, q, w, scale), u.shape, dtype)
    agree("smooth", (q, 0.1), u.shape, dtype)
    agree("first_bad_probability", (q, 1e-3), 1, np.int64)
    agree("first_bad_label", (y.ravel(), c - 1, ignore), 1, np.int64)
    agree("first_outside", (u.ravel(), -1.0, 1.5), 1, np.int64)
    agree("count_correct", (u, y, 1), 2, np.int64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("source", [np.uint8, np.int32, np.float32])
def test_gather_agrees_with_the_reference(dtype, source, rng):
    images = rng.integers(0, 100, (20, 13)).astype(source)
    agree("gather", (images, rng.integers(0, 20, 7), 1 / 255), (7, 13), dtype)
    agree("gather", (images, np.empty(0, np.int64), 1.0), (0, 13), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_sgd_agrees_with_the_reference(dtype, momentum, nesterov, first):
    results = []
    for kernels in (reference, cpu):
        theta, g, v = arrays(0, dtype, 3000, 3000, 3000)
        kernels.sgd(
            kernels.all_parameters(*[[array] for array in (theta, g, v)]), 0.1, momentum, 0.3, 0.01, nesterov, first
        )
        results.append((theta, v))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6)


@np.errstate(invalid="ignore")
def test_nan_and_infinity_pass_through():
    for kernels in (reference, cpu):
        for name in ("relu", "sigmoid", "tanh"):
            out = np.zeros(1)
            getattr(kernels, name)(np.array([np.nan]), out)
            assert np.isnan(out), (kernels, name)
        out = np.zeros((1, 2))
        kernels.matmul_nt(np.array([[1.0, np.inf]]), np.array([[1.0, 0.0], [1.0, 1.0]]), out, False)
        assert np.isnan(out[0, 0]), kernels
        assert np.isinf(out[0, 1]), kernels
        out = np.zeros((1, 2, 1))
        kernels.softmax(np.array([[[np.nan], [0.0]]]), out)
        assert np.isnan(out).all(), kernels


def test_relu_of_nan_was_not_hidden_and_its_delta_goes_on():
    for kernels in (reference, cpu):
        out = np.zeros(1)
        kernels.relu_backward(np.array([3.0]), np.array([np.nan]), out)
        assert out == 3, kernels


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_the_number_of_threads(dtype):
    most = bp.get_num_threads()
    if most < 2:
        pytest.skip("one core: nothing to compare")
    a, x, delta, u = arrays(0, dtype, (67, 301), (129, 301), (67, 129), 10_001)
    image, filters, places = arrays(1, dtype, (9, 3, 1, 11, 12), (4, 3, 1, 3, 3), (9, 4, 1, 11, 12))
    slide = (1, 1, 1), (1, 1, 1), (0, 1, 1), 1
    calls = [
        ("matmul_nt", (a, x), (67, 129), (False,)),
        ("matmul_tn", (delta, a), (129, 301), (False,)),
        ("matmul_nn", (delta, x), (67, 301), (True,)),
        ("sum_rows", (delta,), (129,), (False,)),
        ("sigmoid", (u,), u.shape, ()),
        ("tanh", (u,), u.shape, ()),
        ("tanh_backward", (u, u), u.shape, ()),
        ("log_softmax", (a.reshape(67, 301, 1),), (67, 301, 1), ()),
        ("conv", (image, filters, np.ones(4, dtype), True, *slide), (9, 4, 1, 11, 12), ()),
        ("conv_input_grad", (places, filters, *slide), (9, 3, 1, 11, 12), ()),
        ("conv_weight_grad", (places, image, *slide), (4, 3, 1, 3, 3), (True,)),
        ("sum_channels", (places.reshape(9, 4, 132),), (4,), (False,)),
        ("take_backward", (a[None], np.arange(67) % 5), (1, 5, 301), (False,)),
        ("dropout", (u[:, None], np.array([7], np.uint64), 0.3), (10_001, 1), ()),
    ]
    try:
        for name, args, shape, flags in calls:
            bits = []
            for threads in (1, 2):
                bp.set_num_threads(threads)
                out = np.ones(shape, dtype)
                getattr(cpu, name)(*args, out, *flags)
                bits.append(out.tobytes())
            assert bits[0] == bits[1], name
    finally:
        bp.set_num_threads(most)


@pytest.mark.parametrize("offset", [100, 1e4, 1e6])
def test_softmax_does_not_lose_digits_where_all_scores_are_large(offset, rng):
    """Reordered, (u - largest) - log_sum lost as many digits as the offset has."""
    u = rng.integers(-3, 4, (5, 18, 1)).astype(np.float32)
    for name in ("softmax", "log_softmax"):
        near, far = np.empty_like(u), np.empty_like(u)
        getattr(cpu, name)(u, near)
        getattr(cpu, name)(u + np.float32(offset), far)
        np.testing.assert_allclose(far, near, rtol=1e-6, atol=1e-7)


def test_two_python_threads_may_run_kernels_at_once():
    """While the team works for one of them, the other one computes alone, with the same bits."""
    a, x = arrays(0, np.float32, (64, 300), (128, 300))
    expected = np.empty((64, 128), np.float32)
    cpu.matmul_nt(a, x, expected, False)
    results = []

    def work():
        for _ in range(50):
            out = np.empty((64, 128), np.float32)
            cpu.matmul_nt(a, x, out, False)
            results.append(np.array_equal(out, expected))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 100


@pytest.mark.parametrize("kernels", [reference, cpu])
def test_cross_entropy_stops_at_the_first_bad_label(kernels):
    z, found = np.zeros((3, 4, 2)), np.zeros(3)
    for y, wanted in (([[0, 1], [3, -100], [2, 2]], -1), ([[0, 1], [4, -100], [-1, 2]], 2), ([[0, -1]] * 3, 1)):
        kernels.cross_entropy(z, np.array(y), np.ones(4), -100, 0.0, z.copy(), z.copy(), found)
        assert found[2] == wanted


@pytest.mark.parametrize("kernels", [reference, cpu])
def test_count_up_counts(kernels):
    count = np.array([4])
    kernels.count_up(count)
    assert count == 5


def test_a_kernel_that_returns_something_is_refused():
    """What it returned would be lost, and an array that it has only borrowed would be freed once too often."""

    def given(array, part, parts):
        return array

    with pytest.raises(TypeError, match="given returns array"):
        kernel(given)(np.zeros(3))


def test_a_function_for_kernels_alone_is_no_function_for_python():
    """It has no machine code of its own: a call would have run into address 0."""
    for _ in range(2):
        with pytest.raises(TypeError):
            blocks(1.0)
