"""A folder of images as a data set, and back: one picture file for each image, in a folder for each class.

    DIRECTORY/train/CLASS/NAME.png          any format that Pillow reads; what comes out is PNG
    DIRECTORY/test/CLASS/NAME.png

Classes whose names are all numbers below 256 keep them; others are numbered in the order of their names. Images of a
split stand in the order of their file names, across classes: `unpack` names them by their position, so that a data set
comes back from `pack` as it was.
"""

import os
from pathlib import Path

import numpy as np

from data_tools import idx
from data_tools.dataset import FILES, DatasetError, load


def pack(source, directory, size=None, progress=lambda count: None):
    """Write the images under `source` as the four IDX files in `directory`. Returns a dict from class name to label.

    Colours become shades of grey, 0 black to 255 white. Images must be of one size, unless `size` (width, height) is
    given, to which all are then scaled. `progress(n)` is called when n more images are done.

    Raises DatasetError, with nothing written, for a folder without images, two sizes, a class that only the test images
    have, more than 256 classes, or a file that is no image.
    """
    source = Path(source)
    if size is not None and min(size) < 1:
        raise DatasetError(f"a size is a width and a height of at least 1, got {size}")
    found = {split: _images(source / split) for split in ("train", "test")}
    labels = _number({path.parent.name for path in found["train"]})
    unknown = sorted({path.parent.name for path in found["test"]} - set(labels))
    if unknown:
        raise DatasetError(f"{source}: the training images have no class {unknown[0]!r}, the test images have")
    if len(labels) > 256:
        raise DatasetError(f"{source}: {len(labels)} classes; an IDX label holds 256")
    arrays = {}
    for split, paths in found.items():
        arrays[f"{split}_images"] = _stack(paths, size, progress)
        arrays[f"{split}_labels"] = np.array([labels[path.parent.name] for path in paths], np.uint8)
    train, test = (_size(arrays[f"{split}_images"][0]) for split in ("train", "test"))
    if train != test:
        raise DatasetError(f"{source}: training images are {train} pixels, test images {test}; give a size")
    for part, name in FILES.items():
        idx.write(Path(directory) / f"{name}.gz", arrays[part])
    return labels


def unpack(source, directory, progress=lambda count: None):
    """Write every image of the data set in `source` as a PNG file under `directory`, which must not have any yet."""
    from PIL import Image

    data, directory = load(source), Path(directory)
    if directory.exists() and any(directory.iterdir()):
        raise DatasetError(f"{directory} is not empty; images of two data sets would mix")
    for split in ("train", "test"):
        images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        digits = len(str(len(images) - 1))
        for label in np.unique(labels):
            (directory / split / str(label)).mkdir(parents=True, exist_ok=True)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            Image.fromarray(image).save(directory / split / str(label) / f"{number:0{digits}}.png")
            progress(1)
    return directory


def _images(folder):
    """The files of all class folders, by name."""
    paths = [path for path in folder.glob("[!.]*/[!.]*") if path.is_file()]  # nothing hidden
    if not paths:
        raise DatasetError(f"{folder} has no images; wants {folder.name}{os.sep}CLASS{os.sep}NAME.png")
    return sorted(paths, key=lambda path: (path.name, path.parent.name))


def _number(names):
    """Class name -> label."""
    if all(name.isascii() and name.isdigit() and str(int(name)) == name and int(name) < 256 for name in names):
        return {name: int(name) for name in sorted(names, key=int)}
    return {name: label for label, name in enumerate(sorted(names))}


def _expect_shades(path, picture):
    """Raise DatasetError for what has no one way to become 8-bit grey: more than 8 bits, or transparency."""
    if picture.mode.startswith(("I", "F")):
        raise DatasetError(f"{path} has more than 8 bits a pixel, mode {picture.mode!r}; save it with 8")
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        raise DatasetError(f"{path} has transparent pixels, mode {picture.mode!r}; save it on a background")


def _size(image):
    height, width = image.shape
    return f"{width} x {height}"


def _stack(paths, size, progress):
    """The images as uint8 (N, H, W)."""
    from PIL import Image, UnidentifiedImageError

    images = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                grey = picture.convert("L")
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DatasetError(f"{path} is no image: {error}") from None
        _expect_shades(path, picture)
        images.append(np.asarray(grey if size is None else grey.resize(size, Image.Resampling.LANCZOS)))
        if images[-1].shape != images[0].shape:
            raise DatasetError(f"{path} is {_size(images[-1])} pixels, {paths[0]} is {_size(images[0])}; give a size")
        progress(1)
    return np.stack(images)
