"""Tables for `correlate_by_lane`: the output's rows, cut into runs of neighbours, several runs to a tile."""

import functools
from typing import NamedTuple

import numpy as np

from backprop.kernels.cpu.convolution import tap_tables
from backprop.kernels.cpu.convolution.field import flat, volume
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import REGISTERS

MOST_RUNS = 5  # of a tile: each has an address of its own
ENOUGH = 21  # sums of a tile: with more of them more would be left over in the last tile
LOAD = 0.3  # the cost of a load, in multiplications
TURN, POOL = 20, 8  # taps that take as long as transposing a vector of sums, or as its extra cost in pooling
SMALLEST = 1 << 16  # multiplications for an image; with fewer, compiling a kernel for its width does not pay
LARGEST = 1 << 18  # numbers of an image that stay in a core's L2 cache until they are transposed


LENGTHS = 3, 4, 5, 7  # of a run, in positions: some of them cover a row of any width with little overlap


class Form(NamedTuple):
    """A tile: `runs` runs of `length` positions by 1 or 2 vectors of filters, for `neighbours` taps at a time."""

    length: int
    runs: int
    vectors: int
    neighbours: int


def runs_of(length, vectors, neighbours):
    """How many runs a tile has, in what remains of the registers beside the taps and one number; 0 if none fits."""
    return min(MOST_RUNS, ENOUGH // length, ((REGISTERS - 1) // vectors - neighbours) // length)


class Runs(NamedTuple):
    """What each tile reads and where its sums go.

    taps       (K,)         the flat index of a tap in the filters, counted from where its filter or channel begins
    offsets    (K/Q,)       where in the field the first output position reads the first of Q neighbouring taps
    tiles      (B, T)       what each run of a tile adds to that
    places     (B, T)       where in the channel of the output it goes
    used       (B, 2)       the first offset that reads anything but padding, and one past the last
    """

    taps: np.ndarray
    offsets: np.ndarray
    tiles: np.ndarray
    places: np.ndarray
    used: np.ndarray


@functools.lru_cache(256)
def forward(filters, channels, taps, image, positions, stride, dilation, pad, lanes, pooled=False):
    """(Field, Runs, Form) for (10), or None if other tiles are faster."""
    sizes = channels, taps, image, positions, stride, dilation, pad, lanes
    return _runs(filters, positions, *tap_tables.forward(*sizes), taps, lanes, POOL if pooled else TURN)


@functools.lru_cache(256)
def backward(filters, outputs, channels, taps, image, positions, stride, dilation, pad, lanes):
    """(Field, Runs, Form) for (13), or None; `filters` channels of the image take the place of filters."""
    if stride != (1, 1, 1):
        return None
    sizes = outputs, channels, taps, image, positions, stride, dilation, pad, lanes
    return _runs(filters, image, *tap_tables.backward(*sizes), taps, lanes, TURN)


def _runs(filters, positions, field, other, taps, lanes, turn):
    """(Field, Runs, Form), or None if the tiles of `correlate`, whose tables are `other`, multiply less, or an image is
    too small or too large.

    `turn` is the cost of transposing the sums, in taps.
    """
    offsets, count = other.offsets.reshape(-1, taps[2]), len(other.taps)
    if volume(positions) * count * filters < SMALLEST:
        return None
    if (np.diff(offsets) != 1).any():
        offsets = offsets.reshape(-1, 1)
    form = _form(filters, positions, offsets.shape[1], lanes)
    if form is None:
        return None
    if form.neighbours == 1:
        offsets = offsets.reshape(-1, 1)
    offsets, starts = offsets[:, 0], _starts(positions[2], form.length)
    tiles = -(-positions[0] * positions[1] * len(starts) // form.runs)
    passes = -(-filters // (form.vectors * lanes))
    ours = tiles * passes * form.length * form.runs * form.vectors * (count + turn)
    theirs = len(other.bases) * -(-filters // (ROWS // 2)) * (ROWS // 2) * count
    if ours > theirs or volume(positions) * passes * form.vectors * lanes > LARGEST:
        return None
    at = [(t, i, j) for t in range(positions[0]) for i in range(positions[1]) for j in starts]
    at += at[-1:] * (-len(at) % form.runs)  # repeated ones compute the same again
    bases, places = (np.array([flat(place, sizes) for place in at]) for sizes in (field.plane, positions))
    used = tap_tables.used_taps(field, bases, offsets, form.length, form.runs)
    columns = other.taps, offsets, bases.reshape(-1, form.runs), places.reshape(-1, form.runs), used
    return field, Runs(*(np.ascontiguousarray(column, np.int64) for column in columns)), form


def _starts(width, length):
    """Where the runs that cover a row begin; the last one overlaps the one before."""
    return sorted({min(j, width - length) for j in range(0, width, length)})


def _form(filters, positions, taps, lanes):
    """The form whose tiles leave the fewest registers empty and load least, or None if rows are too short."""
    vectors = 1 + (-(-filters // lanes) % 2 == 0)
    rows, forms = positions[0] * positions[1], {}
    for neighbours in {1, taps}:
        for length in LENGTHS:
            runs = runs_of(length, vectors, neighbours)
            if length <= positions[2] and runs > 0:
                tiles = -(-rows * len(_starts(positions[2], length)) // runs)
                loads = vectors + runs * (length + neighbours - 1) / neighbours
                forms[Form(length, runs, vectors, neighbours)] = tiles * (length * runs * vectors + LOAD * loads)
    return min(forms, key=forms.get, default=None)
