"""Tables of what each tap of a convolution reads, made once for each combination of sizes and options."""

import functools
import itertools
from typing import NamedTuple

import numpy as np

from backprop.kernels.cpu.convolution.field import field_of, flat, volume

VECTORS = 3  # vectors of a tile
LONG = 8  # a sum over this many taps takes as long as storing a vector in stretches


class TapTables(NamedTuple):
    """Which taps read which entries. Output positions that use the same taps form a class.

    Taps come in the order in which they are added up: by row of the image, channel, and place in the row. The bits of
    the sum are the same, whichever tile computes it.

    taps       (K,)    the flat index of a tap in the filters, counted from where its filter, or channel, begins
    in_order   (K,)    where in the field the first output position reads the taps in the order of the filters
    offsets    (K,)    where it reads these taps
    bases      (V,)    what a vector of output positions adds to that
    places     (S, V)  where in the channel of the output lane 0 of such a vector would go, for each of S stretches: it
                       may run over the end of a row into the next one
    begins     (S, V)  the first lane of each stretch
    ends       (S, V)  the lane after its last one
    used       (V/VECTORS, 2)  the first tap of its class that a tile needs, and one past the last: others read zeros
    classes    (M, 5)  first and past-the-last tap, the same of vectors, the most lanes that any of its vectors fills
    """

    taps: np.ndarray
    in_order: np.ndarray
    offsets: np.ndarray
    bases: np.ndarray
    places: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    used: np.ndarray
    classes: np.ndarray

    def for_tile(self):
        """What `correlate` needs of them."""
        return tuple(self[2:])

    def offsets_for(self, together):
        """`in_order`, with the last one repeated up to a multiple of `together`."""
        return np.concatenate([self.in_order, np.repeat(self.in_order[-1:], -len(self.in_order) % together)])


