"""Convolutions over randomly drawn sizes and options, against PyTorch."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
axes_drawn = st.integers(1, 3)


def one_or_each(draw, axes, low, high):
    """One number, or one for each axis."""
    numbers = st.integers(low, high)
    return draw(st.one_of(numbers, st.tuples(*[numbers] * axes)))


def each(value, axes):
    return value if isinstance(value, tuple) else (value,) * axes


def slack(dtype):
    """A bias's gradient sums up to 20,000 numbers of either sign: in float32 what is left may have few digits."""
    return 100 if dtype == np.float32 else 1


@st.composite
def convolutions(draw):
    axes = draw(axes_drawn)
    groups = draw(st.integers(1, 3))
    stride, dilation = one_or_each(draw, axes, 1, 3), one_or_each(draw, axes, 1, 2)
    options = {
        "in_channels": groups * draw(st.integers(1, 3)),
        "out_channels": groups * draw(st.integers(1, 3)),
        "kernel_size": one_or_each(draw, axes, 1, 4),
        "stride": stride,
        "padding": one_or_each(draw, axes, 0, 3),
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    if draw(st.booleans()) and set(each(stride, axes)) == {1}:
        options["padding"] = draw(st.sampled_from(["same", "valid"]))
    return axes, options, draw(st.tuples(*[st.integers(1, 7)] * axes)), draw(st.integers(0, 10))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(deadline=None, max_examples=150)
@given(drawn=convolutions(), batch=st.booleans(), dtype=dtypes, seed=seeds)
def test_convolution(judge, drawn, batch, dtype, seed):
    axes, options, image, samples = drawn
    taps, dilation = each(options["kernel_size"], axes), each(options["dilation"], axes)
    pad = options["padding"]
    if pad != "same":
        spans = [d * (tap - 1) + 1 for tap, d in zip(taps, dilation, strict=True)]
        room = [size + 2 * p for size, p in zip(image, each(0 if pad == "valid" else pad, axes), strict=True)]
        assume(all(size >= span for size, span in zip(room, spans, strict=True)))
    j = judge(seed, dtype, slack(dtype))
    x = j.numbers(*((samples,) if batch else ()), options["in_channels"], *image)
    ours, theirs = getattr(bp, f"Conv{axes}d")(**options), getattr(torch.nn, f"Conv{axes}d")(**options)
    j.same_layer(ours, theirs, x)


@st.composite
def transposed(draw):
    axes = draw(axes_drawn)
    groups = draw(st.integers(1, 2))
    stride, dilation = one_or_each(draw, axes, 1, 3), one_or_each(draw, axes, 1, 2)
    most = min(max(s, d) for s, d in zip(each(stride, axes), each(dilation, axes), strict=True)) - 1
    options = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": one_or_each(draw, axes, 1, 4),
        "stride": stride,
        "padding": one_or_each(draw, axes, 0, 2),
        "output_padding": draw(st.integers(0, most)),
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    return axes, options, draw(st.tuples(*[st.integers(1, 5)] * axes)), draw(st.integers(0, 9))


@settings(deadline=None, max_examples=150)
@given(drawn=transposed(), batch=st.booleans(), dtype=dtypes, seed=seeds)
def test_transposed_convolution(judge, drawn, batch, dtype, seed):
    axes, options, image, samples = drawn
    names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
    for size, tap, s, pad, extra, d in zip(image, *[each(options[name], axes) for name in names], strict=True):
        assume(s * (size - 1) + d * (tap - 1) + 1 - 2 * pad + extra >= 1)
    j = judge(seed, dtype, slack(dtype))
    x = j.numbers(*((samples,) if batch else ()), options["in_channels"], *image)
    name = f"ConvTranspose{axes}d"
    j.same_layer(getattr(bp, name)(**options), getattr(torch.nn, name)(**options), x)


@pytest.mark.parametrize("size", [1, 5])
def test_a_kernel_as_large_as_the_image_leaves_one_place(judge, size):
    j = judge(0, np.float64)
    layer, theirs = bp.Conv2d(2, 3, size), torch.nn.Conv2d(2, 3, size)
    j.same_layer(layer, theirs, j.numbers(4, 2, size, size))
    assert layer(j.numbers(4, 2, size, size)).shape == (4, 3, 1, 1)


def test_initial_weights_have_pytorchs_bounds():
    """Hundreds of each: the largest of thirty biases once lay too far below the bound to tell."""
    for ours, theirs in (
        (bp.Conv2d(20, 300, 5), torch.nn.Conv2d(20, 300, 5)),
        (bp.ConvTranspose2d(20, 300, 5), torch.nn.ConvTranspose2d(20, 300, 5)),
        (bp.Conv2d(20, 400, 3, groups=10), torch.nn.Conv2d(20, 400, 3, groups=10)),
    ):
        for name, parameter in ours.named_parameters():
            most = theirs.get_parameter(name).abs().max().item()
            assert abs(np.abs(parameter.data).max() / most - 1) < 0.1, name
