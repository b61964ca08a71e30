"""The four files of a data set in MNIST's layout, found in a folder and checked against each other."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_tools import idx

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


class DatasetError(ValueError):
    """Files that are sound one by one but make no data set together."""


class Dataset(NamedTuple):
    """uint8 images (N, H, W), 0 black to 255 white, and uint8 labels (N,), for training and for testing."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load(directory):
    """The data set in `directory`: the four files under MNIST's names, each plain or with .gz behind its name.

    Raises FileNotFoundError naming what was looked for, IDXError for a damaged file, and DatasetError where images and
    labels do not belong together.
    """
    directory = Path(directory)
    data = Dataset(**{part: idx.read(locate(directory, name)) for part, name in FILES.items()})
    for split in ("train", "test"):
        images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        if images.ndim != 3 or labels.ndim != 1 or images.dtype != np.uint8 or labels.dtype != np.uint8:
            raise DatasetError(
                f"{directory}: the {split} files want uint8 images (N, H, W) and uint8 labels (N,), "
                f"got {images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
            )
        if not images.size:
            raise DatasetError(f"{directory}: no {split} images, their shape is {images.shape}")
        if len(images) != len(labels):
            raise DatasetError(f"{directory}: {len(images)} {split} images but {len(labels)} {split} labels")
    return data


def locate(directory, name):
    """The path of file `name` in `directory`, compressed or not."""
    for path in (directory / f"{name}.gz", directory / name):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{directory} has neither {name}.gz nor {name}")
