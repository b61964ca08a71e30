"""The tree along which shards are added: the same bits, whoever computes its leaves."""

import queue
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backprop as bp
from backprop.kernels.recording import base_of
from backprop.training.parallel.sums import between, by_halves, cut, levels, own_shards, whole, within
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


class Ranks:
    """Some ranks as threads, each of which calls `all_reduce` with what it has."""

    def __init__(self, size, all_reduce):
        self.size, self.all_reduce = size, all_reduce
        self.queues = {(a, b): queue.Queue() for a in range(size) for b in range(size)}

    def run(self, sums):
        threads = [threading.Thread(target=self._one, args=pair) for pair in enumerate(sums)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return sums

    def _one(self, rank, mine):
        def exchange(given, taken, other):
            self.queues[rank, other].put(given.copy())
            taken[...] = self.queues[other, rank].get(timeout=20)

        self.all_reduce(mine, vector(), SimpleNamespace(rank=rank, size=self.size, exchange=exchange))


def along_the_tree(values):
    """The sum of a list of arrays, by halves."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return along_the_tree(values[:middle]) + along_the_tree(values[middle:])


@given(st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([whole, by_halves]))
def test_any_number_of_ranks_that_divides_the_tree_gives_the_same_bits(shards, seed, all_reduce):
    rng = np.random.default_rng(seed)
    leaves = [vector(rng) for _ in range(shards)]
    expected = [along_the_tree(list(parts)).tobytes() for parts in zip(*(leaf.parts for leaf in leaves), strict=True)]
    for ranks in [2**k for k in range(6) if shards % 2**k == 0]:
        found = Ranks(ranks, all_reduce).run([own_sum(leaves, rank, ranks) for rank in range(ranks)])
        assert all(numbers(vector) == expected for vector in found), ranks


def test_what_is_large_is_exchanged_by_halves_and_what_is_small_as_a_whole():
    sent = {}
    for size in (100, 10_000, 1_000_000):
        mine, sent[size] = Vector([((size,), np.float64)]), []

        def exchange(given, taken, other, size=size):
            assert abs(len(given) - len(taken)) <= 64
            sent[size].append((other, len(given)))

        between(mine, Vector([((size,), np.float64)]), SimpleNamespace(rank=5, size=8, exchange=exchange))
    assert sent[100] == [(4, 832), (7, 832), (1, 832)]
    assert [other for other, _ in sent[10_000]] == [4, 7, 1, 1, 7, 4]
    assert sum(count for _, count in sent[1_000_000]) == pytest.approx(2 * 7 / 8 * 8_000_000, rel=1e-3)


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
        (2, 5, "2 ranks do not divide the tree of 5 shards; one rank does"),
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
