"""Which part of its batch a network is given, where a batch is cut into shards, on which several processes may work."""

import contextlib
import contextvars
import math
from typing import NamedTuple

GOLDEN = 0x9E3779B97F4A7C15  # how far SplitMix64 goes from one number to the next


class Shard(NamedTuple):
    """`size` samples of a batch, from its sample number `first` on: shard `number` of it.

    total   total(array) is the array's sum over all shards of the batch, for a layer that needs it, or None
    """

    number: int
    first: int
    size: int
    total: object = None

    def key(self, key, shape):
        """A step's key, moved so that the shard's samples get the random numbers that they have in the whole batch.

        `shape` are the axes of the numbers that are drawn. Where the first one is not that of the samples, the shard
        gets numbers of its own.
        """
        if shape and shape[0] == self.size:
            return (key + self.first * math.prod(shape[1:]) * GOLDEN) % (1 << 64)
        return mix(key ^ mix(self.number + 1))


_current = contextvars.ContextVar("backprop_shard", default=None)
current = _current.get


@contextlib.contextmanager
def computing(shard):
    """Within this block, networks are given this shard of a batch."""
    token = _current.set(shard)
    try:
        yield
    finally:
        _current.reset(token)


def mix(x):
    """An integer, scrambled to one below 2^64 so that numbers close together give unrelated bits.

    The steps are those of SplitMix64 (Steele, Lea and Flood, 2014): each is invertible, so no two numbers collide.
    """
    mask = (1 << 64) - 1
    x = (x + GOLDEN) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)
