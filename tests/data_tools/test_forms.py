"""Data sets as people have them: other names, other folders, archives, tables, other types; and what is rejected."""

import gzip
import lzma
import shutil
import tarfile
import zipfile

import numpy as np
import pytest

import data_tools
from data_tools import idx
from data_tools.dataset import FILES
from data_tools.forms import part_of

RNG = np.random.default_rng(0)
PARTS = {
    "train_images": RNG.integers(0, 256, (12, 4, 4)).astype(np.uint8),
    "train_labels": np.arange(12, dtype=np.uint8) % 10,
    "test_images": RNG.integers(0, 256, (5, 4, 4)).astype(np.uint8),
    "test_labels": np.arange(5, dtype=np.uint8),
}


def write(folder, names=FILES, **arrays):
    """The four files under other names, or with other arrays."""
    for part, array in {**PARTS, **arrays}.items():
        (folder / names[part]).parent.mkdir(parents=True, exist_ok=True)
        idx.write(folder / names[part], array)
    return folder


def named(pattern, **words):
    """Names made of a pattern with {split}, {kind}, {axes}."""
    split = {"train": "train", "test": "t10k", **words}
    kinds = {"images": 3, "labels": 1}
    return {
        f"{s}_{k}": pattern.format(split=split[s], kind=k, axes=n) for s in ("train", "test") for k, n in kinds.items()
    }


def same(data, **changed):
    for part, array in {**PARTS, **changed}.items():
        np.testing.assert_array_equal(getattr(data, part), array)


@pytest.mark.parametrize(
    "names",
    [
        named("{split}-{kind}.idx{axes}-ubyte"),
        named("{split}-{kind}.idx{axes}-ubyte.gz"),
        named("{split}-{kind}-idx{axes}-ubyte/{split}-{kind}-idx{axes}-ubyte"),
        named("{split}-{kind}.idx{axes}-ubyte/{split}-{kind}.idx{axes}-ubyte"),
        named("MNIST/raw/{split}-{kind}-idx{axes}-ubyte.gz"),
        named("{split}-{kind}-idx{axes}-ubyte.gz", test="test"),
        named("{split}-{kind}-idx{axes}-ubyte (1).gz"),
        named("{split}_{kind}.idx"),
        {part: name.upper() for part, name in FILES.items()},
        {part: f"{name}.GZ" for part, name in FILES.items()},
        named("qmnist-{split}-{kind}-idx{axes}-ubyte.gz", test="test"),
    ],
)
def test_files_are_found_under_the_names_that_they_go_by(tmp_path, names):
    """Nearly every one of them was answered with "has neither train-images-idx3-ubyte.gz nor ..."."""
    folder = write(tmp_path, {part: name.replace(".GZ", ".gz") for part, name in names.items()})
    for name in names.values():
        if name.endswith(".GZ"):
            (folder / name.replace(".GZ", ".gz")).rename(folder / name)
    told = []
    same(data_tools.load(folder, say=told.append))
    assert any("rain" in words.lower() for words in told)


@pytest.mark.parametrize("name", ["notes.txt", "train.txt", "images.png", "train-images.png.txt", "model.npz"])
def test_other_files_are_taken_for_none_of_them(name):
    assert part_of(name) is None


def test_torchvision_keeps_both_forms_and_one_is_taken(tmp_path):
    write(tmp_path / "MNIST" / "raw")
    write(tmp_path / "MNIST" / "raw", {part: f"{name}.gz" for part, name in FILES.items()})
    same(data_tools.load(tmp_path))


def test_of_several_data_sets_one_must_be_meant(tmp_path):
    write(tmp_path / "MNIST" / "raw")
    write(tmp_path / "FashionMNIST" / "raw")
    with pytest.raises(data_tools.DatasetError, match="several data sets: give one of .*FashionMNIST.*MNIST"):
        data_tools.load(tmp_path)
    same(data_tools.load(tmp_path / "MNIST"))


def test_emnist_wants_a_split_and_its_images_are_turned(tmp_path):
    for split in ("letters", "digits"):
        write(tmp_path, named("emnist-" + split + "-{split}-{kind}-idx{axes}-ubyte.gz", test="test"))
    with pytest.raises(data_tools.DatasetError, match="several data sets: give --split digits or letters"):
        data_tools.load(tmp_path)
    told = []
    turned = {part: PARTS[part].swapaxes(1, 2) for part in ("train_images", "test_images")}
    same(data_tools.load(tmp_path, "letters", told.append), **turned)
    assert "read EMNIST's images with their axes exchanged, since they are published transposed" in told
    with pytest.raises(FileNotFoundError, match="of --split bymerge; it holds emnist-digits-test-images"):
        data_tools.load(tmp_path, "bymerge")


@pytest.mark.parametrize("pack", ["zip", "tar.gz", "xz", "twice"])
def test_archives_are_read_as_they_are(tmp_path, pack):
    plain = write(tmp_path / "plain")
    folder = tmp_path / "packed"
    folder.mkdir()
    if pack == "zip":
        with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
            for name in FILES.values():
                archive.write(plain / name, f"mnist/{name}")
    elif pack == "tar.gz":
        with tarfile.open(folder / "mnist.tar.gz", "w:gz") as archive:
            archive.add(plain, "mnist")
    else:
        for name in FILES.values():
            content = (plain / name).read_bytes()
            if pack == "xz":
                (folder / f"{name}.xz").write_bytes(lzma.compress(content))
            else:
                (folder / f"{name}.gz").write_bytes(gzip.compress(gzip.compress(content)))
    same(data_tools.load(folder))


