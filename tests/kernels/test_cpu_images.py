"""The Numba kernels of images against the oracle, over randomly drawn sizes and options."""

import importlib
import math
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from backprop.kernels import cpu, reference
from backprop.kernels.buffers import aligned
from backprop.kernels.cpu import simd
from backprop.kernels.cpu.convolution import runs

conv = importlib.import_module("backprop.kernels.cpu.conv")  # the file; in the kernel set, that name is a kernel
DTYPES = [np.float32, np.float64]
three = st.tuples(*[st.integers(1, 3)] * 3)


class Fenced:
    """Arrays with a margin before and behind them, for registers are stored whole, wherever an array ends."""

    MARGIN, UNTOUCHED = 64, 77

    def __init__(self):
        self._memory = []

    def empty(self, shape, dtype):
        size = math.prod(shape)
        memory = aligned((size + 2 * self.MARGIN,), dtype)
        memory[:] = self.UNTOUCHED
        self._memory.append(memory)
        return memory[self.MARGIN : self.MARGIN + size].reshape(shape)

    def check(self):
        for memory in self._memory:
            assert (memory[: self.MARGIN] == self.UNTOUCHED).all()
            assert (memory[memory.size - self.MARGIN :] == self.UNTOUCHED).all()


def both(name, *args, outs, dtype):
    """Run the kernel of each set into copies of `outs`; they agree. Returns those of the CPU.

    Beside the copies, and beside what a convolution computes in, nothing is written.
    """
    found = []
    for kernels in (reference, cpu):
        fenced = Fenced()
        copies = [fenced.empty(out.shape, out.dtype) for out in outs]
        for copy, out in zip(copies, outs, strict=True):
            copy[...] = out
        flags = [arg.value for arg in args if isinstance(arg, Flag)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conv, "scratch", fenced.empty)
            getattr(kernels, name)(*[arg for arg in args if not isinstance(arg, Flag)], *copies, *flags)
        fenced.check()
        found.append(copies)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    for ours, oracle in zip(found[1], found[0], strict=True):
        scale = max(1, np.abs(oracle[np.isfinite(oracle)]).max(initial=0))
        np.testing.assert_allclose(ours, oracle, rtol=tolerance, atol=tolerance * scale)
    return found[1]


class Flag:
    """An argument that stands behind `out`."""

    def __init__(self, value):
        self.value = value


