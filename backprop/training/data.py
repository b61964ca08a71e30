"""From arrays to shuffled mini-batches of floating-point numbers."""

import math

import numpy as np

from backprop import kernels
from backprop.errors import DTypeError, OptionError, ShapeError
from backprop.functional.shapes import contiguous
from backprop.kernels.transfer import to_device
from backprop.module.options import number, whole
from backprop.module.rng import generator
from backprop.training.augment import augmented


def split(count, share, seed=0):
    """(indices to learn from, indices held out) of `count` samples, both in order: `share` of them is held out.

    Which ones follows from the seed alone. Raises OptionError unless both parts have at least one.

    >>> [part.tolist() for part in split(5, 0.4)]
    [[0, 1, 3], [2, 4]]
    """
    held = round(count * number("share", share, 0, 1))
    if not 0 < held < count:
        raise OptionError(f"a share of {share} leaves {held} of {count} samples held out, {count - held} to learn from")
    order = np.random.default_rng([whole("seed", seed), 0x5B117]).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


class DataLoader:
    """Mini-batches (x, y) of `images` (N, ...) and `labels` (N, ...), in order or shuffled.

    It takes the arrays themselves, where PyTorch's takes a Dataset object: there is nothing to define first.

    Pixels of type uint8, 0 to 255, are scaled to 0 to 1; all other numbers keep their values. x has type `dtype`, by
    default float32 for images of integers, and their own type for images of floats. With an integer dtype nothing is
    scaled: such x are indices of words, for an Embedding.
    Each batch is fetched, converted and scaled in one pass when it is asked for. The last one may be smaller, unless
    `drop_last`. Every `for` loop over the loader is one epoch; its order follows from `seed` and the epoch's number
    alone, no matter what else draws random numbers. Without a seed, one is drawn from the engine's own generator.

    With `shift` and `flip` each epoch sees the images moved by up to so many pixels, and half of them mirrored
    (augment.py); that is for training, and digits must not be mirrored.

    With `device="cuda"` images and labels are on the GPU from the start, and batches are made there.

    Raises ShapeError for different counts of images and labels, OptionError for images that cannot be moved.

    >>> loader = DataLoader(np.array([[0], [255], [255]], np.uint8), np.array([0, 1, 2]), batch_size=2)
    >>> for x, y in loader:
    ...     print(x.tolist(), y.tolist())
    [[0.0], [1.0]] [0, 1]
    [[1.0]] [2]
    """

    def __init__(
        self,
        images,
        labels,
        batch_size=1,
        shuffle=False,
        seed=None,
        drop_last=False,
        dtype=None,
        device="cpu",
        shift=0,
        flip=False,
    ):
        images, labels = np.asarray(images), np.asarray(labels)
        if images.ndim == 0 or images.shape[:1] != labels.shape[:1]:
            raise ShapeError(f"expects as many labels as images, got images {images.shape} and labels {labels.shape}")
        if not (isinstance(batch_size, (int, np.integer)) and batch_size >= 1):
            raise OptionError(f"batch_size must be a positive integer, got {batch_size}")
        if seed is not None and whole("seed", seed) >= 1 << 63:
            raise OptionError(f"seed must be below 2^63, got {seed}")
        if images.dtype.kind not in "iubf":
            raise DTypeError(f"images must be real numbers, got {images.dtype}; use x.astype(np.float32)")
        self.images = contiguous(images.astype(images.dtype.newbyteorder("="), copy=False))
        if dtype is not None and images.dtype.kind == "f" and images.dtype.itemsize not in (4, 8):
            self.images = self.images.astype(dtype)  # no kernel reads float16 or long double
        self.labels = labels.astype(np.int64) if labels.dtype.kind in "iu" else labels
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.dtype = np.dtype(dtype or (np.float32 if images.dtype.kind in "iub" else self.images.dtype))
        if self.dtype.kind not in "iu":
            kernels.expect_computed(np.empty(0, self.dtype))
        self.shift, self.flip = whole("shift", shift), bool(flip)
        self.augments = bool(shift or flip)
        if self.augments and (images.ndim < 3 or self.dtype.kind in "iu" or device != "cpu"):
            got = f"{images.dtype} {images.shape} on {device}"
            raise OptionError(f"shift and flip are for images (N, ..., H, W) on the CPU, got {got}")
        self.device, self._sent = device, {}
        self._there("images"), self._there("labels")
        self.scale = 1 / 255 if images.dtype == np.uint8 else 1.0
        drawn = (shuffle or self.augments) and seed is None
        self.seed = int(generator().integers(1 << 63)) if drawn else seed if seed is None else int(seed)
        self.seek(0)

    def __len__(self):
        """How many batches an epoch has."""
        whole, rest = divmod(len(self.images), self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def __iter__(self):
        return self.batches()

    def batches(self, room=lambda shape, dtype: (None, None), part=lambda index: index):
        """Iterate over an epoch. `room(shape, dtype)`, those of x, returns arrays (x, y) to fill; None is a new one.
        `part(index)` is what to fetch of the images at `index` that make a batch: all of them.
        """
        epoch, first = self.epoch, self._first_batch
        order = to_device(self.order(epoch), self.device)
        self.seek(epoch + 1)
        for batch in range(first, len(self)):
            index = part(order[batch * self.batch_size : (batch + 1) * self.batch_size])
            x, y = room((len(index), *self.images.shape[1:]), self.dtype)
            if self.augments:
                yield self._augmented(index, epoch, x), self._take(self.labels, index, y)
            else:
                yield self.fetch(index, x, y)

    def fetch(self, index, x=None, y=None):
        """(images, labels) at `index` (K,), as they are, written into x and y if given. The index is not checked: see
        `batch`.
        """
        index = to_device(index, self.device)
        return self._gather(self._there("images"), index, x), self._take(self._there("labels"), index, y)

    def _augmented(self, index, epoch, x=None):
        some = augmented(self._take(self.images, index), index, self.shift, self.flip, self.seed, epoch)
        return self._gather(some, np.arange(len(index)), x)

    def seek(self, epoch, batch=0):
        """Make the next `for` loop epoch number `epoch`, from its batch number `batch` on."""
        self.epoch, self._first_batch = epoch, batch

    def order(self, epoch):
        """The indices of the images in the order of this epoch."""
        count = len(self.images)
        return np.random.default_rng([self.seed, epoch]).permutation(count) if self.shuffle else np.arange(count)

    def batch(self, index):
        """The images at `index` (K,), integers in [0, N), converted and scaled: x (K, ...)."""
        index = np.asarray(index)
        if index.ndim != 1 or index.dtype.kind not in "iu":
            raise OptionError(f"an index must be an array (K,) of integers, got {index.dtype} {index.shape}")
        if index.size and not (index.min() >= 0 and index.max() < len(self.images)):
            raise OptionError(f"an index must be in [0, {len(self.images)}), got {index.min()} to {index.max()}")
        return self._gather(self._there("images"), to_device(index.astype(np.int64, copy=False), self.device))

    def _gather(self, images, index, x=None):
        if self.dtype.kind in "iu":  # words, not pixels: for an Embedding
            words = self._take(images, index, x)
            return words.astype(self.dtype) if self.device == "cpu" else words
        count, features = len(images), math.prod(images.shape[1:])
        k = kernels.load(kernels.set_of(images))
        x = k.empty((len(index), *images.shape[1:]), self.dtype) if x is None else x
        k.gather(images.reshape(count, features), index, self.scale, x.reshape(len(index), features))
        return x

    def _take(self, array, index, out=None):
        """array[index], into `out` where it is given"""
        if self.device == "cpu":
            if out is not None and out.dtype != array.dtype:
                out[...] = array.take(index, axis=0, mode="clip")
                return out
            return array.take(index, axis=0, out=out, mode="clip")
        k, count = kernels.load("cuda"), math.prod(array.shape[1:])
        out = k.empty((len(index), *array.shape[1:]), array.dtype) if out is None else out
        k.take(array.reshape(1, len(array), count), index, 0.0, out.reshape(1, len(index), count))
        return out

    def _there(self, name):
        """`images` or `labels` on the device of the batches: sent to the GPU once, and again if they are replaced."""
        array = getattr(self, name)
        if self.device == "cpu":
            return array
        sent, copy = self._sent.get(name, (None, None))
        if sent is not array:
            words = name == "images" and self.dtype.kind in "iu"
            copy = to_device(array.astype(self.dtype) if words else array, self.device)
            self._sent[name] = array, copy
        return copy


def fetches_parts(loader):
    """Whether a loader makes its batches as a DataLoader does: a subclass may make others."""
    kind = type(loader)
    return isinstance(loader, DataLoader) and (kind.__iter__, kind.batches) == (DataLoader.__iter__, DataLoader.batches)
