"""Data sets: four files that belong together; digits drawn by a program; the command line."""

import numpy as np
import pytest

import data_tools
from data_tools import idx
from data_tools.__main__ import main
from data_tools.digits import draw


def test_synthesized_digits_are_a_data_set(small_digits):
    data = data_tools.load(small_digits)
    assert data.train_images.shape == (600, 28, 28)
    assert data.test_images.shape == (100, 28, 28)
    assert np.bincount(data.train_labels).tolist() == [60] * 10
    assert data.train_images.dtype == np.uint8
    assert data.train_images.max() > 200
    ink = (data.train_images > 60).reshape(600, -1).sum(axis=1)
    assert ink.min() > 15, "a digit without ink"
    border = np.concatenate([data.train_images[:, edge, :] for edge in (0, -1)])
    assert (border > 60).mean() < 0.02, "digits run off the page"


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        data_tools.synthesize(tmp_path / name, train=50, test=10, seed=seed)
    content = {
        name: b"".join(path.read_bytes() for path in sorted((tmp_path / name).iterdir())) for name in ("a", "b", "c")
    }
    assert content["a"] == content["b"] != content["c"]


def test_training_and_test_digits_differ(small_digits):
    data = data_tools.load(small_digits)
    trained = {image.tobytes() for image in data.train_images}
    assert not any(image.tobytes() in trained for image in data.test_images)


def test_progress_counts_every_digit():
    counts = []
    draw(450, np.random.default_rng(0), counts.append)
    assert counts == [200, 200, 50]


def test_digits_of_one_class_look_alike_and_of_two_do_not():
    """The mean images of two halves of a class agree better than those of different classes."""
    images, labels = draw(2000, np.random.default_rng(0))
    flat = images.reshape(2000, -1).astype(float)
    half = np.arange(2000) % 2
    means = np.array([[flat[(labels == d) & (half == h)].mean(axis=0) for d in range(10)] for h in (0, 1)])
    distance = np.linalg.norm(means[0][:, None] - means[1][None], axis=2)
    assert (distance.argmin(axis=1) == np.arange(10)).all()


def test_different_counts_are_refused_with_both(tmp_path):
    data_tools.synthesize(tmp_path, train=20, test=10)
    idx.write(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(19, np.uint8))
    with pytest.raises(data_tools.DatasetError, match="20 train images but 19 train labels"):
        data_tools.load(tmp_path)


def test_files_of_the_wrong_rank_are_refused(tmp_path):
    data_tools.synthesize(tmp_path, train=20, test=10)
    idx.write(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((10, 785), np.uint8))
    with pytest.raises(data_tools.DatasetError, match=r"uint8 images \(N, H, W\).*got uint8 \(10, 785\)"):
        data_tools.load(tmp_path)


def test_plain_files_are_found_too_and_a_missing_one_is_named(tmp_path):
    data_tools.synthesize(tmp_path, train=20, test=10)
    packed = tmp_path / "train-labels-idx1-ubyte.gz"
    labels = idx.read(packed)
    packed.unlink()
    with pytest.raises(FileNotFoundError, match="has neither train-labels-idx1-ubyte.gz nor train-labels-idx1-ubyte"):
        data_tools.load(tmp_path)
    idx.write(tmp_path / "train-labels-idx1-ubyte", labels)
    np.testing.assert_array_equal(data_tools.load(tmp_path).train_labels, labels)


def test_the_command_line_synthesizes_and_inspects(tmp_path, capsys):
    assert main(["synthesize", str(tmp_path / "d"), "--train", "40", "--test", "10", "--seed", "3"]) == 0
    sheet = tmp_path / "sheet.png"
    assert main(["inspect", str(tmp_path / "d"), "--sheet", str(sheet)]) == 0
    out = capsys.readouterr().out
    assert "train  images (40, 28, 28) uint8, pixels 0 to 255" in out
    assert "9: 4" in out
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "sheet.png"]


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path, capsys):
    assert main(["inspect", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err == (f"error: {tmp_path} has neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte\n")


def test_the_command_line_fetches(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("data_tools.__main__.fetch", lambda name, out: f"{name} in {out}")
    assert main(["fetch", "kmnist", "--out", "here"]) == 0
    assert capsys.readouterr().out == "kmnist in here\n"


def ones(count=600):
    """Upright strokes: images of the digit 1, as ink from 0 to 1."""
    images, labels = draw(10 * count, np.random.default_rng(0))
    return images[labels == 1].astype(float) / 255


def test_pens_differ_in_width():
    ink = ones().sum(axis=(1, 2))
    assert np.quantile(ink, 0.9) > 1.6 * np.quantile(ink, 0.1)


def moments(images):
    """(slant, waist) of each image: how x follows y along the stroke, and how far it leaves a straight line."""
    y, x = np.mgrid[:28, :28].astype(float)
    slants, bends = [], []
    for image in images:
        weight = image / image.sum()
        dx, dy = x - (weight * x).sum(), y - (weight * y).sum()
        slope = (weight * dx * dy).sum() / (weight * dy * dy).sum()
        rest = dx - slope * dy
        slants.append(slope)
        bends.append(np.polyfit(dy.ravel(), rest.ravel(), 2, w=np.sqrt(weight).ravel())[0])
    return np.array(slants), np.array(bends)


def test_digits_lean_and_bend_differently():
    slants, bends = moments(ones(200))
    assert slants.std() > 0.15, "every 1 leans alike"
    assert np.median(np.abs(bends)) > 0.0025, "every 1 is straight"


def test_there_are_specks_on_the_paper():
    images, _ = draw(3000, np.random.default_rng(0))
    corners = images[:, [0, 0, 27, 27], [0, 27, 0, 27]]
    assert 0 < np.count_nonzero(corners) < 50


def test_negative_counts_and_seeds_are_refused(tmp_path, capsys):
    for option in ("--train", "--test", "--seed"):
        with pytest.raises(SystemExit):
            main(["synthesize", str(tmp_path), option, "-1"])
        assert f"{option} must not be negative" in capsys.readouterr().err
