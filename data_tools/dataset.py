"""A data set in MNIST's layout, found in a folder in any unambiguous form, and checked."""

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_tools import forms, idx

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
MOST_TOLD = 12  # names of files that an error lists


class DatasetError(ValueError):
    """Files that are valid one by one but do not form a data set."""


class Dataset(NamedTuple):
    """uint8 images (N, H, W), 0 black to 255 white, and uint8 labels (N,), for training and for testing."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def fingerprint(self):
        """What the data are, in a few words: the same for the same images and labels, wherever they are stored."""
        checksum = 0
        for array in self:
            checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
        height, width = self.train_images.shape[1:]
        count = len(self.train_images) + len(self.test_images)
        return f"{count} images of {height} x {width}, CRC-32 {checksum:08x}"


def load(directory, split=None, say=lambda words: None):
    """The data set in `directory`: four IDX files, or one of the other forms listed in forms.py.

    split   a word in the names of the files to read, if there are several sets, as in EMNIST: "letters"
    say     is called with a sentence about anything that was not read as plain MNIST

    Raises FileNotFoundError naming what was looked for and what is there, IDXError for a damaged file, and DatasetError
    if the files do not form a data set, or if it is not clear which of them are meant.
    """
    directory = Path(directory)
    try:
        arrays, told = _found(directory, split)
        words = []
        data = Dataset(*(_as(part, array, words) for part, array in zip(Dataset._fields, arrays, strict=True)))
    except forms.FormError as error:
        raise DatasetError(f"{directory}: {error}") from None
    for sentence in dict.fromkeys([*told, *words]):
        say(f"read {sentence}")
    for half in ("train", "test"):
        images, labels = getattr(data, f"{half}_images"), getattr(data, f"{half}_labels")
        if images.ndim != 3 or labels.ndim != 1 or images.dtype != np.uint8 or labels.dtype != np.uint8:
            raise DatasetError(
                f"{directory}: the {half} files must hold uint8 images (N, H, W) and uint8 labels (N,), "
                f"got {images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
            )
        if not images.size:
            raise DatasetError(f"{directory}: no {half} images, their shape is {images.shape}")
        if len(images) != len(labels):
            raise DatasetError(f"{directory}: {len(images)} {half} images but {len(labels)} {half} labels")
    if data.train_images.shape[1:] != data.test_images.shape[1:]:
        sizes = f"{data.train_images.shape[1:]}, test images {data.test_images.shape[1:]}"
        raise DatasetError(f"{directory}: training images are {sizes}")
    return data


def _found(directory, split):
    """(the four arrays, sentences about how they were found)"""
    if directory.is_dir() and split is None:
        paths = [locate(directory, name) for name in FILES.values()]
        if all(paths):
            return [forms.read_idx(forms.Source(p)) if forms.is_doubled(p) else idx.read(p) for p in paths], []
    found = forms.sources(directory) if directory.exists() else []
    four = forms.four_files(directory, found, split)
    if four is not None:
        parts, front = four
        arrays = [forms.read_idx(parts[part]) for part in FILES]
        told = [", ".join(str(parts[part]) for part in FILES)]
        if "emnist" in front:  # published with each image turned and mirrored
            arrays = [array.swapaxes(1, 2) if array.ndim == 3 else array for array in arrays]
            told.append("EMNIST's images with their axes exchanged, since they are published transposed")
        return arrays, told
    other = forms.keras(found) or forms.tables(found)
    if other is not None:
        return other
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


def locate(directory, name):
    """The path of file `name` in `directory`, compressed or not; None where it is not there."""
    return next((path for path in (directory / f"{name}.gz", directory / name) if path.is_file()), None)
