"""Linear, softmax, embedding and the layers that rearrange, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=30)


shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


@few
@given(shape=shapes, out=st.integers(1, 9), bias=st.booleans(), dtype=dtypes, seed=seeds)
def test_linear(judge, shape, out, bias, dtype, seed):
    j = judge(seed, dtype)
    x = j.numbers(*shape)
    j.same_layer(bp.Linear(shape[-1], out, bias=bias), torch.nn.Linear(shape[-1], out, bias=bias), x)


@few
@given(name=st.sampled_from(["Softmax", "LogSoftmax"]), shape=shapes, dim=st.integers(-4, 3), dtype=dtypes, seed=seeds)
def test_softmax(judge, name, shape, dim, dtype, seed):
    j = judge(seed, dtype)
    dim = dim % len(shape)
    j.same_layer(getattr(bp, name)(dim=dim), getattr(torch.nn, name)(dim=dim), 5 * j.numbers(*shape))


@few
@given(shape=shapes, start=st.integers(0, 3), end=st.integers(-4, -1), dtype=dtypes, seed=seeds)
def test_flatten_and_unflatten(judge, shape, start, end, dtype, seed):
    start, end = start % len(shape), end % len(shape)
    start, end = min(start, end), max(start, end)
    j = judge(seed, dtype)
    x = j.numbers(*shape)
    j.same_layer(bp.Flatten(start, end), torch.nn.Flatten(start, end), x)
    x, sizes = x.reshape(*shape[:start], -1, *shape[end + 1 :]), shape[start : end + 1]
    j.same_layer(bp.Unflatten(start, sizes), torch.nn.Unflatten(start, sizes), x)


@few
@given(
    rows=st.integers(1, 6),
    width=st.integers(1, 40),
    shape=st.lists(st.integers(0, 5), max_size=3).map(tuple),
    padding=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_embedding(judge, rows, width, shape, padding, dtype, seed):
    j = judge(seed, dtype)
    index = np.asarray(j.rng.integers(0, rows, shape))
    padding_idx = int(j.rng.integers(-rows, rows)) if padding else None
    ours = bp.Embedding(rows, width, padding_idx=padding_idx)
    j.same_layer(ours, torch.nn.Embedding(rows, width, padding_idx=padding_idx), index)
    if padding:
        assert not ours.weight.data[padding_idx].any()
