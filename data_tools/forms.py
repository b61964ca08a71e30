"""The forms in which a data set may come: MNIST's four files, under all names in use.

    train-images.idx3-ubyte, train_images-idx3-ubyte (1).gz, TRAIN-IMAGES.IDX3-UBYTE, emnist-letters-test-labels-...
    in the folder itself, in MNIST/raw, each in a folder of its own name, in a .zip or .tar.gz
    mnist.npz, as Keras has it; train.csv and test.csv, as Kaggle has them; CIFAR's binary files

What can be read without guessing is read, and reported; what is ambiguous is an error that says what to do.
"""

import contextlib
import gzip
import re
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_tools import idx
from data_tools.cifar import FORMS as CIFAR_FORMS
from data_tools.cifar import form_of
from data_tools.cifar import read as read_cifar

PARTS = "train_images", "train_labels", "test_images", "test_labels"
MOST_FILES, DEEPEST = 10_000, 3  # files that are looked at in a folder, and how many folders deep
LARGEST = 1 << 32  # bytes of one file within an archive
CIFAR_FILES = [{*form.train, *form.test, form.names} for form in CIFAR_FORMS.values()]

# A name in lower case, without suffixes of compression: front, split, kind.
_NAME = re.compile(
    r"(?P<front>.*?)(?P<split>train|t10k|test)[-_. ]?(?P<kind>images|labels)"
    r"([-_. ]?idx\d)?([-_. ]?(ubyte|int))?(\.idx)?"
)
_KANNADA = re.compile(r"(?P<kind>[xy])_(?P<front>.*?)_?(?P<split>train|test)([-_.]idx\d)?([-_.](ubyte|int))?")
_TABLE = re.compile(r"(?P<front>.*?)(?P<split>train|test)\.csv")
_COMPRESSED = re.compile(r"(\.(gz|xz|zip))+$")


class FormError(ValueError):
    """Files from which no data set can be read without guessing."""


class Source(NamedTuple):
    """Where a part of a data set is: a file, and its name within it where that is an archive."""

    path: Path
    member: str = ""

    @property
    def name(self):
        return Path(self.member or self.path).name

    def __str__(self):
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @contextlib.contextmanager
    def opened(self):
        if not self.member:
            with open(self.path, "rb") as file:
                yield file
        elif zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                yield file
        else:
            with tarfile.open(self.path) as archive, archive.extractfile(self.member) as file:
                yield file


def part_of(name):
    """(front, part) of a file's name, such as ("emnist-letters-", "train_images"); None for any other name."""
    name = re.sub(r" ?\(\d+\)", "", name.lower())
    name = _COMPRESSED.sub("", name)
    found = _NAME.fullmatch(name) or _KANNADA.fullmatch(name)
    if not found:
        return None
    split = "train" if found["split"] == "train" else "test"
    kind = {"x": "images", "y": "labels"}.get(found["kind"], found["kind"])
    return found["front"].strip("-_. "), f"{split}_{kind}"


def sources(place):
    """All Sources in a folder, its subfolders and its archives, or in an archive; the least nested first."""
    place, found = Path(place), []
    if place.is_file():
        return _within(place)
    for path in sorted(place.rglob("*"), key=lambda path: (len(path.parts), path.as_posix().lower())):
        depth = len(path.relative_to(place).parts)
        if depth <= DEEPEST and path.is_file() and not any(p.startswith(".") for p in path.relative_to(place).parts):
            found += _within(path)
        if len(found) > MOST_FILES:
            break
    return found


def _within(path):
    """The file itself, or what an archive holds."""
    try:
        if path.suffix.lower() == ".zip" or path.suffix.lower() == ".npz" and part_of(path.name):
            with zipfile.ZipFile(path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
                return [Source(path, member.filename) for member in members if member.file_size < LARGEST]
        if re.search(r"\.(tar|tar\.(gz|xz|bz2)|tgz)$", path.name.lower()):
            return [Source(path, member.name) for member in _members(path)]
    except FormError:
        raise
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, ValueError) as error:
        raise FormError(f"{path} is a damaged archive: {error}") from None
    return [Source(path)]


