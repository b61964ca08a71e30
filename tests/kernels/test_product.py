"""The ladder of the matrix product: every rung against NumPy, the last one in all its forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.kernels import cpu
from backprop.kernels.cpu.product import blocked, packed, textbook, threads, tile

DTYPES = [np.float32, np.float64]
some = st.integers(1, 70)
# Sizes at which a form of the product ends: no, one and two registers, tiles, panels, blocks.
edges = st.sampled_from([0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 47, 48, 49, 63, 96, 97, 255, 256, 257, 300])


def operands(seed, dtype, m, k, n):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)


def close(got, wanted, depth):
    eps = np.finfo(got.dtype).eps
    np.testing.assert_allclose(got, wanted, rtol=0, atol=8 * eps * max(depth, 1) ** 0.5 * 4)


@pytest.mark.parametrize("rung", [textbook, blocked, tile, packed], ids=lambda rung: rung.__name__.rsplit(".")[-1])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=30)
@given(m=some, k=some, n=some, seed=st.integers(0, 99))
def test_every_rung_of_the_ladder_is_the_product(rung, dtype, m, k, n, seed):
    p, q = operands(seed, dtype, m, k, n)
    out = np.full((m, n), np.nan, dtype)
    rung.product(p, q, out)
    close(out, p.astype(np.float64) @ q, k)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=60)
@given(m=edges, k=edges, n=edges, p_t=st.booleans(), q_t=st.booleans(), add=st.booleans(), seed=st.integers(0, 99))
def test_the_product_is_right_at_the_edges_of_tiles_panels_and_blocks(dtype, m, k, n, p_t, q_t, add, seed):
    p, q = operands(seed, dtype, m, k, n)
    wanted = p.astype(np.float64) @ q + (1 if add else 0)
    out = np.full((m, n), 1 if add else np.nan, dtype)
    stored_p, stored_q = (np.ascontiguousarray(x.T) if flag else x for x, flag in ((p, p_t), (q, q_t)))
    threads.product(stored_p, p_t, stored_q, q_t, out, add)
    close(out, wanted, k)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=30)
@given(m=edges, k=edges, n=edges, mu=st.booleans(), relu=st.booleans(), seed=st.integers(0, 99))
def test_bias_and_relu_are_added_to_the_product(dtype, m, k, n, mu, relu, seed):
    p, q = operands(seed, dtype, m, k, n)
    bias = np.linspace(-1, 1, n).astype(dtype) if mu else np.empty(0, dtype)
    wanted = p.astype(np.float64) @ q + (bias if mu else 0)
    out = np.full((m, n), np.nan, dtype)
    threads.affine(p, False, q, False, out, False, bias, relu)
    close(out, np.maximum(wanted, 0) if relu else wanted, k)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(m=some, k=some, n=st.integers(1, 20), add=st.booleans(), mu=st.booleans(), relu=st.booleans())
def test_products_with_few_columns_are_right_as_dot_products(dtype, m, k, n, add, mu, relu):
    p, q = operands(0, dtype, m, k, n)
    bias = np.linspace(-1, 1, n).astype(dtype) if mu else np.empty(0, dtype)
    wanted = p.astype(np.float64) @ q + (bias if mu else 0) + (1 if add else 0)
    out = np.full((m, n), 1 if add else np.nan, dtype)
    threads.affine(p, False, np.ascontiguousarray(q.T), True, out, add, bias, relu)
    close(out, np.maximum(wanted, 0) if relu else wanted, k)


@pytest.mark.parametrize("p_t", [False, True])
@pytest.mark.parametrize("q_t", [False, True])
@pytest.mark.parametrize("add", [False, True])
def test_large_products_are_right_in_blocks(p_t, q_t, add):
    m, k, n = 389, 517, 401
    p, q = operands(0, np.float32, m, k, n)
    wanted = np.maximum(p.astype(np.float64) @ q + (1 if add else 0) + np.arange(n), 0)
    out = np.full((m, n), 1 if add else np.nan, np.float32)
    stored_p, stored_q = (np.ascontiguousarray(x.T) if flag else x for x, flag in ((p, p_t), (q, q_t)))
    threads.affine(stored_p, p_t, stored_q, q_t, out, add, np.arange(n, dtype=np.float32), True)
    close(out, wanted, k * 300)


@pytest.mark.parametrize("sizes", [(64, 784, 128), (389, 517, 401), (17, 300, 1000)])
@pytest.mark.parametrize("q_t", [False, True])
def test_the_bits_of_a_product_do_not_depend_on_the_number_of_threads(sizes, q_t):
    p, q = operands(0, np.float32, *sizes)
    q = np.ascontiguousarray(q.T) if q_t else q
    outs = []
    for count in range(1, cpu.get_num_threads() + 1):
        before = cpu.get_num_threads()
        cpu.set_num_threads(count)
        try:
            outs.append(np.empty((sizes[0], sizes[2]), np.float32))
            threads.product(p, False, q, q_t, outs[-1], False)
        finally:
            cpu.set_num_threads(before)
    assert all(np.array_equal(out, outs[0]) for out in outs)
    # Strips of other widths are other tiles, and the same sums.
    whole = sizes[2] // 32 * 32
    columns = np.concatenate([_product(p, q, q_t, c) for c in range(0, whole, 32)], axis=1)
    assert np.array_equal(columns, outs[0][:, :whole])


def _product(p, q, q_t, first):
    part = np.ascontiguousarray(q[first : first + 32] if q_t else q[:, first : first + 32])
    out = np.empty((len(p), 32), np.float32)
    threads.product(p, False, part, q_t, out, False)
    return out


@pytest.mark.parametrize("accumulate", [False, True])
def test_a_product_touches_nothing_but_its_out(accumulate):
    p, q = operands(0, np.float32, 13, 21, 37)
    around = np.full((15, 37), 7, np.float32)
    threads.product(p, False, q, False, around[1:14], accumulate)
    assert (around[0] == 7).all() and (around[14] == 7).all()


def test_nan_and_infinity_go_through_a_product():
    p, q = np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)
    p[1, 2], q[0, 3] = np.nan, np.inf
    out = np.empty((3, 5), np.float32)
    threads.affine(p, False, q, False, out, False, np.zeros(5, np.float32), True)
    assert np.isnan(out[1]).all() and out[0, 3] == np.inf and out[2, 0] == 4
