"""Normalisations, in training and evaluation, with their running statistics, against PyTorch."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
some = settings(deadline=None, max_examples=60)


def slack(dtype):
    """Entries that are nearly equal are divided by their small difference: in float32 that costs digits."""
    return 1000 if dtype == np.float32 else 1


def randomize(j, layer):
    """Values that a default would hide mistakes behind are drawn anew."""
    for _, array in (*layer.named_parameters(), *layer.named_buffers()):
        if array.dtype.kind == "f":
            array.data[...] = np.abs(j.numbers(*array.shape)) + 0.5


@some
@given(
    axes=st.integers(0, 3),
    momentum=st.one_of(st.none(), st.floats(0, 1)),
    affine=st.booleans(),
    track=st.booleans(),
    training=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_batch_norm(judge, axes, momentum, affine, track, training, dtype, seed):
    j = judge(seed, dtype, slack(dtype))
    shape = (int(j.rng.integers(2, 6)), 3, *map(int, j.rng.integers(1, 5, axes)))
    options = {"eps": 1e-3, "momentum": momentum, "affine": affine, "track_running_stats": track}
    name = f"BatchNorm{max(axes, 1)}d"
    ours, theirs = getattr(bp, name)(3, **options), getattr(torch.nn, name)(3, **options)
    randomize(j, ours)
    for _ in range(3):  # the running statistics go on from call to call
        ours.train(training)
        theirs.train(training)
        ours.zero_grad()
        theirs.zero_grad()
        j.same_layer(ours, theirs, 2 * j.numbers(*shape) + 1)


def test_batch_norm_remembers_in_training_and_uses_it_in_evaluation(judge):
    j = judge(0, np.float64)
    ours, theirs = bp.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    for training in (True, True, False, True):
        ours.train(training)
        theirs.train(training)
        ours.zero_grad()
        theirs.zero_grad()
        j.same_layer(ours, theirs, j.numbers(4, 3, 5, 5))
    assert ours.num_batches_tracked.data == 3


@some
@given(
    groups=st.integers(1, 3),
    per=st.integers(1, 3),
    axes=st.integers(0, 3),
    affine=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_group_norm(judge, groups, per, axes, affine, dtype, seed):
    j = judge(seed, dtype, slack(dtype))
    shape = (int(j.rng.integers(0, 4)), groups * per, *map(int, j.rng.integers(1, 5, axes)))
    assume(shape[0] == 0 or per * int(np.prod(shape[2:])) > 1)  # PyTorch refuses to normalise a single value
    ours = bp.GroupNorm(groups, groups * per, affine=affine)
    randomize(j, ours)
    j.same_layer(ours, torch.nn.GroupNorm(groups, groups * per, affine=affine), j.numbers(*shape))


@some
@given(
    lead=st.lists(st.integers(0, 4), max_size=2),
    last=st.lists(st.integers(1, 4), min_size=1, max_size=2),
    affine=st.booleans(),
    bias=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_layer_norm_and_rms_norm(judge, lead, last, affine, bias, dtype, seed):
    assume(np.prod(last) > 1)  # PyTorch lets a single value become 0, always
    j = judge(seed, dtype, slack(dtype))
    x = j.numbers(*lead, *last)
    ours = bp.LayerNorm(tuple(last), elementwise_affine=affine, bias=bias)
    randomize(j, ours)
    j.same_layer(ours, torch.nn.LayerNorm(tuple(last), elementwise_affine=affine, bias=bias), x)
    for eps in (None, 1e-2):
        ours = bp.RMSNorm(tuple(last), eps=eps, elementwise_affine=affine)
        randomize(j, ours)
        j.same_layer(ours, torch.nn.RMSNorm(tuple(last), eps=eps, elementwise_affine=affine), x)


def test_one_size_is_enough_for_layer_norm(judge):
    j = judge(0, np.float64)
    j.same_layer(bp.LayerNorm(4), torch.nn.LayerNorm(4), j.numbers(2, 4))