def _members(path):
    """The files in a tar archive, none of which is ever written anywhere. Links and devices are passed over, unless
    they have the name of a file that would be read.
    """
    members, total = [], 0
    with tarfile.open(path) as archive:
        for member in archive:
            total += member.size
            if total > LARGEST or len(members) > MOST_FILES:
                raise FormError(f"{path} holds more than {LARGEST} bytes or {MOST_FILES} files; unpack what you need")
            outside = Path(member.name).is_absolute() or ".." in Path(member.name).parts
            if member.isfile() and not outside:
                members.append(member)
            elif not member.isdir() and _is_read(Path(member.name).name):
                what = "lies outside of it" if outside else "is a link or a device, not a file"
                raise FormError(f"{path}: its member {member.name!r} {what}; fetch it again from where you trust it")
    return members


def _is_read(name):
    """Whether a file of this name may be a part of a data set."""
    return bool(part_of(name) or _TABLE.fullmatch(name.lower()) or any(name in form for form in CIFAR_FILES))


def four_files(place, found, split=None):
    """(part -> Source, front) of the four files among the Sources of a place, or None where they are not all there.

    Files in one folder whose names begin alike belong together. `split` is a word in the names of those to read, if
    there are several sets, as in EMNIST. Raises FormError if there are several and it is not clear which to read.
    """
    sets = {}
    for source in sorted(found, key=lambda source: not source.name.lower().endswith(".gz")):
        named, folder = part_of(source.name), Path(source.path, source.member).parent
        if part_of(folder.name):  # each file in a folder of its own name
            named, folder = named or part_of(folder.name), folder.parent
        if named:
            front, part = named
            sets.setdefault((front, folder), {}).setdefault(part, source)
    whole = {key: parts for key, parts in sets.items() if len(parts) == len(PARTS)}
    if split is not None:
        whole = {key: parts for key, parts in whole.items() if split.lower() in _words(key[0])}
    if len(whole) > 1 and ("", Path(place)) in whole:
        whole = {("", Path(place)): whole["", Path(place)]}
    if len(whole) > 1:
        fronts, folders = ({key[n] for key in whole} for n in (0, 1))
        if len(fronts) == 1:
            raise FormError(f"{place} has several data sets: give one of {', '.join(sorted(map(str, folders)))}")
        words = set.union(*map(_words, fronts)) - set.intersection(*map(_words, fronts))
        raise FormError(f"{place} has several data sets: give --split {' or '.join(sorted(words))}")
    return next(((parts, front) for (front, _), parts in whole.items()), None)


def _words(front):
    return set(re.split(r"[-_. ]", front))


def is_doubled(path):
    """Whether a file is compressed by gzip more than once, as some servers leave it."""
    with contextlib.suppress(OSError, EOFError, zlib.error), gzip.open(path) as stream:
        return stream.read(2) == idx.GZIP_MAGIC
    return False


def read_idx(source):
    """The array in a Source, however often it is compressed."""
    with source.opened() as file:
        content = file.read(LARGEST)
    for _ in range(3):
        inner = idx.peeled(content, source)
        if inner is None:
            break
        content = inner
    return idx.read_bytes(str(source), content)


def images(array, words):
    """uint8 images (N, H, W) or (N, 3, H, W) from an array in any unambiguous form. What was done is appended to
    `words`.
    """
    if array.ndim == 2 and int(array.shape[1] ** 0.5) ** 2 == array.shape[1] and array.shape[1] > 1:
        side = int(array.shape[1] ** 0.5)
        array = array.reshape(len(array), side, side)
        words.append(f"rows of {side * side} numbers as images of {side} x {side}")
    if array.ndim == 4 and (array.shape[1] == 1 or array.shape[3] == 1 and array.shape[1] != 3):
        array = array[:, 0] if array.shape[1] == 1 else array[..., 0]
    if array.ndim == 4 and array.shape[1] == array.shape[3] == 3:
        raise FormError(f"images {array.shape} may be (N, 3, H, W) or (N, H, W, 3); which one cannot be told")
    if array.ndim == 4 and 3 in (array.shape[1], array.shape[3]):
        if array.shape[3] == 3:
            array = np.moveaxis(array, 3, 1)
            words.append("images (N, H, W, 3) as (N, 3, H, W)")
        array = np.ascontiguousarray(array)
    if array.dtype.kind == "f" and array.size:
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise FormError(f"pixels are {array.dtype} from {array.min()} to {array.max()}; expected 0 to 1, or uint8")
        array = np.round(array * 255).astype(np.uint8)
        words.append("numbers from 0 to 1 as pixels from 0 to 255")
    return _bytes(array, "pixels")


