"""What the layers of images promise, beyond their gradients."""

import numpy as np
import pytest

import backprop as bp


def test_convolution_is_cross_correlation_the_filter_is_not_flipped(each_kernels):
    layer = bp.Conv1d(1, 1, 3, bias=False)
    layer.weight = bp.Parameter([[[1, 2, 3]]])
    spike = np.array([[[0, 0, 1, 0, 0]]], np.float32)
    assert layer(spike).tolist() == [[[3, 2, 1]]]


def test_same_padding_keeps_the_size_and_puts_the_odd_column_behind():
    layer = bp.Conv1d(1, 1, 2, padding="same", bias=False)
    layer.weight = bp.Parameter([[[1, 10]]])
    assert layer(np.array([[[1, 2, 3]]], np.float32)).tolist() == [[[21, 32, 3]]]


def test_an_image_goes_in_and_an_image_comes_out_and_a_transposed_convolution_brings_the_size_back():
    x = np.ones((2, 1, 28, 28), np.float32)
    half = bp.Conv2d(1, 4, 3, stride=2, padding=1)(x)
    assert half.shape == (2, 4, 14, 14)
    assert bp.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1)(half).shape == x.shape


def test_images_without_a_channel_are_told_how_to_get_one():
    with pytest.raises(
        bp.ShapeError, match=r"Conv2d: expects 1 channels, got 64 in \(64, 28, 28\); use x\[:, None\] for a batch"
    ):
        bp.Conv2d(1, 6, 5)(np.ones((64, 28, 28), np.float32))


def test_flat_pixels_are_told_to_unflatten():
    with pytest.raises(
        bp.ShapeError, match=r"expects \(N, C, H, W\).*got \(64, 784\); insert Unflatten\(1, \(C, H, W\)\)"
    ):
        bp.Conv2d(1, 6, 5)(np.ones((64, 784), np.float32))


def test_the_layer_is_named_in_a_chain():
    net = bp.Sequential(bp.Conv2d(1, 6, 5), bp.ReLU(), bp.Conv2d(3, 6, 5))
    with pytest.raises(bp.ShapeError, match=r"layer 2 \(Conv2d\): expects 3 channels, got 6 in \(1, 6, 8, 8\)"):
        net(np.ones((1, 1, 12, 12), np.float32))


def test_a_filter_that_does_not_fit_is_refused():
    with pytest.raises(bp.ShapeError, match="a window that spans 5 does not fit on an axis of 4, padding included"):
        bp.Conv2d(1, 1, 5)(np.ones((1, 1, 4, 9), np.float32))
    with pytest.raises(bp.ShapeError, match="a window that spans 3 does not fit on an axis of 2"):
        bp.MaxPool2d(3)(np.ones((1, 1, 2, 9), np.float32))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bp.Conv2d(3, 4, 3, groups=2), "groups must divide both numbers of channels, got 3, 4 and 2"),
        (lambda: bp.Conv2d(4, 3, 3, groups=2), "groups must divide both numbers of channels, got 4, 3 and 2"),
        (lambda: bp.Conv2d(1, 1, 0), "kernel_size must be a positive integer, or 2 of them, got 0"),
        (lambda: bp.Conv2d(1, 1, (3, 3, 3)), r"kernel_size must be .* got \(3, 3, 3\)"),
        (lambda: bp.Conv2d(1, 1, 3, stride=0), "stride must be a positive integer"),
        (lambda: bp.Conv2d(1, 1, 3, padding=-1), "padding must be a non-negative integer"),
        (lambda: bp.Conv2d(1, 1, 3, padding="full"), "padding must be a number, 'same' or 'valid', got 'full'"),
        (lambda: bp.Conv2d(1, 1, 3, stride=2, padding="same"), "padding 'same' needs stride 1"),
        (lambda: bp.Conv2d(0, 1, 3), "in_channels must be a positive integer, got 0"),
        (lambda: bp.Conv2d(1, 1.5, 3), "out_channels must be a positive integer, got 1.5"),
        (lambda: bp.MaxPool2d(2, padding=2)(np.ones((1, 1, 4, 4))), "padding must be at most half of the window"),
        (lambda: bp.AvgPool2d(2, padding=2)(np.ones((1, 1, 4, 4))), "padding must be at most half of the window"),
        (lambda: bp.AdaptiveAvgPool2d(0)(np.ones((1, 1, 4, 4))), "output_size must be a positive integer"),
        (lambda: bp.ZeroPad2d((1, 2)), "padding must be an integer, or 4 of them"),
        (lambda: bp.ConvTranspose2d(1, 1, 3, output_padding=1)(np.ones((1, 1, 4, 4), np.float32)), "output_padding"),
        (lambda: bp.BatchNorm2d(2, momentum=None) and bp.GroupNorm(2, 3), "num_groups must divide the channels"),
        (lambda: bp.Dropout(1.5), "p must be a probability, from 0 to 1, got 1.5"),
        (lambda: bp.CELU(0.0), "alpha must not be 0"),
        (lambda: bp.Hardtanh(1, -1), "min_val must be below max_val, got 1 and -1"),
        (lambda: bp.GELU("erf"), "approximate must be 'none' or 'tanh', got 'erf'"),
        (lambda: bp.LSTM(3, 0), "hidden_size must be a positive integer, got 0"),
        (lambda: bp.RNN(3, 2, nonlinearity="elu"), "nonlinearity must be 'tanh' or 'relu', got 'elu'"),
        (lambda: bp.Embedding(0, 3), "num_embeddings must be a positive integer, got 0"),
        (lambda: bp.Embedding(4, 3, padding_idx=4), "padding_idx must be one of 4 rows, got 4"),
        (lambda: bp.LayerNorm(()), "normalized_shape must be the sizes of the last axes"),
        (lambda: bp.HuberLoss(delta=0), "delta must be above 0, got 0"),
        (lambda: bp.CrossEntropyLoss(label_smoothing=2), "label_smoothing must be a probability, from 0 to 1, got 2"),
        (lambda: bp.MSELoss(reduction="batchmean"), "reduction must be one of 'mean', 'sum', 'none', got 'batchmean'"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, words):
    with pytest.raises(bp.OptionError, match=words):
        make()