@pytest.mark.parametrize(
    "changed",
    [
        {"train_labels": PARTS["train_labels"].astype(np.int32)},
        {"train_labels": PARTS["train_labels"].astype(np.int8)},
        {"train_labels": PARTS["train_labels"][:, None]},
        {"train_labels": np.stack([PARTS["train_labels"], *[0 * PARTS["train_labels"]] * 7], axis=1).astype(np.int32)},
        {"train_images": PARTS["train_images"].reshape(12, 16)},
        {"train_images": PARTS["train_images"][:, None]},
        {"train_images": np.stack([PARTS["train_images"]] * 3, axis=3)},
        {"train_images": (PARTS["train_images"] / 255).astype(np.float32)},
        {"train_images": PARTS["train_images"].astype(np.int16)},
    ],
)
def test_other_types_and_shapes_that_say_what_they_are_are_read(tmp_path, changed):
    same(data_tools.load(write(tmp_path, **changed)))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"train_labels": PARTS["train_labels"].astype(np.int32) - 1}, "labels run from -1 to 8; expected 0 to 255"),
        (
            {"train_images": PARTS["train_images"].astype(np.float32)},
            r"pixels are float32 from .* expected 0 to 1, or uint8",
        ),
        (
            {"train_images": RNG.integers(0, 9, (12, 4, 4, 3)).astype(np.uint8)},
            r"training images are \(3, 4, 4\), test images \(4, 4\)",
        ),
        (
            {"train_images": RNG.integers(0, 9, (12, 3, 4, 3)).astype(np.uint8)},
            r"may be \(N, 3, H, W\) or \(N, H, W, 3",
        ),
        ({"test_images": np.zeros((5, 8, 8), np.uint8)}, r"training images are \(4, 4\), test images \(8, 8\)"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(tmp_path, changed, words):
    with pytest.raises(data_tools.DatasetError, match=words):
        data_tools.load(write(tmp_path, **changed))


def test_keras_arrays_are_read_from_a_folder_and_by_their_name(tmp_path):
    names = dict(zip(("x_train", "y_train", "x_test", "y_test"), PARTS.values(), strict=True))
    np.savez(tmp_path / "mnist.npz", **names)
    same(data_tools.load(tmp_path))
    same(data_tools.load(tmp_path / "mnist.npz"))


@pytest.mark.parametrize("heading", [True, False])
def test_tables_are_read_with_and_without_a_heading(tmp_path, heading):
    for split in ("train", "test"):
        rows = np.column_stack([PARTS[f"{split}_labels"], PARTS[f"{split}_images"].reshape(-1, 16)])
        head = ",".join(["label", *[f"pixel{n}" for n in range(16)]]) if heading else ""
        np.savetxt(tmp_path / f"mnist_{split}.csv", rows, "%d", ",", header=head, comments="")
    told = []
    same(data_tools.load(tmp_path, say=told.append))
    assert "the tables mnist_train.csv and mnist_test.csv" in told[0]


def test_a_table_without_labels_is_told(tmp_path):
    np.savetxt(tmp_path / "train.csv", np.zeros((3, 17)), "%d", ",")
    np.savetxt(tmp_path / "test.csv", np.zeros((3, 16)), "%d", ",")
    with pytest.raises(data_tools.DatasetError, match="test.csv has 16 columns; .*it has no labels, like Kaggle's"):
        data_tools.load(tmp_path)


def test_what_is_there_is_listed_where_nothing_fits(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"nor train-images-idx3-ubyte; it holds weights.pt$"):
        data_tools.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="; there is no such folder"):
        data_tools.load(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
        (lambda content: b'{"message": "not found"}', "a JSON answer"),
        (lambda content: b"<?xml version='1.0'?><Error/>", "an XML error"),
        (lambda content: content + b"\r\n", "a line end, which a transfer as text has added"),
    ],
)
def test_files_that_are_something_else_are_told_as_such(tmp_path, spoil, words):
    path = write(tmp_path) / FILES["train_labels"]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(data_tools.IDXError, match=words):
        data_tools.load(tmp_path)


def test_a_damaged_archive_is_told_with_its_name(tmp_path):
    write(tmp_path / "plain")
    archive = shutil.make_archive(str(tmp_path / "mnist"), "zip", tmp_path / "plain")
    content = (tmp_path / "mnist.zip").read_bytes()
    shutil.rmtree(tmp_path / "plain")
    (tmp_path / "mnist.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(data_tools.DatasetError, match="mnist.zip is a damaged archive"):
        data_tools.load(tmp_path)
    assert archive


def test_a_wrong_word_is_answered_with_the_right_ones():
    with pytest.raises(FileNotFoundError, match="no folder 'minst', .* did you mean 'mnist'"):
        data_tools.find("minst")
