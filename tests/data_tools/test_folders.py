"""Folders of images become IDX files, and the other way round."""

import numpy as np
import pytest
from PIL import Image

import data_tools
from data_tools import DatasetError
from data_tools.__main__ import main


def draw(path, value=0, size=(5, 4), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


def test_a_data_set_comes_back_from_its_images_as_it_was(small_digits, tmp_path):
    images, back = tmp_path / "images", tmp_path / "back"
    assert main(["unpack", str(small_digits), str(images)]) == 0
    assert main(["pack", str(images), str(back)]) == 0
    before, after = data_tools.load(small_digits), data_tools.load(back)
    for part in data_tools.Dataset._fields:
        np.testing.assert_array_equal(getattr(after, part), getattr(before, part))
    label = before.train_labels[123]
    np.testing.assert_array_equal(np.asarray(Image.open(images / f"train/{label}/123.png")), before.train_images[123])


def test_classes_are_numbered_by_name_and_images_by_file_name(tmp_path):
    for split in ("train", "test"):
        draw(tmp_path / split / "dog" / "1.png", 10)
        draw(tmp_path / split / "cat" / "2.png", 20)
        draw(tmp_path / split / "cat" / "0.png", 30)
    assert data_tools.pack(tmp_path, tmp_path / "idx") == {"cat": 0, "dog": 1}
    data = data_tools.load(tmp_path / "idx")
    assert data.train_labels.tolist() == [0, 1, 0]
    assert data.test_images[:, 0, 0].tolist() == [30, 10, 20]
    assert data.train_images.shape == (3, 4, 5)


def test_numbers_keep_their_value_and_gaps(tmp_path):
    for split in ("train", "test"):
        draw(tmp_path / split / "2" / "a.png")
        draw(tmp_path / split / "10" / "b.png")
    assert data_tools.pack(tmp_path, tmp_path / "idx") == {"2": 2, "10": 10}


def test_colours_become_grey_and_sizes_one(tmp_path):
    draw(tmp_path / "train" / "a" / "1.png", (255, 255, 255), mode="RGB")
    draw(tmp_path / "train" / "a" / "2.jpg", 0, size=(9, 9))
    draw(tmp_path / "test" / "a" / "1.png", 0)
    with pytest.raises(DatasetError, match=r"2.jpg is 9 x 9 pixels, .*1.png is 5 x 4; give a size"):
        data_tools.pack(tmp_path, tmp_path / "idx")
    assert not (tmp_path / "idx").exists()
    data_tools.pack(tmp_path, tmp_path / "idx", size=(6, 3))
    data = data_tools.load(tmp_path / "idx")
    assert data.train_images.shape == (2, 3, 6)
    assert data.train_images[0].min() == 255


def test_what_makes_no_data_set_is_refused_and_nothing_is_written(tmp_path, capsys):
    out = tmp_path / "idx"
    with pytest.raises(DatasetError, match="train has no images; expects train"):
        data_tools.pack(tmp_path, out)
    draw(tmp_path / "train" / "a" / "1.png")
    draw(tmp_path / "test" / "b" / "1.png")
    with pytest.raises(DatasetError, match="class 'b' has test images but no training images"):
        data_tools.pack(tmp_path, out)
    draw(tmp_path / "train" / "b" / "1.png")
    (tmp_path / "train" / "b" / "notes.txt").write_text("no image")
    assert main(["pack", str(tmp_path), str(out)]) == 1
    assert "notes.txt is not an image" in capsys.readouterr().err
    (tmp_path / "train" / "b" / "notes.txt").unlink()
    draw(tmp_path / "test" / "b" / "1.png", size=(3, 3))
    with pytest.raises(DatasetError, match="training images are 5 x 4 pixels, test images 3 x 3; give a size"):
        data_tools.pack(tmp_path, out)
    assert not out.exists()


def test_images_are_not_mixed_into_a_folder_that_has_some(small_digits, tmp_path):
    draw(tmp_path / "images" / "train" / "1" / "0.png")
    with pytest.raises(DatasetError, match="is not empty"):
        data_tools.unpack(small_digits, tmp_path / "images")


@pytest.mark.parametrize(
    ("mode", "name", "words"),
    [
        ("I;16", "1.png", "more than 8 bits a pixel"),
        ("F", "1.tiff", "more than 8 bits"),
        ("RGBA", "1.png", "transparent"),
    ],
)
def test_pixels_that_have_no_one_way_to_become_grey_are_refused(tmp_path, mode, name, words):
    """16 bits once all became white, and black strokes on nothing all black."""
    for split in ("train", "test"):
        draw(tmp_path / split / "a" / name, 0, mode=mode)
    with pytest.raises(DatasetError, match=words):
        data_tools.pack(tmp_path, tmp_path / "idx")


def test_hidden_folders_are_no_classes(tmp_path):
    for split in ("train", "test"):
        draw(tmp_path / split / "cat" / "1.png")
        draw(tmp_path / split / ".cache" / "2.png")
    assert data_tools.pack(tmp_path, tmp_path / "idx") == {"cat": 0}
    with pytest.raises(DatasetError, match="a width and a height of at least 1"):
        data_tools.pack(tmp_path, tmp_path / "idx", size=(0, 5))


def both(folder, name, **picture):
    for split in ("train", "test"):
        draw(folder / split / name, **picture)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_pictures_whose_pixels_are_all_opaque_are_read(tmp_path, mode):
    """They were refused for a transparency that they do not have."""
    opaque = {"RGBA": (9, 9, 9, 255), "LA": (9, 255), "P": 0}[mode]
    both(tmp_path, "a/1.png", value=opaque, mode=mode)
    data_tools.pack(tmp_path, tmp_path / "idx")
    assert data_tools.load(tmp_path / "idx").train_images.shape == (1, 4, 5)


def test_a_picture_is_taken_as_its_viewer_shows_it(tmp_path):
    """Turned, as the camera says that it was held."""
    both(tmp_path, "a/1.png")
    turned = Image.new("L", (5, 4), 0)
    turned.putpixel((0, 0), 255)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    for split in ("train", "test"):
        turned.save(tmp_path / split / "a" / "1.png", exif=exif)
    data_tools.pack(tmp_path, tmp_path / "idx")
    (image,) = data_tools.load(tmp_path / "idx").train_images
    assert image.shape == (5, 4)
    assert np.argwhere(image == 255).tolist() == [[0, 3]]


def test_what_is_no_picture_is_left_out_and_told(tmp_path):
    both(tmp_path, "a/1.png")
    for name in ("Thumbs.db", "desktop.ini", "labels.csv", "x.json", "README"):
        (tmp_path / "train" / "a" / name).write_text("?")
    told = []
    data_tools.pack(tmp_path, tmp_path / "idx", say=told.append)
    assert any("5 files in" in words and "are left out" in words for words in told)
    assert len(data_tools.load(tmp_path / "idx").train_images) == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: draw(folder / "deeper" / "1.png"), "deeper is a folder within a class"),
        (lambda folder: (folder / "2.png").symlink_to(folder / "nowhere"), "2.png is a broken link"),
    ],
)
def test_what_would_be_left_out_silently_is_refused(tmp_path, spoil, words):
    both(tmp_path, "a/1.png")
    spoil(tmp_path / "train" / "a")
    with pytest.raises(DatasetError, match=words):
        data_tools.pack(tmp_path, tmp_path / "idx")


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("train", "val"), ("training", "testing")])
def test_the_halves_go_by_several_names(tmp_path, train, test):
    draw(tmp_path / train / "a" / "1.png")
    draw(tmp_path / test / "a" / "1.png")
    assert data_tools.pack(tmp_path, tmp_path / "idx") == {"a": 0}