@contextmanager
def without_lanes():
    """Tiles in which each filter has a lane of its own are compiled for each width; let random sizes use the others."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((runs, "forward"), (runs, "backward"), (conv, "tile_of")):
            patch.setattr(module, name, lambda *sizes, **options: None)
        yield


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=80)
@given(
    samples=st.integers(0, 19),
    groups=st.integers(1, 3),
    per_group=st.tuples(*[st.sampled_from([1, 2, 3, 9, 11])] * 2),
    taps=three,
    stride=three,
    dilation=three,
    pad=st.tuples(*[st.integers(0, 3)] * 3),
    extra=st.tuples(*[st.integers(0, 6)] * 3),
    bias=st.booleans(),
    accumulate=st.booleans(),
    seed=st.integers(0, 99),
)
def test_convolutions_agree(
    dtype, samples, groups, per_group, taps, stride, dilation, pad, extra, bias, accumulate, seed
):
    rng = np.random.default_rng(seed)
    spans = [d * (t - 1) + 1 for d, t in zip(dilation, taps, strict=True)]
    image = tuple(max(span - 2 * p, 1) + e for span, p, e in zip(spans, pad, extra, strict=True))
    places = tuple((i + 2 * p - span) // s + 1 for i, p, span, s in zip(image, pad, spans, stride, strict=True))
    inputs, outputs = groups * per_group[0], groups * per_group[1]
    a = rng.standard_normal((samples, inputs, *image)).astype(dtype)
    x = rng.standard_normal((outputs, per_group[0], *taps)).astype(dtype)
    delta = rng.standard_normal((samples, outputs, *places)).astype(dtype)
    slide = stride, dilation, pad, groups
    mu = rng.standard_normal(outputs if bias else 0).astype(dtype)
    with without_lanes():
        both("conv", a, x, mu, bool(seed % 2), *slide, outs=[delta], dtype=dtype)
        both("conv_input_grad", delta, x, *slide, outs=[a], dtype=dtype)
        both("conv_weight_grad", delta, a, *slide, Flag(accumulate), outs=[x], dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(
    samples=st.integers(1, 5),
    groups=st.integers(1, 2),
    per_group=st.tuples(st.integers(1, 9), st.integers(1, 20)),
    taps=st.integers(1, 3),
    stride=st.integers(1, 2),
    window=st.integers(1, 3),
    hop=st.integers(1, 3),
    size=st.integers(8, 23),
    relu=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_convolution_with_max_pool_agrees(
    dtype, samples, groups, per_group, taps, stride, window, hop, size, relu, seed
):
    rng = np.random.default_rng(seed)
    places = (size + 2 - taps) // stride + 1
    windows = (places - window) // hop + 1
    a = rng.standard_normal((samples, groups * per_group[0], 1, size, size)).astype(dtype)
    x = rng.standard_normal((groups * per_group[1], per_group[0], 1, taps, taps)).astype(dtype)
    mu = rng.standard_normal(len(x)).astype(dtype)
    slide = (1, stride, stride), (1, 1, 1), (0, 1, 1), groups
    pool = (1, window, window), (1, hop, hop), (1, 1, 1), (0, 0, 0)
    out = np.empty((samples, len(x), 1, windows, windows), dtype)
    where = np.empty(out.shape, np.int64)
    with without_lanes():
        both("conv_max_pool", a, x, mu, relu, *slide, (1, places, places), *pool, outs=[out, where], dtype=dtype)


@pytest.mark.parametrize(("channels", "filters"), [(0, 4), (3, 0), (0, 0)])
def test_convolutions_without_channels_or_filters_agree(channels, filters):
    a, x = np.ones((2, channels, 1, 5, 5), np.float32), np.ones((filters, channels, 1, 3, 3), np.float32)
    delta, mu, slide = np.ones((2, filters, 1, 3, 3), np.float32), np.ones(filters, np.float32), ((1,) * 3, (1,) * 3)
    both("conv", a, x, mu, False, *slide, (0, 0, 0), 1, outs=[delta], dtype=np.float32)
    both("conv_input_grad", delta, x, *slide, (0, 0, 0), 1, outs=[a], dtype=np.float32)
    both("conv_weight_grad", delta, a, *slide, (0, 0, 0), 1, Flag(False), outs=[x], dtype=np.float32)


# channels, filters, taps, stride, dilation, pad, groups, image: each filter has a lane of its own, forward or backward
BY_LANE = {
    "LeNet's second": (6, 16, (1, 5, 5), (1, 1, 1), (1, 1, 1), (0, 0, 0), 1, (1, 14, 14)),
    "cnn8's second": (8, 16, (1, 3, 3), (1, 1, 1), (1, 1, 1), (0, 1, 1), 1, (1, 14, 14)),
    "margins that few rows see": (16, 17, (1, 5, 3), (1, 1, 1), (1, 1, 1), (0, 4, 1), 1, (1, 3, 12)),
    "vectors not full, groups": (34, 62, (1, 3, 3), (1, 1, 1), (1, 1, 1), (0, 1, 1), 2, (1, 9, 7)),
    "three dimensions, a stride, a dilation": (15, 16, (2, 3, 3), (1, 2, 1), (1, 1, 2), (1, 1, 2), 1, (3, 11, 7)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", BY_LANE.values(), ids=BY_LANE)
def test_convolutions_with_a_lane_for_each_filter_agree(dtype, sizes):
    channels, filters, taps, stride, dilation, pad, groups, image = sizes
    lanes = simd.WIDTH // np.dtype(dtype).itemsize
    spans = [d * (t - 1) + 1 for d, t in zip(dilation, taps, strict=True)]
    places = tuple((i + 2 * p - span) // s + 1 for i, p, span, s in zip(image, pad, spans, stride, strict=True))
    options = stride, dilation, pad, lanes
    ahead = runs.forward(filters // groups, channels // groups, taps, image, places, *options, pooled=True)
    back = runs.backward(channels // groups, filters // groups, channels // groups, taps, image, places, *options)
    if simd.WIDTH == 64:
        assert ahead or back
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, channels, *image)).astype(dtype)
    x = rng.standard_normal((filters, channels // groups, *taps)).astype(dtype)
    delta = rng.standard_normal((3, filters, *places)).astype(dtype)
    mu = rng.standard_normal(filters).astype(dtype)
    slide = stride, dilation, pad, groups
    for bias, relu in ((mu, True), (mu[:0], False)):
        (z,) = both("conv", a, x, bias, relu, *slide, outs=[delta], dtype=dtype)
        both("conv_input_grad", delta, x, *slide, outs=[a], dtype=dtype)
        both("conv_weight_grad", delta, a, *slide, Flag(relu), outs=[x], dtype=dtype)
        pool = (1, 2, 3), (1, 2, 2), (1, 1, 1), (0, 1, 1)
        windows = (places[0], *((n + 2 - size) // 2 + 1 for n, size in zip(places[1:], (2, 3), strict=True)))
        out, where = np.empty((3, filters, *windows), dtype), np.empty((3, filters, *windows), np.int64)
        found = both("conv_max_pool", a, x, bias, relu, *slide, places, *pool, outs=[out, where], dtype=dtype)
        cpu.max_pool(z, *pool, out, where)  # whatever tiles each of them used, the bits are the same
        assert np.array_equal(found[0], out)
        assert relu or np.array_equal(found[1], where)  # after ReLU many entries are the largest: 0


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(
    filters=st.integers(1, 33),
    channels=st.sampled_from([2, 8, 11]),
    taps=st.sampled_from([2, 3]),
    stride=st.integers(1, 2),
    groups=st.integers(1, 2),
    accumulate=st.booleans(),
    seed=st.integers(0, 99),
)
@example(filters=16, channels=11, taps=3, stride=1, groups=1, accumulate=False, seed=0)  # overlapping tiles
def test_gradients_of_many_filters_agree(dtype, filters, channels, taps, stride, groups, accumulate, seed):
    """So many that each has a lane of its own, and so few that they have not."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((3, groups * channels, 1, 6, 9)).astype(dtype)
    places = (6 + 2 - taps) // stride + 1, (9 + 2 - taps) // stride + 1
    delta = rng.standard_normal((3, groups * filters, 1, *places)).astype(dtype)
    x = rng.standard_normal((groups * filters, channels, 1, taps, taps)).astype(dtype)
    slide = (1, stride, stride), (1, 1, 1), (0, 1, 1), groups
    both("conv_weight_grad", delta, a, *slide, Flag(accumulate), outs=[x], dtype=dtype)


