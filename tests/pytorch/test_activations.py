"""Every activation against PyTorch, kinks included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

numbers = st.floats(0.1, 3)
ACTIVATIONS = {
    "ReLU": st.just({}),
    "Sigmoid": st.just({}),
    "Tanh": st.just({}),
    "LeakyReLU": st.builds(dict, negative_slope=st.floats(-1, 1)),
    "ELU": st.builds(dict, alpha=numbers),
    "CELU": st.builds(dict, alpha=numbers),
    "SELU": st.just({}),
    "GELU": st.builds(dict, approximate=st.sampled_from(["none", "tanh"])),
    "SiLU": st.just({}),
    "Mish": st.just({}),
    "Softplus": st.builds(dict, beta=numbers, threshold=st.floats(1, 30)),
    "Softsign": st.just({}),
    "Tanhshrink": st.just({}),
    "Hardshrink": st.builds(dict, lambd=numbers),
    "Softshrink": st.builds(dict, lambd=numbers),
    "Hardtanh": st.builds(dict, min_val=st.floats(-3, -0.1), max_val=numbers),
    "ReLU6": st.just({}),
    "Hardsigmoid": st.just({}),
    "Hardswish": st.just({}),
    "LogSigmoid": st.just({}),
}


def slack(name):
    """PyTorch computes these two with constants of float32, 1/alpha and 1/6, in float64 as well."""
    return 1000 if name in ("CELU", "Hardsigmoid") else 1


shapes = st.lists(st.integers(0, 6), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("name", ACTIVATIONS)
@settings(deadline=None, max_examples=15)
@given(data=st.data(), shape=shapes, dtype=st.sampled_from([np.float32, np.float64]), seed=st.integers(0, 2**32 - 1))
def test_activation(judge, name, data, shape, dtype, seed):
    options = data.draw(ACTIVATIONS[name])
    j = judge(seed, dtype, slack(name))
    x = 3 * j.numbers(*shape)
    j.same_layer(getattr(bp, name)(**options), getattr(torch.nn, name)(**options), x)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kinks_and_large_numbers_are_pytorchs(judge, name):
    """At every corner of a default, at +-0, and where an exponential overflows."""
    x = np.array([-1e4, -100, -20, -6, -3, -1, -0.5, -0.0, 0.0, 0.5, 1, 3, 6, 20, 20.5, 100, 1e4])
    judge(0, np.float64, slack(name)).same_layer(getattr(bp, name)(), getattr(torch.nn, name)(), x)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("kernels", ["reference", "cpu"])
def test_nan_stays_nan(name, kernels):
    with bp.use_kernels(kernels), np.errstate(invalid="ignore"):
        assert np.isnan(getattr(bp, name)()(np.array([np.nan])))


@settings(deadline=None, max_examples=20)
@given(
    shape=st.lists(st.integers(0, 5), min_size=2, max_size=4).map(tuple),
    shared=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_prelu(judge, shape, shared, dtype, seed):
    count = 1 if shared or shape[1] == 0 else shape[1]
    j = judge(seed, dtype)
    ours, x = bp.PReLU(count), j.numbers(*shape)
    ours.weight.data[...] = j.numbers(count)
    x[x < -1] = 0
    j.same_layer(ours, torch.nn.PReLU(count), x)