def test_classes_without_halves_are_told_what_is_wanted(tmp_path):
    draw(tmp_path / "cat" / "1.png")
    with pytest.raises(DatasetError, match="train has no images; expects train.CLASS.NAME.png, got cat"):
        data_tools.pack(tmp_path, tmp_path / "idx")


def test_classes_with_numbers_in_their_names_are_in_the_order_of_the_numbers(tmp_path):
    for name in ("class 10", "class 2", "class 1"):
        both(tmp_path, f"{name}/1.png")
    assert data_tools.pack(tmp_path, tmp_path / "idx") == {"class 1": 0, "class 2": 1, "class 10": 2}


@pytest.mark.parametrize(("typed", "shape"), [(["3"], (3, 3)), (["3", "2"], (2, 3)), (["3x2"], (2, 3))])
def test_a_size_is_typed_as_people_type_it(tmp_path, typed, shape):
    both(tmp_path, "a/1.png")
    assert main(["pack", str(tmp_path), str(tmp_path / "idx"), "--size", *typed]) == 0
    assert data_tools.load(tmp_path / "idx").train_images.shape[1:] == shape


def test_a_size_that_takes_all_memory_is_refused_before_anything_is_read(tmp_path, capsys):
    both(tmp_path, "a/1.png")
    assert main(["pack", str(tmp_path), str(tmp_path / "idx"), "--size", "100000", "100000"]) == 1
    assert "at most 4096" in capsys.readouterr().err
    assert main(["pack", str(tmp_path), str(tmp_path / "idx"), "--size", "big"]) == 1
    assert "a size must be a number" in capsys.readouterr().err


def test_dark_strokes_on_white_paper_are_told_and_can_be_inverted(tmp_path, capsys):
    both(tmp_path, "a/1.png", value=250)
    assert main(["pack", str(tmp_path), str(tmp_path / "idx")]) == 0
    assert "note: most pixels are bright" in capsys.readouterr().out
    assert main(["pack", str(tmp_path), str(tmp_path / "idx"), "--invert"]) == 0
    assert data_tools.load(tmp_path / "idx").train_images.max() == 5


def test_colours_became_grey_without_a_word_and_are_kept(tmp_path):
    both(tmp_path, "red/1.png", value=(200, 10, 20), mode="RGB")
    both(tmp_path, "grey/2.png", value=7)
    assert data_tools.pack(tmp_path, tmp_path / "idx") == {"grey": 0, "red": 1}
    data = data_tools.load(tmp_path / "idx")
    assert data.names == ("grey", "red")
    assert data.train_images[:, :, 0, 0].tolist() == [[200, 10, 20], [7, 7, 7]]
    assert data.train_labels.tolist() == [1, 0]
    data_tools.unpack(tmp_path / "idx", tmp_path / "again")  # as it was
    assert data_tools.pack(tmp_path / "again", tmp_path / "idx2") == {"grey": 0, "red": 1}
    assert data_tools.load(tmp_path / "idx2").fingerprint() == data.fingerprint()
    data_tools.pack(tmp_path, tmp_path / "idx", grey=True)  # into the same folder: the coloured ones do not stay
    assert data_tools.load(tmp_path / "idx").train_images[:, 0, 0].tolist() == [68, 7]


def test_an_interrupted_unpack_goes_on(small_digits, tmp_path):
    images = tmp_path / "images"
    data_tools.unpack(small_digits, images)
    pictures = sorted(images.rglob("*.png"))
    pictures[3].unlink()
    (pictures[3].parent / "1.png.part").write_bytes(b"half")
    data_tools.unpack(small_digits, images)
    assert sorted(images.rglob("*.png")) == pictures
