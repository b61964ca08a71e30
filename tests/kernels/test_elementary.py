"""exp, log, tanh and their kin against mpmath, over the whole range of both types."""

import math

import numpy as np
import pytest
from numba import njit

from backprop.kernels.cpu.elementary import functions
from backprop.kernels.cpu.elementary.traced import where, word
from backprop.kernels.cpu.simd import lanes, put_some, some_of

mp = pytest.importorskip("mpmath")
mp.mp.dps = 40

MOST = {"erfc": 4, "below": 4, "density": 4, "sigmoid": 4, "softplus": 4}  # units in the last place, else 2
EXACT = {
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": lambda x: mp.log1p(x),
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)) if x < 100 else x + mp.exp(-x),
    "erf": lambda x: mp.erf(x) if abs(x) < 100 else mp.sign(x),
    "erfc": lambda x: mp.erfc(x) if abs(x) < 100 else 1 - mp.sign(x),
    "below": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 100 else (1 + mp.sign(x)) / 2,
    "density": lambda x: mp.npdf(x),
}
OTHERS = {"below": lambda x: functions.normal(x)[0], "density": lambda x: functions.normal(x)[1]}
LIMITS = {  # at -infinity, -0, +0, infinity
    "exp": (0, 1, 1, math.inf),
    "expm1": (-1, -0.0, 0.0, math.inf),
    "log": (math.nan, -math.inf, -math.inf, math.inf),
    "log1p": (math.nan, -0.0, 0.0, math.inf),
    "tanh": (-1, -0.0, 0.0, 1),
    "sigmoid": (0, 0.5, 0.5, 1),
    "softplus": (0, math.log(2), math.log(2), math.inf),
    "erf": (-1, -0.0, 0.0, 1),
    "erfc": (2, 1, 1, 0),
    "below": (0, 0.5, 0.5, 1),
    "density": (0, 1 / math.sqrt(2 * math.pi), 1 / math.sqrt(2 * math.pi), 0),
}


def applied(name, x):
    """The function of each number, by a register at a time, and one by one."""
    function = word(OTHERS.get(name) or getattr(functions, name), name)

    @njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})  # a kernel's flags must not reach inside
    def run(x, together, single):
        for i in range(0, x.size, lanes(x)):
            put_some(function(some_of(x, i)), together, i)
        for i in range(x.size):
            single[i] = function(x[i])

    together, single = np.empty_like(x), np.empty_like(x)
    run(x, together, single)
    return together, single


def everywhere(dtype, rng, count=300):
    """Numbers of all sizes and both signs, and many where the functions bend."""
    info = np.finfo(dtype)
    sizes = np.exp2(rng.uniform(math.log2(info.smallest_subnormal), info.maxexp, count))
    far = 110 if dtype == np.float32 else 760
    some = [sizes, rng.uniform(0, far, count), rng.uniform(0, 12, count), abs(rng.normal(0, 2, count))]
    some = np.concatenate([*some, 1 + rng.normal(0, 0.1, count), np.exp(rng.uniform(-20, 3.3, count))])
    return np.concatenate([some, -some]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_a_function_is_right_to_the_last_digits_everywhere(name, dtype, rng):
    x = everywhere(dtype, rng)
    if name in ("log", "log1p"):
        x = x[x > (0 if name == "log" else -1)]
    together, single = applied(name, x)
    np.testing.assert_array_equal(together, single)
    largest, smallest = mp.mpf(float(np.finfo(dtype).max)), np.finfo(dtype).smallest_subnormal
    for number, found in zip(x, together, strict=True):
        exact = EXACT[name](mp.mpf(float(number)))
        if abs(exact) > largest:
            assert np.isinf(found) and (found > 0) == (exact > 0), (number, found)
            continue
        unit = max(float(np.spacing(abs(dtype(float(exact))))), float(smallest))
        error = abs(mp.mpf(float(found)) - exact) / unit
        assert error <= MOST.get(name, 2), (number, found, float(exact), float(error))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LIMITS)
def test_limits_signs_of_zero_and_nan_are_right(name, dtype):
    together, _ = applied(name, np.array([-math.inf, -0.0, 0.0, math.inf, math.nan], dtype))
    expected = np.array([*LIMITS[name], math.nan], dtype)
    np.testing.assert_allclose(together, expected, rtol=1e-6)
    zeros = expected == 0
    np.testing.assert_array_equal(np.signbit(together[zeros]), np.signbit(expected[zeros]))


def test_of_negative_numbers_there_is_no_logarithm():
    assert np.isnan(applied("log", np.array([-1.0, -1e-320, -math.inf]))[0]).all()
    assert applied("log1p", np.array([-1.0, -2.0]))[0].tolist()[0] == -math.inf


def test_the_smallest_numbers_stay_what_they_are():
    """expm1, tanh, log1p and erf of a number without a digit to spare lost it: their formulas halved it first."""
    for dtype in (np.float32, np.float64):
        x = np.array([1, -1, 3], dtype) * np.finfo(dtype).smallest_subnormal
        for name in ("expm1", "tanh", "log1p", "erf"):
            np.testing.assert_array_equal(applied(name, x)[0], x)


def test_a_formula_with_a_branch_is_refused():
    with pytest.raises(TypeError, match="use where"):
        word(lambda x: x if x > 0 else -x, "branch")._defn(None, __import__("numba").types.float64)


def test_a_word_of_several_results_and_mixed_numbers():
    both = word(lambda x, y: (x + 2 * y, where(x > y, x, y)), "both")

    @njit
    def run(a, number):
        return both(a, number)

    assert run(np.float32(1), 3) == (7.0, 3.0)