@functools.lru_cache(256)
def forward(channels, taps, image, positions, stride, dilation, pad, lanes, spaced=False):
    """(Field of an image, TapTables) for (10): all positions use all taps of `channels` channels.

    `spaced` leaves the output's rows as far apart as those of the field: then no vector needs to be cut.
    """
    axes = list(zip(stride, dilation, positions, taps, strict=True))
    plane = tuple((s * (i - 1) + d * (t - 1)) // s + 1 for s, d, i, t in axes)
    field = field_of(image, plane, stride, pad)
    offsets = []
    for c, *tap in np.ndindex(channels, *taps):
        reach = [d * p for d, p in zip(dilation, tap, strict=True)]
        which = flat([r % s for r, s in zip(reach, stride, strict=True)], stride)
        within = flat([r // s for r, s in zip(reach, stride, strict=True)], plane)
        offsets.append(c * field.channel + which * volume(plane) + within)
    if spaced:
        bases = list(range(0, flat([i - 1 for i in positions], plane) + 1, lanes))
        bases += bases[-1:] * (-len(bases) % VECTORS)
        vectors = bases, [[(base, 0, lanes)] for base in bases]
    else:
        vectors = _vectors(positions, plane, positions, (1, 1, 1), 0, len(offsets), lanes)
    return field, _tap_tables(field, [range(len(offsets))], [offsets], [vectors], lanes)


@functools.lru_cache(256)
def backward(outputs, channels, taps, image, positions, stride, dilation, pad, lanes):
    """(Field of a delta, TapTables) for (13): entries h of the image with the same (h + pad) mod s form a class.

    delta_a[h] sums over the taps p for which (h + pad - d p) / s is a whole number: the output position that read
    h through p. With h = first + s n it is n + shift, so that again neighbours read neighbours. An image of 5 with 3
    taps, s = 2 and pad = 1 has two classes:

        delta_a[0 + 2n] = x[1] delta[n]
        delta_a[1 + 2n] = x[2] delta[n] + x[0] delta[n + 1]
    """
    axes, margins, plane = [], [], []
    for size, tap, i, s, d, before in zip(image, taps, positions, stride, dilation, pad, strict=True):
        used = [
            [(p, (first + before - d * p) // s) for p in range(tap) if (first + before - d * p) % s == 0]
            for first in range(min(s, size))
        ]
        counts = [(size - 1 - first) // s + 1 for first in range(min(s, size))]
        shifts = [(shift, count) for count, pairs in zip(counts, used, strict=True) for _, shift in pairs]
        margin = max([0, *(-shift for shift, _ in shifts)])
        axes.append(list(zip(range(len(used)), counts, used, strict=True)))
        margins.append(margin)
        plane.append(max([i + margin, *(count + shift + margin for shift, count in shifts)]))
    field = field_of(positions, plane, (1, 1, 1), margins)
    all_taps, all_offsets, vectors = [], [], []
    for firsts, counts, used in (zip(*combination, strict=True) for combination in itertools.product(*axes)):
        taps_of_class, offsets = [], []
        for o, *tap in itertools.product(range(outputs), *used):
            taps_of_class.append(o * channels * volume(taps) + flat([p for p, _ in tap], taps))
            moved = [shift + margin for (_, shift), margin in zip(tap, margins, strict=True)]
            offsets.append(o * field.channel + flat(moved, plane))
        all_taps.append(taps_of_class)
        all_offsets.append(offsets)
        vectors.append(_vectors(counts, plane, image, stride, flat(firsts, image), len(offsets), lanes))
    return field, _tap_tables(field, all_taps, all_offsets, vectors, lanes)


def _vectors(counts, plane, image, stride, start, taps, lanes):
    """(bases, stretches) of vectors that cover `counts` positions, padded to a multiple of VECTORS.

    Fewer vectors mean fewer sums; but one that runs over the end of a row must be stored in stretches.
    """
    bases, stretches = _vectors_of_rows(counts, plane, image, stride, start, lanes)
    if stride == (1, 1, 1):
        others = _vectors_of_planes(counts, plane, lanes)
        if taps * (len(bases) - len(others[0])) > LONG * len(bases):
            bases, stretches = others
    more = -len(bases) % VECTORS  # repeated ones compute the same again
    return bases + bases[-1:] * more, stretches + stretches[-1:] * more


def _vectors_of_rows(counts, plane, image, stride, start, lanes):
    """(bases, stretches) of vectors that begin in each row; the last one of a row overlaps the one before."""
    starts = sorted({min(j, max(counts[2] - lanes, 0)) for j in range(0, counts[2], lanes)})
    all_starts = list(itertools.product(range(counts[0]), range(counts[1]), starts))
    bases = [flat(at, plane) for at in all_starts]
    places = [start + flat([s * n for s, n in zip(stride, at, strict=True)], image) for at in all_starts]
    return bases, [[(place, 0, min(lanes, counts[2]))] for place in places]


def _vectors_of_planes(counts, plane, lanes):
    """(bases, stretches) of vectors one after the other, across the ends of rows and the gaps between rows."""
    length = flat([count - 1 for count in counts], plane) + 1
    bases = list(range(0, length, lanes))
    stretches = [[] for _ in bases]
    for t, i in np.ndindex(counts[0], counts[1]):
        row, place = flat((t, i, 0), plane), flat((t, i, 0), counts)
        for v in range(row // lanes, (row + counts[2] - 1) // lanes + 1):
            begin, end = max(row - v * lanes, 0), min(row + counts[2] - v * lanes, lanes)
            stretches[v].append((place - (row - v * lanes), begin, end))
    return bases, stretches


def _tap_tables(field, taps, offsets, vectors, lanes):
    """TapTables of classes of taps, offsets and (bases, stretches); all vectors get as many stretches as any has."""
    taps, offsets = [np.array(some, np.int64) for some in taps], [np.array(some, np.int64) for some in offsets]
    orders = [np.lexsort((some, some // field.channel, some % field.channel // field.plane[2])) for some in offsets]
    bases = [base for some, _ in vectors for base in some]
    stretches = [stretch for _, some in vectors for stretch in some]
    most = max(map(len, stretches))
    stretches = np.array([some + [(0, 0, 0)] * (most - len(some)) for some in stretches]).reshape(-1, most, 3)
    classes, tap, vector = [], 0, 0
    for (some, lengths), order in zip(vectors, orders, strict=True):
        last = tap + len(order)
        fullest = max(end - begin for all_of_one in lengths for _, begin, end in all_of_one)
        classes.append((tap, last, vector, vector + len(some), fullest))
        tap, vector = last, vector + len(some)
    in_order = np.concatenate(offsets)
    taps, offsets = ([some[order] for some, order in zip(column, orders, strict=True)] for column in (taps, offsets))
    used = [used_taps(field, some, of, lanes, VECTORS) for (some, _), of in zip(vectors, offsets, strict=True)]
    taps, offsets, used = (np.concatenate(column) for column in (taps, offsets, used))
    columns = taps, in_order, offsets, bases, *stretches.transpose(2, 1, 0), used, classes
    return TapTables(*(np.ascontiguousarray(column, np.int64) for column in columns))


def used_taps(field, bases, offsets, length, count):
    """(first, past-the-last) of the offsets that read any row but the padding, for each tile of `count` bases.

    From each base on `length` numbers are read. Offsets are in the order of rows: those in the padding are at the ends.
    """
    width, bases = field.plane[2], np.array(bases).reshape(-1, count, 1)
    if not len(offsets):  # positions that no tap reads
        return np.zeros((len(bases), 2), np.int64)
    filled = np.zeros(field.channel // width + 1, bool)
    filled[field.copies[:, 1] // width] = True
    meets = np.zeros((len(bases), len(offsets)), bool)
    for reach in {*range(0, length, width), length - 1}:
        meets |= filled[(bases + reach + offsets) % field.channel // width].any(axis=1)
    return np.stack([meets.argmax(axis=1), len(offsets) - meets[:, ::-1].argmax(axis=1)], axis=1)
