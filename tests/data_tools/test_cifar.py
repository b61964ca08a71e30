"""Coloured images: CIFAR's binary files, plain, in archives and damaged; IDX files of four axes; drawn shapes."""

import io
import os
import tarfile

import numpy as np
import pytest

import data_tools
from data_tools import archives, cifar, idx, shapes, sources
from data_tools.dataset import FILES, IN_COLOUR

TEN, HUNDRED = cifar.FORMS["cifar10"], cifar.FORMS["cifar100"]


def records(form, count, seed):
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 256, (count, form.record), np.uint8)
    found[:, : form.labels] = rng.integers(0, 10, (count, form.labels))
    return found


def content(form):
    """name -> bytes of all files of a small set."""
    names = "\n".join(f"name{n}" for n in range(form.classes)) + "\n\n"
    files = {name: records(form, 4, n).tobytes() for n, name in enumerate(form.train + form.test)}
    return files | {form.names: names.encode()}


def written(folder, files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def packed(path, files, folder="inner", change=lambda member: member):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            tar.addfile(change(member), io.BytesIO(data))
    return path


@pytest.mark.parametrize("form", [TEN, HUNDRED])
def test_records_are_read_from_a_folder_and_from_an_archive(tmp_path, form):
    files = content(form)
    first = records(form, 4, 0)
    packed(tmp_path / "cifar.tar.gz", files)
    for place in (written(tmp_path / "folder", files), tmp_path / "cifar.tar.gz"):
        data = data_tools.load(place)
        assert data.train_images.shape == (4 * len(form.train), 3, 32, 32)
        assert data.test_images.shape == (4, 3, 32, 32)
        assert data.names[3] == "name3"
        assert data.train_labels[:4].tolist() == first[:, form.labels - 1].tolist()  # the fine label of two
        assert data.train_images[2, 1, 0, 5] == first[2, form.labels + 1024 + 5]  # the sixth pixel's green


def test_a_cut_file_a_wrong_label_and_a_missing_batch_are_refused_by_name_and_place(tmp_path):
    files = content(TEN)
    written(tmp_path / "cut", files | {"data_batch_3.bin": files["data_batch_3.bin"][:-1]})
    with pytest.raises(
        data_tools.DatasetError, match=r"data_batch_3.bin: at byte 9219 expected a record of 3073 bytes"
    ):
        data_tools.load(tmp_path / "cut")
    wrong = bytearray(files["test_batch.bin"])
    wrong[2 * TEN.record] = 10
    written(tmp_path / "wrong", files | {"test_batch.bin": bytes(wrong)})
    with pytest.raises(
        data_tools.DatasetError, match=r"test_batch.bin: at byte 6146 expected a label below 10, found 10"
    ):
        data_tools.load(tmp_path / "wrong")
    del files["data_batch_4.bin"]
    with pytest.raises(data_tools.DatasetError, match=r"of CIFAR-10's files data_batch_4.bin is missing"):
        data_tools.load(written(tmp_path / "missing", files))
    files["data_batch_4.bin"] = b""
    with pytest.raises(data_tools.DatasetError, match=r"data_batch_4.bin: at byte 0 expected a record"):
        data_tools.load(written(tmp_path / "missing", files))


def test_names_must_be_as_many_as_classes(tmp_path):
    written(tmp_path, content(TEN) | {TEN.names: b"cat\ndog\n"})
    with pytest.raises(data_tools.DatasetError, match=r"batches.meta.txt has 2 names, expected 10"):
        data_tools.load(tmp_path)


def link(member):
    if member.name.endswith("data_batch_2.bin"):
        member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
    return member


def outside(member):
    if member.name.endswith("data_batch_2.bin"):
        member.name = "../../data_batch_2.bin"
    return member


@pytest.mark.parametrize(("change", "words"), [(link, "is a link or a device"), (outside, "lies outside of it")])
def test_a_hostile_member_is_refused_and_nothing_is_written(tmp_path, change, words):
    packed(tmp_path / "cifar.tar.gz", content(TEN), change=change)
    with pytest.raises(data_tools.DatasetError, match=words):
        data_tools.load(tmp_path)
    assert os.listdir(tmp_path) == ["cifar.tar.gz"]


@pytest.fixture
def archive(tmp_path):
    """A small archive as it is published, and the Archive that describes it."""
    files = content(TEN)
    path = packed(tmp_path / "cifar.tar.gz", files, "cifar-10-batches-bin")
    import hashlib

    members = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name.endswith("bin")}
    whole = sources.Source(None, hashlib.sha256(path.read_bytes()).hexdigest())
    return sources.Archive("cifar.tar.gz", whole, "cifar-10-batches-bin", members | {TEN.names: 200}), path, files


