"""The ladder of the convolution, each rung against the definition; and what its tables must not get wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.kernels import cpu, reference
from backprop.kernels.cpu.convolution import textbook, unfolded
from backprop.kernels.cpu.convolution.field import field_of
from backprop.kernels.cpu.convolution.tap_tables import forward

DTYPES = [np.float32, np.float64]
ONE, ZERO = (1, 1, 1), (0, 0, 0)


@pytest.mark.parametrize("rung", [textbook, unfolded], ids=["textbook", "unfolded"])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=20)
@given(
    sizes=st.tuples(*[st.integers(1, 4)] * 3),
    taps=st.tuples(*[st.integers(1, 4)] * 2),
    extra=st.tuples(*[st.integers(0, 20)] * 2),
)
def test_every_rung_of_the_ladder_is_the_convolution(rung, dtype, sizes, taps, extra):
    rng = np.random.default_rng(0)
    images, channels, filters = sizes
    height, width = (tap + more for tap, more in zip(taps, extra, strict=True))
    a = rng.standard_normal((images, channels, height, width)).astype(dtype)
    x = rng.standard_normal((filters, channels, *taps)).astype(dtype)
    out, wanted = (np.full((images, filters, extra[0] + 1, extra[1] + 1), np.nan, dtype) for _ in range(2))
    rung.conv(a, x, out)
    reference.conv(a, x, np.empty(0, dtype), False, (1, 1), (1, 1), (0, 0), 1, wanted)
    np.testing.assert_allclose(out, wanted, atol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(
    ("channels", "filters", "taps", "pad", "size"),
    [(1, 6, 5, 2, 28), (6, 16, 5, 0, 14), (8, 16, 3, 1, 14), (32, 64, 3, 0, 26), (3, 5, 3, 1, 9)],
)
def test_the_bits_of_a_convolution_do_not_depend_on_the_number_of_threads(channels, filters, taps, pad, size):
    rng = np.random.default_rng(0)
    positions = size + 2 * pad - taps + 1
    a = rng.standard_normal((20, channels, 1, size, size)).astype(np.float32)
    x = rng.standard_normal((filters, channels, 1, taps, taps)).astype(np.float32)
    delta = rng.standard_normal((20, filters, 1, positions, positions)).astype(np.float32)
    found, options = [], (ONE, ONE, (0, pad, pad), 1)
    most = cpu.get_num_threads()
    for count in range(1, most + 1):
        cpu.set_num_threads(count)
        try:
            z, da, dx = np.empty_like(delta), np.empty_like(a), np.empty_like(x)
            cpu.conv(a, x, np.ones(filters, np.float32), False, *options, z)
            cpu.conv_input_grad(delta, x, *options, da)
            cpu.conv_weight_grad(delta, a, *options, dx, False)
            found.append((z, da, dx))
        finally:
            cpu.set_num_threads(most)
    assert all(np.array_equal(x, y) for some in found for x, y in zip(some, found[0], strict=True))


@settings(deadline=None, max_examples=100)
@given(
    positions=st.tuples(*[st.integers(1, 40)] * 2),
    taps=st.tuples(*[st.integers(1, 5)] * 2),
    channels=st.integers(1, 40),
    lanes=st.sampled_from([2, 4, 8, 16]),
)
def test_vectors_cover_each_position_of_the_output_once_or_with_the_same_sum(positions, taps, channels, lanes):
    """Whatever the width of a register: what is stored at a place is the sum that belongs there."""
    image = tuple(i + t - 1 for i, t in zip(positions, taps, strict=True))
    field, tables = forward(channels, (1, *taps), (1, *image), (1, *positions), ONE, ONE, ZERO, lanes)
    assert len(tables.bases) % 3 == 0
    stored = {}
    for v, base in enumerate(tables.bases):
        for place, begin, end in zip(tables.places[:, v], tables.begins[:, v], tables.ends[:, v], strict=True):
            assert 0 <= begin <= end <= lanes or begin == end
            for lane in range(begin, end):
                stored.setdefault(place + lane, set()).add(base + lane)
    wanted = {i * positions[1] + j: {i * field.plane[2] + j} for i, j in np.ndindex(*positions)}
    assert stored == wanted


def test_a_stride_splits_an_image_into_planes():
    field = field_of((1, 4, 5), (1, 2, 3), (1, 2, 2), ZERO)
    assert field.channel == 4 * 6
    image, scratch = np.arange(20), np.full(field.channel, -1)
    for begin, to, count, step in field.copies:
        scratch[to : to + count] = image[begin : begin + count * step : step]
    planes = scratch.reshape(2, 2, 2, 3)
    for y, x in np.ndindex(2, 2):
        part = image.reshape(4, 5)[y::2, x::2]
        assert np.array_equal(planes[y, x][:, : part.shape[1]], part)
