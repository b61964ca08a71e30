"""The words of the SIMD vocabulary, one by one, against NumPy."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from backprop.kernels.cpu import simd
from backprop.kernels.cpu.views import scratch

DTYPES = [np.float32, np.float64]


@njit
def count_lanes(array):
    return simd.lanes(array)


@njit
def copy(a, i, step, out):
    simd.store(simd.load(a, i, step, 3, 2), out, 0, out.size // 3)


@njit
def copy_part(a, i, step, height, width, out, across):
    simd.store(simd.load_part(a, i, step, height, width, 3, 2), out, 0, across)


@njit
def put_part(a, out, step, height, width):
    simd.store_part(simd.load(a, 0, 0, 3, 2), out, 0, step, height, width)


@njit
def turn(a, step, out):
    simd.store(simd.transpose(simd.load(a, 0, step, 0, 1)), out, 0, simd.lanes(a))


@njit
def gather(a, i, step, b, j, out, across):
    simd.store(simd.outer(simd.zeros(out, 3, 2), a, i, step, b, j), out, 0, across)


@njit
def gather_at(a, b, j, k, out, across):
    simd.store(simd.outer(simd.zeros(out, 3, 2), a, 0, 1, b, (j, k)), out, 0, across)


@njit
def slide_from(a, table, by, b, out, across):
    starts = simd.moved(simd.indices(table, 1, 2), by)
    simd.store(simd.slide(simd.zeros(out, 6, 2), a, starts, b, 1, 2), out, 0, across)


@njit
def slide_back(a, i, step, b, j, out):
    simd.store(simd.slide_sum(simd.zeros(out, 6, 1), a, i, step, b, j, 3, 4), out, 0, simd.lanes(out))


@njit
def put_whole(a, out, i, count, first, step):
    simd.store_whole(simd.load(a, 0, 0, 1, 1), out, i, count, first, step)


@njit
def combine(a, b, out, take_larger):
    x, y = simd.load(a, 0, 0, 1, 1), simd.load(b, 0, 0, 1, 1)
    simd.store(simd.maximum(x, y) if take_larger else simd.add(x, y), out, 0, 0)


@njit
def fill_with(a, number, out):
    simd.store(simd.splat(a, number, 1, 2), out, 0, 0)


@njit
def every_other(a, i, out):
    simd.store(simd.load_even(a, i), out, 0, 0)


@njit
def larger_of(best, where, met, here):
    best_, where_ = simd.load(best, 0, 0, 1, 1), simd.load(where, 0, 0, 1, 1)
    best_, where_ = simd.keep_larger(best_, where_, simd.load(met, 0, 0, 1, 1), simd.load(here, 0, 0, 1, 1))
    simd.store(best_, best, 0, 0)
    simd.store(where_, where, 0, 0)


@njit
def dot_products(a, step, b, j, k, out, count):
    tile, i, j = simd.zeros(out, 2, 2), 1, (j, k)
    tile = simd.dot(tile, a, i, step, b, j) if count < 0 else simd.dot_part(tile, a, i, step, b, j, count)
    simd.total(tile, out, 0, 2)


@njit
def put_between(a, out, i, j, step, begin, end):
    simd.store_between(simd.load(a, 0, 0, 2, 2), out, (i, j), step, begin, end)


@njit
def through_scratch(a, out):
    kept = scratch(a, 1000)
    kept[:] = 0
    kept[: a.size] = a
    out[:] = kept[: out.size]
    return kept.size


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param


def numbers(dtype, size):
    return np.arange(1, size + 1).astype(dtype)


def test_a_register_holds_whole_numbers_of_elements(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    assert lanes == simd.WIDTH // np.dtype(dtype).itemsize >= 2


def test_load_and_store_move_rows_of_vectors(dtype):
    across = 2 * count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, 5 + 3 * 40), np.zeros(3 * across, dtype)
    copy(a, 5, 40, out)
    assert np.array_equal(out.reshape(3, across), [a[5 + 40 * r :][:across] for r in range(3)])


@pytest.mark.parametrize("height", [0, 1, 3, 5])
@pytest.mark.parametrize("width", [-1, 0, 1, 3, 1000])
def test_load_part_reads_within_its_height_and_width_only(dtype, height, width):
    across = 2 * count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, 3 * 40), np.full(3 * across, -1, dtype)
    copy_part(a, 0, 40, height, width, out, across)
    wanted = np.array([a[40 * r :][:across] for r in range(3)])
    wanted[height:] = 0
    wanted[:, max(width, 0) :] = 0
    assert np.array_equal(out.reshape(3, across), wanted)


@pytest.mark.parametrize("height", [0, 2, 3])
@pytest.mark.parametrize("width", [0, 1, 5, 1000])
def test_store_part_writes_within_its_height_and_width_only(dtype, height, width):
    across = 2 * count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, across), np.full((3, 40), -1, dtype)
    put_part(a, out.reshape(-1), 40, height, width)
    wanted = np.full((3, 40), -1, dtype)
    wanted[:height, : min(width, across)] = a[: min(width, across)]
    assert np.array_equal(out, wanted)


def test_transpose_turns_rows_into_columns(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, lanes * 20), np.zeros((lanes, lanes), dtype)
    turn(a, 20, out.reshape(-1))
    assert np.array_equal(out, a.reshape(lanes, 20)[:, :lanes].T)


def test_outer_multiplies_a_column_by_a_row(dtype):
    across = 2 * count_lanes(np.zeros(1, dtype))
    a, b, out = numbers(dtype, 20), numbers(dtype, 3 * across), np.zeros((3, across), dtype)
    gather(a, 2, 7, b, 3, out.reshape(-1), across)
    assert np.array_equal(out, np.outer(a[[2, 9, 16]], b[3 : 3 + across]))
    lanes = across // 2
    gather_at(a, b, 5, 1, out.reshape(-1), across)
    assert np.array_equal(out, np.outer(a[:3], np.concatenate([b[5 : 5 + lanes], b[1 : 1 + lanes]])))


def test_rows_that_slide_meet_neighbours_in_every_run(dtype):
    across = 2 * count_lanes(np.zeros(1, dtype))
    a, b, out = numbers(dtype, 40), numbers(dtype, 1 + 2 * across), np.zeros((6, across), dtype)
    slide_from(a, np.array([99, 2, 20]), 5, b, out.reshape(-1), across)
    rows = b[1:].reshape(2, across).astype(float)
    at = np.array([7, 8, 9, 25, 26, 27])
    np.testing.assert_allclose(out, np.outer(a[at], rows[0]) + np.outer(a[at + 1], rows[1]), rtol=1e-6)


def test_the_adjoint_of_sliding_sums_over_positions(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    a, b, out = numbers(dtype, 40), numbers(dtype, 2 + 4 * lanes), np.zeros((6, lanes), dtype)
    slide_back(a, 3, 11, b, 2, out.reshape(-1))
    rows = b[2:].reshape(4, lanes).astype(float)
    wanted = [sum(a[3 + 11 * r + n + q] * rows[n] for n in range(4)) for r in range(2) for q in range(3)]
    np.testing.assert_allclose(out, wanted, rtol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_store_whole_writes_whole_numbers_that_step(dtype, count):
    lanes = count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, lanes).round(), np.full(lanes + 5, -7)
    put_whole(a, out, 2, min(count, lanes), 100, 10)
    wanted = np.full(lanes + 5, -7)
    wanted[2 : 2 + min(count, lanes)] = (100 + 10 * np.arange(lanes) + a.astype(int))[: min(count, lanes)]
    assert np.array_equal(out, wanted)


def test_maximum_keeps_nan_and_add_adds(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    a, b, out = numbers(dtype, lanes), np.full(lanes, 2, dtype), np.zeros(lanes, dtype)
    combine(a, b, out, False)
    assert np.array_equal(out, a + b)
    a[0] = np.nan
    combine(a, b, out, True)
    assert np.array_equal(out, np.maximum(a, b), equal_nan=True)


def test_splat_fills_a_tile(dtype):
    out = np.zeros(2 * count_lanes(np.zeros(1, dtype)), dtype)
    fill_with(out, dtype(2.5), out)
    assert (out == 2.5).all()


def test_load_even_takes_every_other_element(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, 2 * lanes + 3), np.zeros(lanes, dtype)
    every_other(a, 3, out)
    assert np.array_equal(out, a[3 : 3 + 2 * lanes : 2])


def test_keep_larger_keeps_the_first_of_equals_and_the_last_nan(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    for best, met, new in ((1, 2, True), (2, 1, False), (2, 2, False), (1, np.nan, True), (np.nan, 1, False)):
        values, where = np.full(lanes, best, dtype), np.zeros(lanes, dtype)
        larger_of(values, where, np.full(lanes, met, dtype), np.ones(lanes, dtype))
        assert (where == new).all()
        assert np.array_equal(values, np.full(lanes, met if new else best, dtype), equal_nan=True)


@pytest.mark.parametrize("count", [-1, 0, 1, 2])
def test_inner_and_total_are_dot_products(dtype, count):
    lanes = count_lanes(np.zeros(1, dtype))
    a, b, out = numbers(dtype, 40), numbers(dtype, 40), np.zeros((2, 2), dtype)
    dot_products(a, 11, b, 3, 20, out.reshape(-1), count)
    n = lanes if count < 0 else count
    assert np.array_equal(out, [[a[i : i + n] @ b[j : j + n] for j in (3, 20)] for i in (1, 12)])


def test_store_between_writes_a_stretch_of_each_vector(dtype):
    lanes = count_lanes(np.zeros(1, dtype))
    a, out = numbers(dtype, 2 * lanes), np.full((2, 80), -1, dtype)
    put_between(a, out.reshape(-1), 3, 40, 80, (1, 0), (2, lanes))
    wanted = np.full((2, 80), -1, dtype)
    wanted[:, 4], wanted[:, 40 : 40 + lanes] = a[1], a[lanes:]
    assert np.array_equal(out, wanted)


def test_scratch_is_an_array(dtype):
    a, out = numbers(dtype, 9), np.zeros(12, dtype)
    assert through_scratch(a, out) == 1000
    assert np.array_equal(out, [*a, 0, 0, 0])


BEYOND = """
import numpy as np
from numba import njit
from backprop.kernels.cpu import simd
from backprop.kernels.cpu.views import scratch

@njit
def row(a, i):
    simd.store(simd.load(a, i, 0, 1, 1), a, 0, 0)

a = np.zeros(2 * simd.WIDTH, np.uint8).view(np.float32)
row(a, a.size - simd.WIDTH // 4)
for wrong in (-1, a.size - simd.WIDTH // 4 + 1):
    try:
        row(a, wrong)
    except IndexError as error:
        print(error)
"""


def test_boundscheck_catches_a_tile_that_reaches_outside_its_array():
    run = subprocess.run(
        [sys.executable, "-c", BEYOND], env=os.environ | {"NUMBA_BOUNDSCHECK": "1"}, capture_output=True, text=True
    )
    assert run.stdout == "a tile reaches outside its array\n" * 2, run.stderr