def test_a_fetched_archive_is_unpacked_checked_and_deleted(tmp_path, archive, monkeypatch):
    described, path, files = archive
    monkeypatch.setitem(sources.ARCHIVES, "cifar10", described)
    asked = []

    def download(url, temporary, *pace):
        asked.append(url)
        temporary.write_bytes(path.read_bytes())

    monkeypatch.setattr(data_tools.download, "_download", download)
    for _ in range(2):
        data_tools.fetch("cifar10", tmp_path / "out")
    assert asked == ["https://www.cs.toronto.edu/~kriz/cifar.tar.gz"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == files
    (tmp_path / "out" / "data_batch_1.bin").write_bytes(b"damaged")
    data_tools.fetch("cifar10", tmp_path / "out")
    assert len(asked) == 2
    assert len(data_tools.load(tmp_path / "out").train_images) == 20


@pytest.mark.parametrize(
    ("change", "words"), [(link, "is a link or a device, not a file"), (outside, "has no member .*data_batch_2")]
)
def test_an_archive_with_hostile_members_leaves_nothing_outside(tmp_path, archive, change, words):
    described, _, files = archive
    path = packed(tmp_path / "hostile.tar.gz", files, described.folder, change)
    with pytest.raises(OSError, match=words):
        archives.unpack(path, described, tmp_path / "a" / "b" / "out")
    assert not (tmp_path / "a" / "data_batch_2.bin").exists()


def test_a_member_that_is_not_what_was_published_is_refused(tmp_path, archive):
    described, _, files = archive
    path = packed(tmp_path / "a.tar.gz", files | {"data_batch_2.bin": b"else"}, described.folder)
    with pytest.raises(OSError, match="data_batch_2.bin' has another SHA-256"):
        archives.unpack(path, described, tmp_path / "out")
    path = packed(tmp_path / "b.tar.gz", files | {TEN.names: b"x" * 201}, described.folder)
    with pytest.raises(OSError, match="has more than 200 bytes"):
        archives.unpack(path, described, tmp_path / "out2")
    (tmp_path / "c.tar.gz").write_bytes(path.read_bytes()[:300])
    with pytest.raises(OSError, match="damaged"):
        archives.unpack(tmp_path / "c.tar.gz", described, tmp_path / "out3")


@pytest.mark.parametrize("last", [False, True])
def test_idx_files_of_four_axes_are_coloured_images(tmp_path, last, rng):
    images = rng.integers(0, 256, (5, 3, 4, 6), np.uint8)
    for part, name in (FILES if last else IN_COLOUR).items():
        array = images.transpose(0, 2, 3, 1) if last else images
        idx.write(tmp_path / name, array if part.endswith("images") else np.arange(5, dtype=np.uint8))
    data = data_tools.load(tmp_path)
    np.testing.assert_array_equal(data.train_images, images)
    assert data.in_colour


def test_shapes_are_drawn_alike_from_one_seed_and_have_names(tmp_path):
    for folder in "ab":
        shapes.synthesize(tmp_path / folder, train=30, test=10, seed=3)
    one, two = (data_tools.load(tmp_path / folder) for folder in "ab")
    assert one.fingerprint() == two.fingerprint()
    assert one.names == tuple(shapes.SHAPES)
    assert one.train_images.shape == (30, 3, 32, 32)


def test_offline_cifar_says_what_can_be_had_instead(monkeypatch):
    def offline(name):
        raise data_tools.DownloadError("no mirror gave a sound file")

    monkeypatch.setattr(data_tools.lookup, "cached", lambda name: None)
    monkeypatch.setattr(data_tools.lookup, "fetch", offline)
    with pytest.raises(data_tools.DownloadError, match="--data shapes draws coloured shapes instead"):
        data_tools.find("cifar10")


def test_digits_and_shapes_drawn_into_one_folder_were_mixed_up(tmp_path):
    from data_tools import digits

    for first, second in ((digits, shapes), (shapes, digits)):
        for drawn in (first, second):
            wanted = drawn.synthesize(tmp_path, 20, 10)
        data = data_tools.load(wanted)
        assert data.in_colour == (second is shapes) and bool(data.names) == (second is shapes)
    for name in FILES.values():  # an older set, not compressed
        idx.write(tmp_path / name, np.zeros((20, 5, 5) if "images" in name else 20, np.uint8))
    shapes.synthesize(tmp_path, 20, 10)
    assert data_tools.load(tmp_path).in_colour


def test_one_split_of_grey_pictures_stays_coloured_beside_the_other(tmp_path):
    from PIL import Image

    for split, colour in (("train", (200, 10, 10)), ("test", (9, 9, 9))):
        (tmp_path / "in" / split / "01").mkdir(parents=True)
        Image.new("RGB", (4, 3), colour).save(tmp_path / "in" / split / "01" / "a.png")
    data_tools.pack(tmp_path / "in", tmp_path / "out")
    data = data_tools.load(tmp_path / "out")
    assert data.train_images.shape == data.test_images.shape == (1, 3, 3, 4)
    assert data.names == ("01",)  # whose label is 0


@pytest.mark.parametrize(
    ("text", "words"), [(b"a\n\nb\n", "line 2 is empty"), (b"a\xff\n", "is not UTF-8"), (b"a\n", "1 names of classes")]
)
def test_names_that_cannot_be_those_of_the_classes_are_refused(tmp_path, text, words):
    shapes.synthesize(tmp_path, 20, 10)
    (tmp_path / "classes.txt").write_bytes(text)
    with pytest.raises(data_tools.DatasetError, match=words):
        data_tools.load(tmp_path)


def test_a_stray_file_beside_another_set_does_no_harm_and_two_sets_of_cifar_are_refused(tmp_path):
    x, y = np.zeros((4, 5, 5), np.uint8), np.arange(4, dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (tmp_path / "test_batch.bin").write_bytes(b"no")
    assert data_tools.load(tmp_path).train_images.shape == (4, 5, 5)
    written(tmp_path / "both", content(TEN) | content(HUNDRED))
    with pytest.raises(data_tools.DatasetError, match="both CIFAR-10's and CIFAR-100's"):
        data_tools.load(tmp_path / "both")


def test_an_archive_with_flipped_bytes_is_told(tmp_path):
    path = packed(tmp_path / "cifar.tar.gz", content(TEN))
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2] ^= 0xFF
    broken[len(broken) // 2 + 1] ^= 0xFF
    path.write_bytes(broken)
    with pytest.raises((data_tools.DatasetError, FileNotFoundError)):
        data_tools.load(tmp_path)
