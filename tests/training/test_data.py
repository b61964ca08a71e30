import numpy as np
import pytest

import backprop as bp
from backprop import DataLoader

IMAGES = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
LABELS = np.arange(10, dtype=np.uint8)


def test_batches_come_in_order_scaled_and_the_last_one_is_smaller(each_kernels):
    batches = list(DataLoader(IMAGES, LABELS, batch_size=4))
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    x = np.concatenate([x for x, _ in batches])
    assert x.dtype == np.float32
    assert x.shape == IMAGES.shape
    np.testing.assert_allclose(x, IMAGES / 255, rtol=1e-6)


def test_drop_last_and_lengths():
    assert len(DataLoader(IMAGES, LABELS, batch_size=4)) == 3
    loader = DataLoader(IMAGES, LABELS, batch_size=4, drop_last=True)
    assert len(loader) == len(list(loader)) == 2


def test_shuffling_is_a_permutation_that_follows_from_seed_and_epoch():
    loader = DataLoader(IMAGES, LABELS, batch_size=3, shuffle=True, seed=7)
    epochs = [np.concatenate([y for _, y in loader]).tolist() for _ in range(3)]
    assert all(sorted(epoch) == LABELS.tolist() for epoch in epochs)
    assert epochs[0] != epochs[1]
    again = DataLoader(IMAGES, LABELS, batch_size=5, shuffle=True, seed=7)
    again.epoch = 2
    assert np.concatenate([y for _, y in again]).tolist() == epochs[2]


def test_without_a_seed_manual_seed_decides():
    def order():
        return np.concatenate([y for _, y in DataLoader(IMAGES, LABELS, batch_size=3, shuffle=True)]).tolist()

    bp.manual_seed(1)
    first = order()
    assert order() != first
    bp.manual_seed(1)
    assert order() == first


def test_images_belong_to_their_labels_after_shuffling():
    for x, y in DataLoader(IMAGES, LABELS, batch_size=3, shuffle=True, seed=0):
        np.testing.assert_allclose(x[:, 0, 0] * 255, 4 * y, rtol=1e-6)


def test_floats_keep_their_values_and_type():
    x, _ = next(iter(DataLoader(np.array([[0.5], [7.0]]), LABELS[:2], batch_size=2)))
    assert x.dtype == np.float64
    assert x.tolist() == [[0.5], [7.0]]
    x, _ = next(iter(DataLoader(np.array([[3]]), LABELS[:1], dtype=np.float64)))
    assert x.tolist() == [[3.0]]


def test_different_counts_are_refused_with_both():
    with pytest.raises(bp.ShapeError, match=r"images \(10, 2, 2\) and labels \(9,\)"):
        DataLoader(IMAGES, LABELS[:9])


def test_no_images_give_no_batches():
    assert list(DataLoader(IMAGES[:0], LABELS[:0], batch_size=4)) == []


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="must be a positive integer, got 0"):
        DataLoader(IMAGES, LABELS, batch_size=0)


@pytest.mark.parametrize("index", [[5], [-1], [10**12], [0.5], [True], [[0]]])
def test_an_index_that_would_leave_the_images_is_refused(index):
    """`batch([10**12])` once read foreign memory."""
    with pytest.raises(bp.OptionError, match="an index must be"):
        DataLoader(IMAGES[:5], LABELS[:5]).batch(index)
    assert DataLoader(IMAGES[:5], LABELS[:5]).batch(np.empty(0, int)).shape == (0, 2, 2)


def test_swapped_bytes_are_brought_in_order_and_other_types_refused_at_once(each_kernels):
    x, _ = next(iter(DataLoader(np.array([[258]], ">i2"), LABELS[:1])))
    assert x.tolist() == [[258]]
    x, _ = next(iter(DataLoader(np.array([[0.5]], ">f4"), LABELS[:1])))
    assert x.tolist() == [[0.5]]
    for images in (np.array([["a"]]), np.array([[1j]]), np.array([[None]])):
        with pytest.raises(bp.DTypeError, match="images must be real numbers"):
            DataLoader(images, LABELS[:1])
    with pytest.raises(bp.DTypeError, match="float16"):
        DataLoader(np.zeros((1, 1), np.float16), LABELS[:1])


def test_negative_seeds_are_refused():
    with pytest.raises(bp.OptionError, match="seed must be a non-negative integer, got -1"):
        DataLoader(IMAGES, LABELS, seed=-1)
    with pytest.raises(bp.OptionError, match="seed must be a non-negative integer, got -1"):
        bp.manual_seed(-1)


def test_what_takes_the_place_of_images_and_labels_is_what_batches_are_made_of():
    class Halved(bp.DataLoader):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.images, self.labels = self.images / 2, self.labels + 10

    batches = list(Halved(np.array([[2.0], [4.0]]), np.array([0, 1])))
    assert [(x.tolist(), y.tolist()) for x, y in batches] == [([[1.0]], [10]), ([[2.0]], [11])]


def test_augmented_images_follow_from_seed_epoch_and_number_alone(rng):
    images, labels = rng.integers(1, 256, (40, 3, 8, 8), np.uint8), np.arange(40)

    def epoch(batch_size, number, **options):
        loader = bp.DataLoader(images, labels, batch_size, shuffle=True, seed=5, shift=2, flip=True, **options)
        loader.seek(number)
        return {int(label): x for xs, ys in loader for x, label in zip(xs, ys, strict=True)}

    first = epoch(7, 0)
    for label, x in epoch(40, 0).items():  # in other batches
        np.testing.assert_array_equal(x, first[label])
    assert any((x != first[label]).any() for label, x in epoch(7, 1).items())
    seen = set()
    for label, x in first.items():  # each is the image, moved and perhaps mirrored, with zeros beside it
        padded = np.pad(images[label], [(0, 0), (2, 2), (2, 2)])
        ways = [
            (down, right, step)
            for down in range(5)
            for right in range(5)
            for step in (1, -1)
            if np.array_equal(
                np.round(x * 255), padded[:, down : down + 8, right : right + 8][..., ::step].astype(np.float32)
            )
        ]
        assert len(ways) == 1
        seen.add(ways[0])
    assert {way[2] for way in seen} == {1, -1}
    assert len(seen) > 10


def test_what_cannot_be_moved_is_refused():
    with pytest.raises(bp.OptionError, match=r"shift and flip are for images"):
        bp.DataLoader(np.zeros((3, 8)), np.zeros(3, int), flip=True)