@pytest.mark.parametrize("size", [1 << 4, 1 << 16, 1 << 30])
@pytest.mark.parametrize("filters", [1, 1 << 10, 1 << 20, 1 << 25, 1 << 30])
@pytest.mark.parametrize("images", [1, 7, 64, 10_000])
def test_the_sums_of_all_chunks_take_little_memory_and_miss_no_image(images, size, filters):
    chunk, chunks = conv._chunks(images, size, filters)
    assert (chunks - 1) * chunk < images <= chunks * chunk
    assert chunks * filters <= max(conv.SUMS_BYTES, conv.CHUNK * filters)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=60)
@given(
    samples=st.integers(0, 4),
    size=three,
    stride=three,
    dilation=three,
    pad=st.tuples(*[st.integers(0, 2)] * 3),
    image=st.tuples(*[st.integers(4, 7)] * 3),
    nan=st.booleans(),
    seed=st.integers(0, 99),
)
def test_max_pooling_agrees_with_ties_and_nan(dtype, samples, size, stride, dilation, pad, image, nan, seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(-2, 3, (samples, 2, *image)).astype(dtype)
    if nan and a.size:
        a.flat[rng.integers(a.size)] = np.nan
    spans = [d * (t - 1) + 1 for d, t in zip(dilation, size, strict=True)]
    places = tuple(max((i + 2 * p - span) // s + 1, 1) for i, p, span, s in zip(image, pad, spans, stride, strict=True))
    out, where = np.empty((samples, 2, *places), dtype), np.empty((samples, 2, *places), np.int64)
    out, where = both("max_pool", a, size, stride, dilation, pad, outs=[out, where], dtype=dtype)
    delta = rng.standard_normal(where.shape).astype(dtype)
    flat = delta.reshape(samples, 2, np.prod(places)), where.reshape(samples, 2, np.prod(places))
    both("max_pool_backward", *flat, outs=[np.ones((samples, 2, np.prod(image)), dtype)], dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(0, 9), h=st.integers(1, 9), d=st.integers(1, 70), windows=st.integers(1, 6), seed=st.integers(0, 99)
)
def test_means_and_copies_agree(dtype, b, h, d, windows, seed):
    rng = np.random.default_rng(seed)
    a, delta = rng.standard_normal((b, h, d)).astype(dtype), rng.standard_normal((b, windows, d)).astype(dtype)
    start = rng.integers(0, h, windows)
    stop = np.minimum(start + rng.integers(1, 4, windows), h)
    scale = 1 / (stop - start)
    both("window_mean", a, start, stop, scale, outs=[delta], dtype=dtype)
    both("window_mean_backward", delta, start, stop, scale, outs=[a], dtype=dtype)
    index = rng.integers(-1, h, windows)
    both("take", a, index, 2.5, outs=[delta], dtype=dtype)
    for accumulate in (False, True):
        both("take_backward", delta, index, Flag(accumulate), outs=[a], dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(b=st.integers(1, 9), c=st.integers(1, 9), d=st.integers(1, 70), seed=st.integers(0, 99))
def test_channels_and_normalisation_agree(dtype, b, c, d, seed):
    rng = np.random.default_rng(seed)
    z, delta = rng.standard_normal((2, b, c, d)).astype(dtype)
    per = np.abs(rng.standard_normal(c)).astype(dtype)
    both("add_channels", z, per, outs=[z], dtype=dtype)
    for accumulate in (False, True):
        both("sum_channels", delta, Flag(accumulate), outs=[per], dtype=dtype)
        both("prelu_weight_grad", delta, z, Flag(accumulate), outs=[per], dtype=dtype)
    both("prelu", z, per, outs=[z], dtype=dtype)
    both("prelu_backward", delta, z, per, outs=[z], dtype=dtype)
    mean, var, spread = both("moments", z, 1e-3, outs=[per, per, per], dtype=dtype)
    both("root_mean_square", z, 1e-3, outs=[per], dtype=dtype)
    both("spread_of", var, 1e-3, outs=[per], dtype=dtype)
    both("track", mean, 0.1, 1.5, outs=[per], dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(["batch", "layer", "group"]),
    b=st.integers(1, 9),
    c=st.integers(1, 300),
    groups=st.integers(1, 3),
    d=st.sampled_from([1, 2, 7, 65]),
    seed=st.integers(0, 99),
)
def test_normalisation_agrees_in_both_views(dtype, kind, b, c, groups, d, seed):
    """Entries that share a mean, and those that share a gamma, are the same in a batch normalisation only."""
    assume(kind != "group" or c * d > 1)
    shape, by_gamma = {
        "batch": ((b, c, d), (b, c, d)),
        "layer": ((1, b, c), (b, c, 1)),
        "group": ((1, b * groups, c * d), (b, groups * c, d)),
    }[kind]
    rng = np.random.default_rng(seed)
    u, delta = rng.standard_normal(shape).astype(dtype), rng.standard_normal(by_gamma).astype(dtype)
    mean, spread = rng.standard_normal(shape[1]).astype(dtype), rng.uniform(0.5, 2, shape[1]).astype(dtype)
    gamma, beta = rng.standard_normal((2, by_gamma[1])).astype(dtype)
    both("normalize", u, mean, spread, gamma, beta, outs=[delta], dtype=dtype)
    for flag in (True, False):
        both("normalize_backward", delta, u, mean, spread, gamma, flag, outs=[u], dtype=dtype)
        both("dot_normalized", delta, u, mean, spread, Flag(flag), outs=[gamma], dtype=dtype)


@pytest.mark.parametrize("shape", [(2, 3, 0), (0, 3, 4), (2, 0, 4)])
def test_channels_without_places_sum_to_zero(shape):
    """The sums of images without a pixel were read from outside of them."""
    empty = np.empty(shape, np.float32)
    for kernels in (reference, cpu):
        per, sums, dots = (np.full(shape[1], 7.0, np.float32) for _ in range(3))
        kernels.sum_channels(empty, sums, False)
        kernels.dot_normalized(empty, empty, per, per, dots, False)
        assert not sums.any() and not dots.any()
        kernels.softmax(empty, empty)
