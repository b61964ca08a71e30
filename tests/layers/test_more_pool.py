"""Windows of unequal size, unpooling, norms, and windows as columns."""

import numpy as np
import pytest

import backprop as bp
from backprop import functional as F
from backprop.errors import IndexRangeError, OptionError, ShapeError


def test_unpooling_puts_each_entry_where_pooling_took_it(rng):
    a = rng.standard_normal((2, 3, 7, 5)).astype(np.float32)
    pool, back = bp.MaxPool2d(2, return_indices=True), bp.MaxUnpool2d(2)
    out, where = pool(a)
    restored = back(out, where, output_size=a.shape)
    assert restored.shape == a.shape
    kept = restored != 0
    assert np.array_equal(restored[kept], a[kept]) and kept.sum() == out.size
    assert np.array_equal(back.backward(restored), out)
    assert np.array_equal(pool.backward(out), restored)


def test_pooling_that_also_returns_places_is_checked_like_any_other(rng):
    for layer in (bp.MaxPool2d(2, return_indices=True), bp.AdaptiveMaxPool2d((2, None), return_indices=True)):
        a = rng.permutation(64).reshape(2, 2, 4, 4) / 8
        assert layer.check(a).ok
        out, where = layer(a)
        found = np.take_along_axis(a.reshape(2, 2, 16), where.reshape(2, 2, -1), 2)
        assert np.array_equal(found.reshape(out.shape), out)


def test_of_entries_that_return_to_one_place_the_last_stays_and_the_others_get_no_delta():
    unpool = bp.MaxUnpool1d(2, stride=1)
    assert unpool(np.array([[[1.0, 2.0]]]), np.array([[[1, 1]]])).tolist() == [[[0, 2, 0]]]
    assert unpool.backward(np.array([[[5.0, 7.0, 9.0]]])).tolist() == [[[0, 7]]]
    assert unpool.check(np.array([[[1.0, 2.0]]]), np.array([[[1, 1]]])).ok


def test_places_that_do_not_fit_are_refused():
    unpool, a = bp.MaxUnpool1d(2), np.ones((1, 1, 2))
    with pytest.raises(IndexRangeError, match=r"\[0, 4\).*got 4"):
        unpool(a, np.array([[[0, 4]]]))
    with pytest.raises(IndexRangeError, match="got -1"):
        unpool(a, np.array([[[-1, 2]]]))
    with pytest.raises(ShapeError, match="expects integers of shape"):
        unpool(a, np.ones((1, 1, 2)))
    with pytest.raises(OptionError, match="output_size"):
        unpool(a, np.array([[[0, 1]]]), output_size=(-1,))


def test_adaptive_windows_that_share_entries_add_up_their_deltas():
    layer = bp.AdaptiveMaxPool1d(2)
    assert layer(np.array([[[1.0, 9, 2]]])).tolist() == [[[9, 9]]]
    assert layer.backward(np.array([[[1.0, 10]]])).tolist() == [[[0, 11, 0]]]


def test_adaptive_max_pooling_takes_nan_where_there_is_one():
    assert np.isnan(bp.AdaptiveMaxPool1d(1)(np.array([[[1.0, np.nan, 2]]]))).all()


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": (2, 1)}])
def test_fold_is_the_adjoint_of_unfold(options, rng):
    """<unfold(a), b> = <a, fold(b)> for all a and b"""
    unfold, fold = bp.Unfold((2, 3), **options), bp.Fold((6, 7), (2, 3), **options)
    a = rng.standard_normal((2, 3, 6, 7))
    columns = unfold(a)
    b = rng.standard_normal(columns.shape)
    np.testing.assert_allclose((columns * b).sum(), (a * fold(b)).sum())
    np.testing.assert_allclose(unfold.backward(b), fold(b))


def test_a_convolution_is_a_product_with_unfolded_windows(rng):
    conv, unfold = bp.Conv2d(3, 4, (2, 3), stride=2, padding=1), bp.Unfold((2, 3), stride=2, padding=1)
    a = rng.standard_normal((2, 3, 6, 7)).astype(np.float32)
    product = conv.weight.data.reshape(4, -1) @ unfold(a) + conv.bias.data[:, None]
    np.testing.assert_allclose(product.reshape(2, 4, 4, 4), conv(a), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4), (4, 5), (2, 5, 4), (1, 1, 1, 4)])
def test_columns_that_do_not_fit_an_image_are_refused(shape):
    with pytest.raises(ShapeError, match="expects"):
        bp.Fold((3, 3), 2)(np.ones(shape))


def test_drawn_slopes_are_within_their_bounds_and_their_mean_in_evaluation():
    layer, u = bp.RReLU(0.1, 0.3), np.full((50, 40), -1.0, np.float32)
    u[0] = 2
    a = layer(u)
    assert (a[0] == 2).all() and -0.3 <= a[1:].min() < -0.29 and -0.11 < a[1:].max() <= -0.1
    assert not np.array_equal(layer(u), a)
    np.testing.assert_allclose(layer.eval()(u)[1:], -0.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 3, 5), {"scale_factor": 2}), ((2, 3, 5, 4), {"scale_factor": (1.5, 2.3)}),
        ((1, 2, 6, 7), {"size": (3, 9)}),
        ((1, 2, 3, 2, 5), {"scale_factor": 1.6}), ((2, 1, 9, 9), {"size": 4}),
    ],
)  # fmt: skip
def test_larger_and_smaller_images_are_pytorchs(shape, options, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    a = rng.standard_normal(shape)
    mine, theirs = bp.Upsample(**options), torch.nn.Upsample(**options)
    leaf = torch.tensor(a, requires_grad=True)
    wanted, found = theirs(leaf), mine(a)
    assert np.array_equal(found, wanted.detach().numpy())
    delta = rng.standard_normal(found.shape)
    wanted.backward(torch.tensor(delta))
    np.testing.assert_allclose(mine.backward(delta), leaf.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("options", [{}, {"size": 3, "scale_factor": 2}, {"scale_factor": -1}, {"size": (0, 2)}])
def test_sizes_that_make_no_sense_are_refused(options):
    with pytest.raises(OptionError, match="size|scale_factor"):
        bp.Upsample(**options)(np.ones((1, 1, 2, 2)))
    with pytest.raises(OptionError, match="nearest"):
        bp.Upsample(size=3, mode="bilinear")


def test_many_single_entries_are_fetched_and_added_up_as_the_reference_does(each_kernels, rng):
    """Entries one by one, runs of neighbours, margins, and entries that are fetched several times."""
    for index in ([3, 1, 1, -1, 0, 3, 3], [0, 1, 2, 3, -1, -1, 2], [2], []):
        index, a = np.array(index, np.int64), rng.standard_normal((3, 2, 4)).astype(np.float32)
        out = F.places(a, index)
        assert np.array_equal(out, np.where(index >= 0, a[..., index], np.float32(0)))
        delta, wanted = rng.standard_normal(out.shape).astype(np.float32), np.zeros_like(a)
        np.add.at(wanted, (..., index[index >= 0]), delta[..., index >= 0])
        np.testing.assert_allclose(F.places_backward(delta, index, 4), wanted, rtol=1e-6)
