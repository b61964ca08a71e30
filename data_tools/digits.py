"""Digits drawn by a program: ten skeletons of strokes, bent, slanted, thickened and made noisy, as four IDX files.

They are used where MNIST is not available. They are easier than handwriting: read an accuracy on them as a sign that
the machinery works, not as a result.
"""

from pathlib import Path

import numpy as np

from data_tools.dataset import Dataset, write

SIZE = 28  # pixels along each side
POINTS = 96  # samples along a digit's strokes, about half a pixel apart
AT_ONCE = 200  # digits drawn together: bounds the memory to about 60 MB


def synthesize(directory, train=60_000, test=10_000, seed=0, progress=None):
    """Write `train` and `test` digits into `directory` as MNIST's four files, compressed. Returns the folder.

    The same seed and counts give the same files. `progress`, if given, is called with the number of digits just
    drawn.
    """
    drawn = [draw(count, np.random.default_rng([seed, split]), progress) for split, count in enumerate((train, test))]
    write(directory, Dataset(*drawn[0], *drawn[1]))
    return Path(directory)


def draw(count, rng, progress=None):
    """`count` images (count, 28, 28) of uint8, white on black, and labels (count,), every digit about as often."""
    labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
    images = np.empty((count, SIZE, SIZE), np.uint8)
    for start in range(0, count, AT_ONCE):
        chunk = slice(start, min(start + AT_ONCE, count))
        images[chunk] = _ink(_write_by_hand(labels[chunk], rng), rng)
        if progress:
            progress(chunk.stop - chunk.start)
    return images, labels


def _arc(x, y, rx, ry, start, stop, points=24):
    """An elliptic arc around (x, y); angles in turns, 0 to the right, growing clockwise as y grows downward."""
    angle = 2 * np.pi * np.linspace(start, stop, points)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


# Each digit in one or more manners; a manner is a list of strokes, a stroke a polyline in the square [-1, 1]^2, y down.
SKELETONS = {
    0: [[_arc(0, 0, 0.6, 1, 0, 1, 48)]],
    1: [[[(0, -1), (0, 1)]], [[(-0.35, -0.6), (0.05, -1), (0.05, 1)]]],
    2: [[np.concatenate([_arc(0, -0.45, 0.58, 0.55, -0.5, 0.1), [(-0.6, 1), (0.65, 1)]])]],
    3: [[np.concatenate([_arc(-0.05, -0.5, 0.55, 0.5, -0.42, 0.22), _arc(-0.05, 0.48, 0.62, 0.52, -0.22, 0.42)])]],
    4: [
        [[(0.2, -1), (-0.65, 0.3), (0.65, 0.3)], [(0.3, -0.4), (0.3, 1)]],
        [[(-0.55, -0.9), (-0.6, 0.1), (0.5, 0.1)], [(0.5, -0.95), (0.45, 1)]],
    ],
    5: [[np.concatenate([[(0.55, -1), (-0.4, -1), (-0.5, -0.15)], _arc(-0.05, 0.4, 0.6, 0.6, -0.36, 0.4)])]],
    6: [[np.concatenate([[(0.4, -1), (-0.25, -0.5), (-0.55, 0.15)], _arc(0, 0.45, 0.55, 0.53, 0.5, 1.5, 36)])]],
    7: [[[(-0.6, -0.95), (0.6, -0.95), (-0.1, 1)]], [[(-0.6, -0.95), (0.6, -0.95), (0, 1)], [(-0.3, 0), (0.5, 0)]]],
    8: [[np.concatenate([_arc(0, -0.5, 0.48, 0.48, 0.25, 1.25, 32), _arc(0, 0.5, 0.58, 0.5, -0.25, 0.75, 32)])]],
    9: [[np.concatenate([_arc(0, -0.45, 0.55, 0.53, 0, 1, 36), [(0.5, 0.2), (0.3, 1)]])]],
}


def _sampled(strokes):
    """POINTS points, evenly spaced along all strokes of one manner together."""
    strokes = [np.asarray(stroke, float) for stroke in strokes]
    lengths = [np.linalg.norm(np.diff(stroke, axis=0), axis=1).sum() for stroke in strokes]
    counts = np.maximum(2, np.floor(POINTS * np.array(lengths) / sum(lengths))).astype(int)
    counts[-1] += POINTS - counts.sum()
    sampled = []
    for stroke, count in zip(strokes, counts, strict=True):
        along = np.concatenate([[0], np.linalg.norm(np.diff(stroke, axis=0), axis=1).cumsum()])
        at = np.linspace(0, along[-1], count)
        sampled.append(np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], axis=1))
    return np.concatenate(sampled)


_MANNERS = {digit: [_sampled(strokes) for strokes in manners] for digit, manners in SKELETONS.items()}


def _write_by_hand(labels, rng):
    """Points (n, POINTS, 2) in pixels: a skeleton in a random manner, bent elastically, then mapped affinely."""
    manners = rng.random(len(labels))
    points = np.stack(
        [_MANNERS[int(digit)][int(m * len(_MANNERS[int(digit)]))] for digit, m in zip(labels, manners, strict=True)]
    )

    # Elastic: three slow waves displace every point, each along a random direction.
    for _ in range(3):
        wave, phase = rng.normal(0, 1.6, (len(points), 2, 1)), rng.uniform(0, 2 * np.pi, (len(points), 1, 1))
        push = rng.normal(0, 0.07, (len(points), 1, 2))
        points = points + push * np.sin(points @ wave + phase)

    # Affine: turn, slant, stretch, shift.
    turn, slant = rng.normal(0, 0.13, len(points)), rng.normal(0.12, 0.2, len(points))
    width, height = rng.uniform(6.5, 9.5, len(points)), rng.uniform(7.5, 10, len(points))
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.empty((len(points), 2, 2))
    matrix[:, 0, 0], matrix[:, 0, 1] = width * cos, height * sin
    matrix[:, 1, 0], matrix[:, 1, 1] = -width * (sin + slant * cos), height * (cos - slant * sin)
    points = points @ matrix
    middle = (points.min(axis=1, keepdims=True) + points.max(axis=1, keepdims=True)) / 2
    return points - middle + (SIZE - 1) / 2 + rng.normal(0, 0.8, (len(points), 1, 2))


def _ink(points, rng):
    """Images (n, 28, 28): a pen of random width follows the points, with soft edges and a little noise."""
    y, x = np.mgrid[:SIZE, :SIZE].reshape(2, -1)
    pixels = np.stack([x, y], axis=1).astype(np.float32)
    points = points.astype(np.float32)
    # |p - q|^2 = |p|^2 - 2 p q + |q|^2 for every pixel p and point q; only the nearest point counts
    squares = -2 * (points @ pixels.T) + (points**2).sum(axis=2, keepdims=True)
    distance = np.sqrt(np.maximum(squares.min(axis=1) + (pixels**2).sum(axis=1), 0))
    half_width = rng.uniform(0.7, 1.7, (len(points), 1))
    ink = np.clip(half_width - distance + 0.5, 0, 1) * rng.uniform(0.85, 1, (len(points), 1))
    ink += rng.normal(0, 0.08, ink.shape) * (ink > 0)  # the paper stays clean, as MNIST's is: it compresses well
    ink[rng.random(ink.shape) < 0.001] += 0.3  # but for a speck now and then
    return np.round(255 * np.clip(ink, 0, 1)).astype(np.uint8).reshape(-1, SIZE, SIZE)
