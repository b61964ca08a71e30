"""Coloured shapes drawn by a program: ten classes, in the layout of CIFAR-10, for where that cannot be had.

A shape and what is behind it have colours that say nothing about the class; it is turned, sized and placed at random,
lit from a side and a little noisy. Read an accuracy on them as a sign that the machinery works, not as a result.
"""

from pathlib import Path

import numpy as np

from data_tools.dataset import Dataset, write

SIDE = 32
AT_ONCE = 500


def _polygon(corners, x, y):
    """How far a point is inside a regular polygon around 0."""
    angle, step = np.arctan2(y, x), 2 * np.pi / corners
    return np.cos(step / 2) * 0.9 - np.hypot(x, y) * np.cos((angle % step) - step / 2)


# Name -> how far points (x, y) are inside the shape, below 0 outside; it fits into a circle of radius 1.
SHAPES = {
    "bar": lambda x, y: np.minimum(0.3 - np.abs(y), 0.9 - np.abs(x)),
    "corner": lambda x, y: np.maximum(
        np.minimum(0.2 - np.abs(x + 0.5), 0.75 - np.abs(y)), np.minimum(0.2 - np.abs(y + 0.55), 0.7 - np.abs(x))
    ),
    "cross": lambda x, y: np.minimum(0.85 - np.maximum(np.abs(x), np.abs(y)), 0.25 - np.minimum(np.abs(x), np.abs(y))),
    "crescent": lambda x, y: np.minimum(0.85 - np.hypot(x, y), np.hypot(x - 0.45, y) - 0.6),
    "disc": lambda x, y: 0.8 - np.hypot(x, y),
    "hexagon": lambda x, y: _polygon(6, x, y),
    "ring": lambda x, y: 0.22 - np.abs(np.hypot(x, y) - 0.62),
    "square": lambda x, y: _polygon(4, x, y),
    "star": lambda x, y: 0.55 + 0.3 * np.cos(5 * np.arctan2(y, x)) - np.hypot(x, y),
    "triangle": lambda x, y: _polygon(3, x, y),
}


def synthesize(directory, train=50_000, test=10_000, seed=0, progress=None):
    """Write `train` and `test` images into `directory` as four IDX files, and their names. Returns the folder.

    The same seed and counts give the same files. `progress`, if given, is called with the number of images just drawn.
    """
    drawn = [draw(count, np.random.default_rng([seed, split]), progress) for split, count in enumerate((train, test))]
    write(directory, Dataset(*drawn[0], *drawn[1], tuple(SHAPES)))
    return Path(directory)


def draw(count, rng, progress=None):
    """`count` images (count, 3, 32, 32) of uint8 and labels (count,), every shape about as often."""
    labels = rng.integers(0, len(SHAPES), count).astype(np.uint8)
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)
    for start in range(0, count, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        images[some] = _drawn(labels[some], rng)
        if progress is not None:
            progress(len(labels[some]))
    return images, labels


def _drawn(labels, rng):
    count = len(labels)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    size, turn = rng.uniform(7, 13, (count, 1, 1)), rng.uniform(0, 2 * np.pi, (count, 1, 1))
    stretch, place = rng.uniform(0.8, 1.25, (count, 1, 1)), rng.uniform(-4, 4, (2, count, 1, 1))
    x, y = (x - place[0]) / size, (y - place[1]) / size
    x, y = (np.cos(turn) * x + np.sin(turn) * y) * stretch, np.cos(turn) * y - np.sin(turn) * x
    inside = np.empty(x.shape)
    for label, shape in enumerate(SHAPES.values()):
        inside[labels == label] = shape(x[labels == label], y[labels == label])
    cover = np.clip(inside * size + 0.5, 0, 1)[:, None]  # soft edges, a pixel wide
    colour, behind = _two_colours(count, rng)
    across = np.linspace(-1, 1, SIDE)
    slope = rng.normal(0, 0.1, (2, count, 1, 1, 1))
    light = 1 + slope[0] * across + slope[1] * across[:, None]
    images = (cover * colour + (1 - cover) * behind) * light + rng.normal(0, 0.03, (count, 3, SIDE, SIDE))
    return np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)


def _two_colours(count, rng):
    """A colour for each shape and one for what is behind it, (count, 3, 1, 1), which differ enough to be seen."""
    two = rng.random((2, count, 3))
    near = np.abs(two[0] - two[1]).max(axis=1) < 0.35
    two[1, near] = (two[0, near] + 0.5) % 1
    return two[..., None, None]
