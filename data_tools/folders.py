"""A folder of images as a data set, and back: one picture file for each image, in a folder for each class.

    DIRECTORY/train/CLASS/NAME.png          any format that Pillow reads; what comes out is PNG
    DIRECTORY/test/CLASS/NAME.png           or val, valid, validation, testing; training; in any case of letters

Classes whose names are all numbers below 256 keep them; others are numbered in the order of their names, 2 before 10,
and their names are written beside the images. Pictures keep their colours if any of them has some.
Images of a split are in the order of their file names, across classes: `unpack` names them by their position, so that
a data set comes back from `pack` as it was. A picture is read as a viewer shows it: turned, if its EXIF data say so.
"""

import os
import re
from pathlib import Path

import numpy as np

from data_tools import idx
from data_tools.dataset import Dataset, DatasetError, load, write

SPLITS = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
JUNK = {"thumbs.db", "desktop.ini", "icon\r", "readme", "readme.txt", "readme.md", "license", "license.txt"}
NO_PICTURES = {".csv", ".json", ".xml", ".yaml", ".yml", ".db", ".ini", ".log"}
SAFE = re.compile(r"\w[\w -]{0,60}")  # names that a folder may have anywhere
LARGEST = 1 << 12  # pixels along a side that `size` may ask for


def pack(source, directory, size=None, progress=lambda count: None, invert=False, grey=False, say=lambda words: None):
    """Write the images under `source` as four IDX files in `directory`. Returns a dict from class name to label.

    If all images are grey, or `grey` is asked for, they are (N, H, W), 0 black to 255 white; otherwise (N, 3, H, W).
    They must have one size, unless `size` (width, height) is given, to which all are then scaled. `invert` makes dark
    strokes on white paper bright ones on black, as MNIST has them. `progress(n)` is called when n more images are done,
    `say(words)` with what a user may not expect.

    Raises DatasetError, with nothing written, for a folder without images, two sizes, a class that only the test images
    have, more than 256 classes, or a file that is not an image.
    """
    source = Path(source)
    if size is not None and not (min(size) >= 1 and max(size) <= LARGEST):
        raise DatasetError(f"a size must be a width and a height of at least 1, and at most {LARGEST}, got {size}")
    found = {split: _images(_folder(source, split), say) for split in SPLITS}
    labels = _number({path.parent.name for path in found["train"]})
    unprintable = sorted(name for name in labels if not name.isprintable() or name != name.strip())
    if unprintable:
        raise DatasetError(
            f"{source}: the name of a class must be one line, without spaces around it, got {unprintable[0]!r}"
        )
    unknown = sorted({path.parent.name for path in found["test"]} - set(labels))
    if unknown:
        raise DatasetError(f"{source}: class {unknown[0]!r} has test images but no training images")
    if len(labels) > 256:
        raise DatasetError(f"{source}: at most 256 classes fit an IDX label, got {len(labels)}")
    if size is not None and max(map(len, found.values())) * size[0] * size[1] * 3 > idx.MAX_BYTES:
        raise DatasetError(f"{source}: images of {size[0]} x {size[1]} make a file of more than {idx.MAX_BYTES} bytes")
    arrays, coloured = {}, False
    for split, paths in found.items():
        images = _stack(paths, size, progress)
        coloured = coloured or not grey and (images != images[..., :1]).any()
        arrays[f"{split}_images"] = 255 - images if invert else images
        arrays[f"{split}_labels"] = np.array([labels[path.parent.name] for path in paths], np.uint8)
    train, test = (_size(arrays[f"{split}_images"][0]) for split in SPLITS)
    if train != test:
        raise DatasetError(f"{source}: training images are {train} pixels, test images {test}; give a size")
    if arrays["train_images"].mean() > 160 and not coloured:
        say("most pixels are bright: if these are dark strokes on white paper, --invert makes them like MNIST's")
    for part in ("train_images", "test_images"):
        arrays[part] = np.moveaxis(arrays[part], 3, 1) if coloured else shades(arrays[part])
    numbered = all(name == str(label) for name, label in labels.items())
    write(directory, Dataset(**arrays, names=() if numbered else tuple(labels)))
    return labels


def shades(colours):
    """Grey (...) from colours (..., 3), weighed as the eye does (ITU-R BT.601)."""
    if (colours == colours[..., :1]).all():
        return colours[..., 0]
    parts = np.array([19595, 38470, 7471])  # of 2^16: 0.299, 0.587 and 0.114
    return ((colours @ parts + (1 << 15)) >> 16).astype(np.uint8)


