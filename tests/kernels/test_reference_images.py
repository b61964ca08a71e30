"""The oracle's convolutions, pooling and padding: by SciPy, by hand, and by the definition of an adjoint."""

import itertools

import numpy as np
import pytest
from scipy import signal

from backprop.kernels import reference as ref


def conv(a, x, z_shape, stride=1, dilation=1, pad=0, groups=1):
    axes = a.ndim - 2
    out = np.full(z_shape, 777, a.dtype)
    ref.conv(
        a,
        x,
        np.empty(0),
        False,
        *[(n,) * axes if isinstance(n, int) else n for n in (stride, dilation, pad)],
        groups,
        out,
    )
    return out


IMAGE = np.array([[1.0, 2, 0], [0, 1, 3], [4, 0, 1]])
FILTER = np.array([[1.0, 2], [0, -1]])


def test_a_3x3_image_by_hand():
    assert conv(IMAGE[None, None], FILTER[None, None], (1, 1, 2, 2)).tolist() == [[[[4, -1], [2, 6]]]]


def test_stride_padding_and_dilation_by_hand():
    whole = conv(IMAGE[None, None], FILTER[None, None], (1, 1, 4, 4), pad=1)
    assert whole[0, 0].tolist() == [[-1, -2, 0, 0], [2, 4, -1, 0], [-4, 2, 6, 3], [8, 4, 2, 1]]
    strided = conv(IMAGE[None, None], FILTER[None, None], (1, 1, 2, 2), pad=1, stride=2)
    assert strided[0, 0].tolist() == [[-1, 0], [-4, 6]]
    assert conv(IMAGE[None, None], FILTER[None, None], (1, 1, 1, 1), dilation=2).item() == 1 + 0 + 0 - 1


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_it_is_scipys_correlate_in_every_number_of_axes(axes, rng):
    image, taps = (6, 5, 4)[:axes], (3, 2, 2)[:axes]
    a, x = rng.standard_normal((2, 3, *image)), rng.standard_normal((4, 3, *taps))
    valid = tuple(i - p + 1 for i, p in zip(image, taps, strict=True))
    z = conv(a, x, (2, 4, *valid))
    for n, o in itertools.product(range(2), range(4)):
        expected = sum(signal.correlate(a[n, c], x[o, c], mode="valid") for c in range(3))
        np.testing.assert_allclose(z[n, o], expected, atol=1e-13)


def test_a_stride_takes_every_other_place_and_a_dilation_spreads_the_filter(rng):
    a, x = rng.standard_normal((1, 1, 9, 9)), rng.standard_normal((1, 1, 3, 3))
    dense = signal.correlate(a[0, 0], x[0, 0], mode="valid")
    np.testing.assert_allclose(conv(a, x, (1, 1, 4, 3), stride=(2, 3))[0, 0], dense[::2, ::3])
    spread = np.zeros((5, 5))
    spread[::2, ::2] = x[0, 0]
    np.testing.assert_allclose(
        conv(a, x, (1, 1, 5, 5), dilation=2)[0, 0], signal.correlate(a[0, 0], spread, mode="valid")
    )


def test_each_group_of_filters_sees_its_own_channels(rng):
    a, x = rng.standard_normal((2, 4, 5, 5)), rng.standard_normal((6, 2, 3, 3))
    together = conv(a, x, (2, 6, 3, 3), groups=2)
    np.testing.assert_array_equal(together[:, :3], conv(a[:, :2], x[:3], (2, 3, 3, 3)))
    np.testing.assert_array_equal(together[:, 3:], conv(a[:, 2:], x[3:], (2, 3, 3, 3)))


def test_gradients_of_a_3x3_image_by_hand():
    """delta is 1 at the first place and -1 at the last: the first patch minus the last, and the filter there."""
    delta, one, none = np.array([[[[1.0, 0], [0, -1]]]]), (1, 1), (0, 0)
    dx = np.full((1, 1, 2, 2), 5.0)
    ref.conv_weight_grad(delta, IMAGE[None, None], one, one, none, 1, dx, False)
    assert dx[0, 0].tolist() == [[0, -1], [0, 0]]
    ref.conv_weight_grad(delta, IMAGE[None, None], one, one, none, 1, dx, True)
    assert dx[0, 0].tolist() == [[0, -2], [0, 0]]
    da = np.full((1, 1, 3, 3), 5.0)
    ref.conv_input_grad(delta, FILTER[None, None], one, one, none, 1, da)
    assert da[0, 0].tolist() == [[1, 2, 0], [0, -2, -2], [0, 0, 1]]


def test_the_input_gradient_is_scipys_full_convolution(rng):
    delta, x = rng.standard_normal((1, 1, 4, 4)), rng.standard_normal((1, 1, 3, 2))
    da = np.empty((1, 1, 6, 5))
    ref.conv_input_grad(delta, x, (1, 1), (1, 1), (0, 0), 1, da)
    np.testing.assert_allclose(da[0, 0], signal.convolve(delta[0, 0], x[0, 0], mode="full"), atol=1e-14)


