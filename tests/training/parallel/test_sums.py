"""The tree along which shards are added: the same bits, whoever computes its leaves."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backprop as bp
from backprop.kernels.recording import base_of
from backprop.training.parallel.sums import between, cut, levels, own_shards, within
from backprop.training.parallel.vector import Vector

KINDS = [((3,), np.float64), ((2, 5), np.float32), ((), np.float64), ((0, 4), np.float32), ((7,), np.float32)]


def vector(rng=None):
    found = Vector(KINDS)
    for part in found.parts if rng is not None else ():
        part[...] = rng.standard_normal(part.shape) * 10.0 ** rng.integers(-6, 6, part.shape)
    return found


def numbers(vector):
    return [part.tobytes() for part in vector.parts]


def own_sum(leaves, rank, ranks):
    """What a rank has before anything is sent. A leaf is always computed in the same place."""
    place, (first, last) = vector(), own_shards(rank, ranks, len(leaves))
    rooms = [vector() for _ in range(levels(last - first))]

    def leaf(s):
        place.copy(leaves[s])
        return place

    return within(leaf, first, last, *rooms)


def summed(leaves, ranks):
    """What each rank ends with, where all exchange in the same rounds."""
    sums, sent = [own_sum(leaves, rank, ranks) for rank in range(ranks)], {}
    rounds = [1 << k for k in range(ranks.bit_length() - 1)]
    for distance in rounds:
        for rank, mine in enumerate(sums):
            sent[distance, rank] = vector()
            sent[distance, rank].copy(mine)
        for rank, mine in enumerate(sums):
            mine.add(sent[distance, rank ^ distance])
    return sums


def along_the_tree(values):
    """The sum of a list of arrays, by halves."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return along_the_tree(values[:middle]) + along_the_tree(values[middle:])


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_any_number_of_ranks_that_divides_the_tree_gives_the_same_bits(shards, seed):
    rng = np.random.default_rng(seed)
    leaves = [vector(rng) for _ in range(shards)]
    expected = [along_the_tree(list(parts)).tobytes() for parts in zip(*(leaf.parts for leaf in leaves), strict=True)]
    for ranks in [2**k for k in range(6) if shards % 2**k == 0]:
        assert all(numbers(found) == expected for found in summed(leaves, ranks)), ranks


def test_between_makes_the_exchanges_of_recursive_doubling():
    rng, asked = np.random.default_rng(0), []
    mine, other = vector(rng), vector(rng)

    def exchange(given, theirs, rank):
        asked.append(rank)
        theirs.copy(other)

    expected = [(2 * b + (a + b)).tobytes() for a, b in zip(mine.parts, other.parts, strict=True)]
    between(mine, vector(), SimpleNamespace(rank=5, size=8, exchange=exchange))
    assert asked == [4, 7, 1]
    assert np.allclose(mine.parts[0], np.frombuffer(expected[0]), rtol=1e-12)


def test_a_plain_sum_would_depend_on_who_adds():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((8, 1000)).astype(np.float32)
    in_order = np.add.reduce(values)
    assert (along_the_tree(list(values)) != in_order).mean() > 0.2


@given(st.integers(0, 300), st.integers(1, 40))
def test_shards_are_a_batch_cut_evenly_with_nothing_lost(count, shards):
    bounds = cut(count, shards)
    sizes = np.diff(bounds)
    assert bounds[0] == 0 and bounds[-1] == count and len(sizes) == shards
    assert sizes.min() >= 0 and sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("ranks", "shards", "words"),
    [
        (3, 8, "3 ranks do not divide the tree of 8 shards; 1, 2, 4 or 8 ranks do"),
        (16, 8, "1, 2, 4 or 8 ranks do"),
        (4, 6, "4 ranks do not divide the tree of 6 shards; 1 or 2 ranks do"),
        (2, 5, "2 ranks do not divide the tree of 5 shards; 1 rank does"),
    ],
)
def test_a_number_of_ranks_that_does_not_divide_the_tree_is_refused_with_those_that_do(ranks, shards, words):
    with pytest.raises(bp.OptionError, match=words):
        own_shards(0, ranks, shards)


def test_the_parts_of_a_vector_are_apart_aligned_and_in_one_piece():
    found = Vector(KINDS)
    for number, part in enumerate(found.parts):
        part[...] = number
        assert part.ctypes.data % 64 == 0 or not part.size
        assert base_of(part) is part  # or a recorded step would take all of them for one
    assert [set(np.unique(part)) for part in found.parts] == [{0}, {1}, {2}, set(), {4}]
    twin = Vector(KINDS)
    twin.bytes[:] = found.bytes
    assert numbers(twin) == numbers(found)
