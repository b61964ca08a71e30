"""Pooling and padding over randomly drawn sizes and options, against PyTorch."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def pools(draw):
    axes = draw(st.integers(1, 3))
    numbers = st.tuples(*[st.integers(1, 4)] * axes)
    size = draw(numbers)
    options = {
        "kernel_size": size,
        "stride": draw(st.one_of(st.none(), numbers)),
        "padding": tuple(draw(st.integers(0, tap // 2)) for tap in size),
        "ceil_mode": draw(st.booleans()),
    }
    image = tuple(draw(st.integers(tap, 8)) for tap in size)
    return axes, options, image


def images(j, batch, samples, image):
    """Images of whole numbers, so that windows have ties; a single one without `batch`."""
    lead = (samples, 3) if batch else (3,)
    return np.round(2 * j.numbers(*lead, *image)).astype(j.dtype)


@settings(deadline=None, max_examples=120)
@given(
    drawn=pools(), dilation=st.integers(1, 2), samples=st.integers(0, 4), batch=st.booleans(), dtype=dtypes, seed=seeds
)
def test_max_pooling_with_ties(judge, drawn, dilation, samples, batch, dtype, seed):
    axes, options, image = drawn
    # A window that holds nothing is PyTorch's own undefined behaviour.
    dilation = 1 if any(options["padding"]) else dilation
    for size, tap in zip(image, options["kernel_size"], strict=True):
        assume(size >= dilation * (tap - 1) + 1)
    assume(batch or axes > 0)
    j = judge(seed, dtype)
    name = f"MaxPool{axes}d"
    ours, theirs = (
        getattr(bp, name)(**options, dilation=dilation),
        getattr(torch.nn, name)(**options, dilation=dilation),
    )
    assume(samples or batch)
    j.same_layer(ours, theirs, images(j, batch, samples, image))


@settings(deadline=None, max_examples=120)
@given(
    drawn=pools(),
    include=st.booleans(),
    divisor=st.one_of(st.none(), st.integers(1, 9)),
    samples=st.integers(0, 4),
    batch=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_average_pooling(judge, drawn, include, divisor, samples, batch, dtype, seed):
    axes, options, image = drawn
    options = {**options, "count_include_pad": include}
    if axes > 1:
        options["divisor_override"] = divisor
    j = judge(seed, dtype)
    name = f"AvgPool{axes}d"
    j.same_layer(getattr(bp, name)(**options), getattr(torch.nn, name)(**options), images(j, batch, samples, image))


@settings(deadline=None, max_examples=60)
@given(axes=st.integers(1, 3), data=st.data(), batch=st.booleans(), dtype=dtypes, seed=seeds)
def test_adaptive_average_pooling(judge, axes, data, batch, dtype, seed):
    image = data.draw(st.tuples(*[st.integers(1, 9)] * axes))
    wanted = data.draw(st.one_of(st.integers(1, 9), st.tuples(*[st.one_of(st.integers(1, 9), st.none())] * axes)))
    if axes == 1 and isinstance(wanted, tuple):
        wanted = wanted[0] or 3
    j = judge(seed, dtype)
    name = f"AdaptiveAvgPool{axes}d"
    j.same_layer(getattr(bp, name)(wanted), getattr(torch.nn, name)(wanted), images(j, batch, 2, image))


@settings(deadline=None, max_examples=120)
@given(
    kind=st.sampled_from(["ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"]),
    axes=st.integers(1, 3),
    one=st.booleans(),
    data=st.data(),
    batch=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_padding(judge, kind, axes, one, data, batch, dtype, seed):
    image = data.draw(st.tuples(*[st.integers(2, 6)] * axes))
    least = -1 if kind in ("ZeroPad", "ConstantPad") else 0
    most = min(image) - 1 if kind in ("ReflectionPad", "CircularPad") else 4
    sides = st.integers(least, min(most, 4))
    if kind in ("ZeroPad", "ConstantPad"):
        assume(min(image) > 2)
    padding = data.draw(sides if one else st.tuples(*[sides] * (2 * axes)))
    options = (padding, 1.5) if kind == "ConstantPad" else (padding,)
    j = judge(seed, dtype)
    name = f"{kind}{axes}d"
    j.same_layer(getattr(bp, name)(*options), getattr(torch.nn, name)(*options), images(j, batch, 2, image))


def test_one_by_one_images_and_empty_batches(judge):
    j = judge(0, np.float64)
    for x in (j.numbers(2, 3, 1, 1), j.numbers(0, 3, 4, 4)):
        for name, options in (
            ("MaxPool2d", (1,)),
            ("AvgPool2d", (1,)),
            ("AdaptiveAvgPool2d", (1,)),
            ("ZeroPad2d", (1,)),
        ):
            j.same_layer(getattr(bp, name)(*options), getattr(torch.nn, name)(*options), x)
