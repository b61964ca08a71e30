"""CIFAR-10 and CIFAR-100 in their binary form: records of a label and 32 x 32 pixels, all red, then green, then blue.

    CIFAR-10     data_batch_1.bin ... data_batch_5.bin, test_batch.bin; names in batches.meta.txt
                 a record is 1 byte, the class, and 3,072 bytes of pixels
    CIFAR-100    train.bin, test.bin; names in fine_label_names.txt
                 a record is 2 bytes, the coarse and the fine class, and the pixels; the fine class is the label

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and the data sets' own page. The
form for Python is not read: it is pickled, and loading a pickle can run any code that its author put in.
"""

from typing import NamedTuple

import numpy as np

SIDE = 32
PIXELS = 3 * SIDE * SIDE


class Form(NamedTuple):
    """The files of one of the two, how many bytes of a record are labels, and how many classes there are."""

    train: tuple
    test: tuple
    names: str
    labels: int
    classes: int

    @property
    def record(self):
        return self.labels + PIXELS


FORMS = {
    "cifar10": Form(tuple(f"data_batch_{n}.bin" for n in range(1, 6)), ("test_batch.bin",), "batches.meta.txt", 1, 10),
    "cifar100": Form(("train.bin",), ("test.bin",), "fine_label_names.txt", 2, 100),
}


class CIFARError(ValueError):
    """A file that is not one of CIFAR's: its name, the place in it, what was expected."""


def form_of(names):
    """The Form whose files are all among these names, or None. CIFARError where some of CIFAR-10's are missing."""
    for form in FORMS.values():
        missing = [name for name in form.train + form.test if name not in names]
        if not missing:
            return form
        if form.labels == 1 and len(missing) < len(form.train + form.test):
            raise CIFARError(f"of CIFAR-10's files {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return None


def read(form, contents, where=lambda name: name):
    """([training images, their labels, test images, their labels], names of the classes); images (N, 3, 32, 32).

    contents   name of a file -> its bytes;  where(name)   how an error calls it
    """
    arrays = []
    for files in (form.train, form.test):
        records = np.concatenate([_records(form, contents[name], where(name)) for name in files])
        arrays += [records[:, form.labels :].reshape(-1, 3, SIDE, SIDE), records[:, form.labels - 1]]
    names = tuple(contents.get(form.names, b"").decode(errors="replace").split())
    if names and len(names) != form.classes:
        raise CIFARError(f"{where(form.names)} has {len(names)} names, expected {form.classes}")
    return arrays, names


def _records(form, content, name):
    """The records of a file, (N, bytes of one)."""
    count, rest = divmod(len(content), form.record)
    if rest or not count:
        raise CIFARError(
            f"{name}: at byte {count * form.record} expected a record of {form.record} bytes, found {rest}; "
            "the file is cut off, fetch it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(count, form.record)
    wrong = np.flatnonzero(records[:, form.labels - 1] >= form.classes)
    if len(wrong):
        place = int(wrong[0]) * form.record + form.labels - 1
        raise CIFARError(
            f"{name}: at byte {place} expected a label below {form.classes}, found {content[place]}; "
            "it is not CIFAR's binary form, or damaged"
        )
    return records
