"""A data set of grey or coloured images, found in a folder in any unambiguous form, and checked."""

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_tools import forms, idx
from data_tools.atomic import replacing
from data_tools.cifar import CIFARError

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
IN_COLOUR = {part: name.replace("idx3", "idx4") for part, name in FILES.items()}  # (N, 3, H, W)
NAMES = "classes.txt"  # the names of the classes, one in a line, in the order of their labels
MOST_TOLD = 12  # names of files that an error lists


class DatasetError(ValueError):
    """Files that are valid one by one but do not form a data set."""


class Dataset(NamedTuple):
    """uint8 images (N, H, W), 0 black to 255 white, or (N, 3, H, W) in red, green and blue, and uint8 labels (N,), for
    training and for testing; names of the classes, if they have any.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    names: tuple = ()

    def fingerprint(self):
        """What the data are, in a few words: the same for the same images and labels, wherever they are stored."""
        checksum = 0
        for array in self[:4]:
            checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
        height, width = self.train_images.shape[-2:]
        count, colour = len(self.train_images) + len(self.test_images), "colour " * self.in_colour
        return f"{count} {colour}images of {height} x {width}, CRC-32 {checksum:08x}"

    @property
    def in_colour(self):
        return self.train_images.ndim == 4

    def with_channels(self):
        """(training images, test images) as a network takes them, (N, 1, H, W) or (N, 3, H, W)."""
        return tuple(x if x.ndim == 4 else x[:, None] for x in (self.train_images, self.test_images))

    def named(self, label):
        """What to call a class: its name, or its number."""
        return self.names[label] if label < len(self.names) else str(label)


def load(directory, split=None, say=lambda words: None):
    """The data set in `directory`: four IDX files, CIFAR's, or one of the other forms listed in forms.py.

    split   a word in the names of the files to read, if there are several sets, as in EMNIST: "letters"
    say     is called with a sentence about anything that was not read as plain MNIST

    Raises FileNotFoundError naming what was looked for and what is there, IDXError for a damaged file, and DatasetError
    if the files do not form a data set, or if it is not clear which of them are meant.
    """
    directory = Path(directory)
    try:
        arrays, names, told = _found(directory, split)
        words = []
        arrays = [_as(part, array, words) for part, array in zip(FILES, arrays, strict=True)]
        data = Dataset(*forms.grey_if_all_are(arrays, words), names)
    except (zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: it is encrypted
        raise DatasetError(f"{directory}: a file cannot be unpacked: {error}") from None
    except (forms.FormError, CIFARError) as error:
        raise DatasetError(f"{directory}: {error}") from None
    for sentence in dict.fromkeys([*told, *words]):
        say(f"read {sentence}")
    for half in ("train", "test"):
        images, labels = getattr(data, f"{half}_images"), getattr(data, f"{half}_labels")
        grey_or_coloured = images.ndim == 3 or images.ndim == 4 and images.shape[1] == 3
        if not grey_or_coloured or labels.ndim != 1 or images.dtype != np.uint8 or labels.dtype != np.uint8:
            raise DatasetError(
                f"{directory}: the {half} files must hold uint8 images (N, H, W) or (N, 3, H, W) and uint8 labels "
                f"(N,), got {images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
            )
        if not images.size:
            raise DatasetError(f"{directory}: no {half} images, their shape is {images.shape}")
        if len(images) != len(labels):
            raise DatasetError(f"{directory}: {len(images)} {half} images but {len(labels)} {half} labels")
    most = max(data.train_labels.max(), data.test_labels.max())
    if names and most >= len(names):
        raise DatasetError(f"{directory}: there are {len(names)} names of classes, but a label {most}")
    if data.train_images.shape[1:] != data.test_images.shape[1:]:
        sizes = f"{data.train_images.shape[1:]}, test images {data.test_images.shape[1:]}"
        raise DatasetError(f"{directory}: training images are {sizes}")
    return data


def write(directory, data):
    """Write a Dataset into a folder: four compressed IDX files, and the names of its classes. Nothing of a data set
    that was there before is left: grey and coloured ones have files of other names, and would be mixed up.
    """
    directory, parts = Path(directory), IN_COLOUR if data.in_colour else FILES
    for part, name in parts.items():
        idx.write(directory / f"{name}.gz", getattr(data, part))
    for name in {*FILES.values(), *IN_COLOUR.values()}:
        (directory / name).unlink(missing_ok=True)
        if name not in parts.values():
            (directory / f"{name}.gz").unlink(missing_ok=True)
    (directory / NAMES).unlink(missing_ok=True)
    if data.names:
        with replacing(directory / NAMES) as temporary:
            temporary.write_text("".join(f"{name}\n" for name in data.names), encoding="utf-8")


def _found(directory, split):
    """(the four arrays, the names of the classes, sentences about how they were found)"""
    if directory.is_dir() and split is None:
        for files in (FILES, IN_COLOUR):
            paths = [locate(directory, name) for name in files.values()]
            if all(paths):
                arrays = [forms.read_idx(forms.Source(p)) if forms.is_doubled(p) else idx.read(p) for p in paths]
                return arrays, names_in(directory), []
    found = forms.sources(directory) if directory.exists() else []
    four = forms.four_files(directory, found, split)
    if four is not None:
        parts, front = four
        arrays = [forms.read_idx(parts[part]) for part in FILES]
        told = [", ".join(str(parts[part]) for part in FILES)]
        if "emnist" in front:  # published with each image turned and mirrored
            arrays = [array.swapaxes(1, 2) if array.ndim == 3 else array for array in arrays]
            told.append("EMNIST's images with their axes exchanged, since they are published transposed")
        beside = names_in(directory) or names_in(parts["train_labels"].path.parent)
        return arrays, beside, told
    other = forms.keras(found) or forms.tables(found)
    if other is not None:
        arrays, told = other
        return arrays, names_in(directory), told
    if (coloured := forms.cifar(found)) is not None:
        return coloured
    there = sorted({source.name for source in found})
    more = f" and {len(there) - MOST_TOLD} more" if len(there) > MOST_TOLD else ""
    holds = f"; it holds {', '.join(there[:MOST_TOLD])}{more}" if there else ""
    if not directory.exists():
        holds = "; there is no such folder"
    name = next((name for name in FILES.values() if locate(directory, name) is None), FILES["train_images"])
    wanted = f"{directory} has neither {name}.gz nor {name}"
    raise FileNotFoundError(f"{wanted}{f' of --split {split}' if split else ''}{holds}")


def _as(part, array, words):
    return (forms.images if part.endswith("images") else forms.labels)(np.asarray(array), words)


def names_in(directory):
    """The names of the classes in a folder's classes.txt; none where there is no such file."""
    path = directory / NAMES
    if not path.is_file():
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text: {error}") from None
    names = tuple(line.strip() for line in lines)
    if "" in names:
        raise DatasetError(f"{path}: line {names.index('') + 1} is empty; each class needs a name")
    return names


def locate(directory, name):
    """The path of file `name` in `directory`, compressed or not; None where it is not there."""
    return next((path for path in (directory / f"{name}.gz", directory / name) if path.is_file()), None)