@pytest.mark.parametrize(
    ("stride", "dilation", "pad", "groups"), list(itertools.product([1, 2], [1, 2], [0, 2], [1, 2]))
)
def test_the_gradients_are_the_adjoints(stride, dilation, pad, groups, rng):
    """<delta, conv(a, x)> = <conv_input_grad(delta, x), a> = <conv_weight_grad(delta, a), x>: what adjoint means."""
    a, x = rng.standard_normal((3, 4, 7, 6)), rng.standard_normal((2, 4 // groups, 3, 2))
    size = [(n + 2 * pad - dilation * (p - 1) - 1) // stride + 1 for n, p in ((7, 3), (6, 2))]
    slide = (stride,) * 2, (dilation,) * 2, (pad,) * 2, groups
    delta = rng.standard_normal((3, 2, *size))
    inner = (delta * conv(a, x, delta.shape, *slide)).sum()
    da, dx = np.empty_like(a), np.empty_like(x)
    ref.conv_input_grad(delta, x, *slide, da)
    ref.conv_weight_grad(delta, a, *slide, dx, False)
    assert (da * a).sum() == pytest.approx(inner)
    assert (dx * x).sum() == pytest.approx(inner)


def max_pool(a, size, stride, pad=0, dilation=1, out_size=None):
    out, where = np.empty((1, 1, *out_size)), np.empty((1, 1, *out_size), int)
    ref.max_pool(a[None, None], size, stride, (dilation,) * 2, (pad,) * 2, out, where)
    return out[0, 0].tolist(), where[0, 0].tolist()


def test_max_pooling_by_hand():
    a = np.array([[1.0, 5, 2, 2], [3, 5, 2, 2], [-1, -2, -3, -4]])
    assert max_pool(a, (2, 2), (2, 2), out_size=(1, 2)) == ([[5, 2]], [[1, 2]])  # of equal entries the first
    assert max_pool(a, (2, 2), (1, 1), out_size=(2, 3)) == ([[5, 5, 2], [5, 5, 2]], [[1, 1, 2], [5, 5, 6]])
    below = max_pool(a, (2, 2), (2, 2), pad=1, out_size=(2, 3))
    assert below == ([[1, 5, 2], [3, 5, 2]], [[0, 1, 3], [4, 5, 7]])  # the padding is never taken, not even by -1


def test_max_pooling_takes_nan_and_marks_windows_that_hold_nothing():
    assert np.isnan(max_pool(np.array([[np.nan, 1.0]]), (1, 2), (1, 1), out_size=(1, 1))[0])
    assert max_pool(np.array([[3.0]]), (1, 2), (1, 1), 1, 2, out_size=(1, 1)) == ([[-np.inf]], [[-1]])


def test_max_pooling_backward_adds_where_windows_overlap_and_skips_empty_ones():
    out = np.empty((1, 1, 4))
    ref.max_pool_backward(np.array([[[1.0, 10, 100]]]), np.array([[[2, 2, -1]]]), out)
    assert out.tolist() == [[[0, 0, 11, 0]]]


def test_window_means_by_hand_and_their_adjoint():
    a, start, stop = np.array([[[1.0], [2], [6]]]), np.array([0, 1]), np.array([2, 3])
    scale, out, below = np.array([0.5, 0.25]), np.empty((1, 2, 1)), np.empty((1, 3, 1))
    ref.window_mean(a, start, stop, scale, out)
    assert out.ravel().tolist() == [1.5, 2]
    ref.window_mean_backward(np.array([[[2.0], [4]]]), start, stop, scale, below)
    assert below.ravel().tolist() == [1, 2, 1]


def test_take_copies_and_its_adjoint_adds_up():
    a, index = np.array([[[1.0, 2], [3, 4]]]), np.array([1, -1, 0, 1])
    out = np.empty((1, 4, 2))
    ref.take(a, index, 9.0, out)
    assert out[0].tolist() == [[3, 4], [9, 9], [1, 2], [3, 4]]
    below = np.ones((1, 2, 2))
    ref.take_backward(out, index, below, False)
    assert below[0].tolist() == [[1, 2], [6, 8]]
    ref.take_backward(out, index, below, True)
    assert below[0].tolist() == [[2, 4], [12, 16]]


def test_channels_by_hand():
    z, per = np.arange(6.0).reshape(1, 2, 3), np.array([10.0, 100])
    out, total = np.empty((1, 2, 3)), np.ones(2)
    ref.add_channels(z, per, out)
    assert out[0].tolist() == [[10, 11, 12], [103, 104, 105]]
    ref.normalize(z, np.array([1.0, 4]), np.ones(2), per, np.array([5.0, 7]), out)
    assert out[0].tolist() == [[-5, 5, 15], [-93, 7, 107]]
    ref.sum_channels(z, total, True)
    assert total.tolist() == [4, 13]
    ref.dot_normalized(z, z, np.zeros(2), np.array([1.0, 2]), total, False)
    assert total.tolist() == [5, 25]