def unpack(source, directory, progress=lambda count: None):
    """Write every image of the data set in `source` as a PNG file under `directory`, in a folder named as its class, or
    by its number where `pack` would not give these names the same numbers.

    Images that are there, as after an interruption, are kept. Raises DatasetError if other files are there.
    """
    from PIL import Image

    data, directory = load(source), Path(directory)
    places, folders = {}, [str(label) for label in range(256)]
    if all(SAFE.fullmatch(name) for name in data.names) and _number(set(data.names)) == {
        name: label for label, name in enumerate(data.names)
    }:
        folders[: len(data.names)] = data.names
    for split in SPLITS:
        images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        digits = len(str(len(images) - 1))
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            image = np.moveaxis(image, 0, 2) if data.in_colour else image
            places[directory / split / folders[label] / f"{number:0{digits}}.png"] = image
    there = {path for path in directory.rglob("*") if path.is_file() and not path.name.endswith(".part")}
    if other := sorted(there - places.keys()):
        raise DatasetError(f"{directory} is not empty, it has {other[0]}; images of two data sets would mix")
    for path, image in places.items():
        if path not in there:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")  # half a picture is never taken for a whole one
            Image.fromarray(image).save(part, format="png")
            os.replace(part, path)
        progress(1)
    return directory


def _folder(source, split):
    """The folder of a split, by one of its names."""
    folders = [path for path in source.iterdir() if path.is_dir()] if source.is_dir() else []
    for name in SPLITS[split]:
        for folder in folders:
            if folder.name.lower() == name:
                return folder
    wanted = f"{split}{os.sep}CLASS{os.sep}NAME.png"
    there = ", ".join(sorted(folder.name for folder in folders)) or "no folders"
    raise DatasetError(f"{source}: {split} has no images; expects {wanted}, got {there}")


def _images(folder, say):
    """The files of all class folders, by name."""
    paths, left = [], []
    for path in folder.glob("[!.]*/[!.]*"):  # nothing hidden
        if path.is_dir() and any(inner.is_file() for inner in path.rglob("*")):
            raise DatasetError(
                f"{path} is a folder within a class; pictures must be in {folder.name}{os.sep}CLASS itself"
            )
        if path.is_symlink() and not path.exists():
            raise DatasetError(f"{path} is a broken link")
        if path.is_file():
            junk = path.name.lower() in JUNK or path.suffix.lower() in NO_PICTURES
            (left if junk else paths).append(path)
    if left:
        say(f"{len(left)} files in {folder} are not pictures and are left out, {left[0].name} the first of them")
    if not paths:
        raise DatasetError(f"{folder} has no images; expects {folder.name}{os.sep}CLASS{os.sep}NAME.png")
    return sorted(paths, key=lambda path: (path.name, path.parent.name))


def _number(names):
    """Class name -> label."""
    if all(name.isascii() and name.isdigit() and str(int(name)) == name and int(name) < 256 for name in names):
        return {name: int(name) for name in sorted(names, key=int)}
    return {name: label for label, name in enumerate(sorted(names, key=_as_people_count))}


def _as_people_count(name):
    """A key that puts "class 2" before "class 10"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)], name


def _expect_shades(path, picture):
    """Raise DatasetError where it is not clear how to get 8-bit grey: more than 8 bits, or transparent pixels."""
    if picture.mode.startswith(("I", "F")):
        raise DatasetError(f"{path} has more than 8 bits a pixel, mode {picture.mode!r}; save it with 8")
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        least, _ = picture.convert("RGBA").getchannel("A").getextrema()
        if least < 255:
            raise DatasetError(f"{path} has transparent pixels, mode {picture.mode!r}; save it on a background")


def _size(image):
    height, width = image.shape[:2]
    return f"{width} x {height}"


def read_picture(path, size=None):
    """A picture as uint8 (H, W, 3), turned as its EXIF data say, scaled to `size` (width, height) if it is given.

    Raises DatasetError for a file that is not an image, has more than 8 bits a pixel, or transparent pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            _expect_shades(path, picture)
            shown = ImageOps.exif_transpose(picture).convert("RGB")
    except DatasetError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} is not an image: {error}") from None
    return np.asarray(shown if size is None else shown.resize(size, Image.Resampling.LANCZOS))


def _stack(paths, size, progress):
    """The images as uint8 (N, H, W, 3)."""
    images = []
    for path in paths:
        images.append(read_picture(path, size))
        if images[-1].shape != images[0].shape:
            raise DatasetError(f"{path} is {_size(images[-1])} pixels, {paths[0]} is {_size(images[0])}; give a size")
        progress(1)
    return np.stack(images)