def test_a_margin_larger_than_the_image_is_refused_where_it_has_no_meaning():
    x = np.ones((1, 1, 3, 3))
    for kind, padding in (("ReflectionPad2d", 3), ("CircularPad2d", 4), ("ZeroPad2d", -2)):
        with pytest.raises(bp.ShapeError, match="does not fit 3 entries on axis"):
            getattr(bp, kind)(padding)(x)


def test_margins_are_given_as_pytorch_has_them_the_last_axis_first():
    assert bp.ZeroPad2d((1, 2, 3, 4))(np.ones((1, 1, 10, 10))).shape == (1, 1, 17, 13)


def test_pooling_of_ties_gives_delta_to_the_first_row_by_row(each_kernels):
    pool = bp.MaxPool2d(2)
    pool(np.ones((1, 1, 2, 2)))
    assert pool.backward(np.full((1, 1, 1, 1), 5.0)).tolist() == [[[[5, 0], [0, 0]]]]


def test_max_pooling_of_nan_is_nan_so_that_it_is_found(each_kernels):
    assert np.isnan(bp.MaxPool1d(2)(np.array([[[1.0, np.nan]]]))).all()


def test_a_convolution_may_be_used_twice_and_shared(rng):
    shared = bp.Conv2d(2, 2, 3, padding=1)
    bp.gradcheck(bp.Sequential(shared, bp.Tanh(), shared), rng.standard_normal((2, 2, 3, 3))).raise_if_wrong()


def test_inputs_that_are_not_contiguous_give_the_same(rng):
    x = rng.standard_normal((4, 6, 6, 2)).transpose(0, 3, 1, 2)
    for layer in (bp.Conv2d(2, 3, 3), bp.MaxPool2d(2), bp.AvgPool2d(2), bp.ReflectionPad2d(1), bp.BatchNorm2d(2)):
        layer.to(np.float64)
        out = layer(x)
        np.testing.assert_array_equal(layer(x.copy()), out)
        delta = rng.standard_normal(out.shape[::-1]).T
        expected = layer.backward(delta.copy())
        layer(x)
        np.testing.assert_array_equal(layer.backward(delta), expected)


@pytest.mark.parametrize("reduced", ["weight", "input", "bias"])
def test_a_wrong_convolution_is_caught(reduced, monkeypatch, rng):
    """A convolution flipped, a padding off by one, a bias summed over the batch alone."""
    from backprop import functional as F

    right = {"weight": F.conv_weight_grad, "input": F.conv_input_grad, "bias": F.conv_bias_grad}[reduced]

    def flipped(*args, out=None, accumulate=False, **options):
        result = right(*args, out=out, accumulate=accumulate, **options)
        result[...] = result[..., ::-1].copy()
        return result

    def shifted(delta, weight, *args):
        return np.roll(right(delta, weight, *args), 1, axis=-1)

    def short(delta, axes, out=None, accumulate=False):
        return right(delta[..., :1], axes, out=out, accumulate=accumulate)

    wrong = {"weight": flipped, "input": shifted, "bias": short}[reduced]
    monkeypatch.setattr(F, f"conv_{reduced}_grad", wrong)
    report = bp.gradcheck(bp.Conv2d(2, 3, 3), rng.standard_normal((2, 2, 5, 5)))
    assert [row.path for row in report.rows if not row.ok] == [reduced]


@pytest.mark.parametrize("size", [(2, 2, 5), (2,), -3, (None, 0), "all"])
def test_an_adaptive_size_that_does_not_fit_the_axes_is_refused_at_once(size):
    with pytest.raises(bp.OptionError, match="output_size must be a positive integer, or 2 of them"):
        bp.AdaptiveAvgPool2d(size)


def test_ceil_mode_takes_a_window_that_reaches_beyond_a_small_image():
    for kind in (bp.MaxPool2d, bp.AvgPool2d):
        assert kind(2, ceil_mode=True)(np.array([[[[7.0]]]])).tolist() == [[[[7.0]]]]


@pytest.mark.parametrize(("name", "mode"), [("Reflection", "reflect"), ("Replication", "edge"), ("Circular", "wrap")])
def test_a_margin_is_numpys(name, mode, rng):
    for sides in [(1, 2, 0, 3), (3, 0, 2, 1)]:
        a = rng.standard_normal((2, 3, 5, 4))
        wanted = np.pad(a, [(0, 0), (0, 0), sides[2:], sides[:2]], mode)
        np.testing.assert_array_equal(getattr(bp, f"{name}Pad2d")(sides)(a), wanted)


@pytest.mark.parametrize("scale", [1e-18, 1e18])
def test_the_normalisation_of_tiny_and_of_huge_numbers_has_a_gradient(scale, each_kernels):
    """Only the size of u counts: delta_u is inversely proportional to it, also where 1 / std^2 is no float32."""
    rng = np.random.default_rng(0)
    u, delta = rng.standard_normal((2, 6, 5)).astype(np.float32)
    found = []
    for factor in (1.0, scale):
        layer = bp.LayerNorm(5, eps=0)
        layer(u * np.float32(factor))
        found.append(layer.backward(delta) * np.float32(factor))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=1e-5)