def grey_if_all_are(arrays, words):
    """The four arrays, with grey images (N, H, W) for coloured ones if no image of either split has a colour."""
    coloured = [x for x in (arrays[0], arrays[2]) if x.ndim == 4]
    if not coloured or not all(x.shape[1] == 3 and (x[:, :1] == x[:, 1:]).all() for x in coloured):
        return arrays
    words.append("three equal colours as grey")
    return [x[:, 0] if x.ndim == 4 else x for x in arrays]


def labels(array, words):
    """uint8 labels (N,) from an array in any unambiguous form."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 2 and array.shape[1] == 8 and array.dtype.kind in "iu":
        array = array[:, 0]
        words.append("the first of eight columns as the class, as QMNIST has it")
    return _bytes(array, "labels")


def _bytes(array, what):
    """Whole numbers that fit into a byte as uint8; any other array as it is, for `load` to reject."""
    if array.dtype == np.uint8 or array.dtype.kind not in "iu":
        return array
    if array.size and (array.min() < 0 or array.max() > 255):
        raise FormError(f"{what} run from {array.min()} to {array.max()}; expected 0 to 255")
    return array.astype(np.uint8)


def tables(found):
    """The four arrays of train.csv and test.csv, the class first, with or without a heading; None without them."""
    named = {}
    for source in found:
        match = _TABLE.fullmatch(source.name.lower())
        if match:
            named.setdefault(match["split"], source)
    if len(named) < 2:
        return None
    arrays = []
    for split in ("train", "test"):
        with named[split].opened() as file:
            heading = file.readline()
        with named[split].opened() as file:
            has_names = any(letter.isalpha() for letter in heading.decode(errors="replace"))
            try:
                table = np.loadtxt(file, np.int64, delimiter=",", skiprows=int(has_names), ndmin=2)
            except ValueError as error:
                raise FormError(f"{named[split]} is not a table of integers: {error}") from None
        pixels = table.shape[1] - 1
        if int(pixels**0.5) ** 2 != pixels:
            unlabelled = int((pixels + 1) ** 0.5) ** 2 == pixels + 1
            cure = " (it has no labels, like Kaggle's test.csv, so it cannot be used for testing)" if unlabelled else ""
            raise FormError(
                f"{named[split]} has {pixels + 1} columns; expected a label and the pixels of a square{cure}"
            )
        arrays += [table[:, 1:], table[:, 0]]
    return arrays, [f"the tables {named['train'].name} and {named['test'].name}"]


def cifar(found):
    """(the four arrays, names, sentences) of CIFAR's binary files, in a folder or an archive; None without them."""
    by_name = {}
    for source in found:
        by_name.setdefault(source.name, source)
    if all({*form.train, *form.test} <= by_name.keys() for form in CIFAR_FORMS.values()):
        raise FormError("both CIFAR-10's and CIFAR-100's files are there; keep one of them in a folder of its own")
    form = form_of(by_name)
    if form is None:
        return None
    wanted = {name: by_name[name] for name in (*form.train, *form.test, form.names) if name in by_name}
    arrays, names = read_cifar(form, contents(wanted), lambda name: str(by_name[name]))
    return arrays, names, []


def contents(wanted):
    """name -> Source, as name -> bytes; an archive is read once, from its beginning to its end."""
    found = {}
    for name, source in wanted.items():
        if not source.member or zipfile.is_zipfile(source.path):
            with source.opened() as file:
                found[name] = file.read(LARGEST)
    for path in {source.path for name, source in wanted.items() if name not in found}:
        within = {source.member: name for name, source in wanted.items() if source.path == path}
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name in within:
                    found[within[member.name]] = archive.extractfile(member).read(LARGEST)
    return found


def keras(found):
    """The four arrays of an .npz as Keras writes it: x_train, y_train, x_test, y_test; None where there is none."""
    for source in found:
        if source.name.lower().endswith(".npz") and not source.member:
            try:
                with np.load(source.path, allow_pickle=False) as file:
                    if {"x_train", "y_train", "x_test", "y_test"} <= set(file.files):
                        names = "x_train", "y_train", "x_test", "y_test"
                        return [file[name] for name in names], [f"the arrays x_train, ... of {source.name}"]
            except (OSError, ValueError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
                raise FormError(f"{source} is damaged: {error}") from None
    return None
