"""One source of randomness: `manual_seed` makes initial weights, shuffling and everything after it repeatable.

Weights are drawn once, in the order of construction. What is drawn anew in every step, such as a dropout mask, comes
from a Stream, whose numbers depend only on a seed and a step, so that an interrupted run can resume where it stopped.
"""

import contextlib
import contextvars
from typing import NamedTuple

import numpy as np

from backprop.module import shard
from backprop.module.options import whole
from backprop.module.shard import mix

_generator = np.random.default_rng()
_seedings = 0  # how often manual_seed was called: an older stream then draws a new seed


def manual_seed(seed):
    """Restart the engine's random numbers from `seed`, a non-negative integer.

    >>> manual_seed(0); first = generator().random()
    >>> manual_seed(0); first == generator().random()
    True
    """
    global _generator, _seedings
    whole("seed", seed)
    _seedings += 1
    _generator = np.random.default_rng(seed)


def generator():
    """The numpy.random.Generator that draws initial weights, and shuffles where a loader has no seed of its own."""
    return _generator


_watched = contextvars.ContextVar("backprop_watched", default=None)  # a list within a `watched` block


class Drawn(NamedTuple):
    """A key that a stream has given, an array (1,), and the shape of the numbers that it was asked for."""

    stream: object
    key: np.ndarray
    shape: tuple


@contextlib.contextmanager
def watched():
    """Within this block, the draws of streams are recorded, and undone at its end. Yields a list of Drawn.

    To run the same step again, fill each key, in this order, with its stream's next `draw(shape)`.
    """
    drawn = []
    token = _watched.set(drawn)
    try:
        yield drawn
    finally:
        _watched.reset(token)
        for each in drawn:
            each.stream.step -= 1


@contextlib.contextmanager
def undisturbed():
    """Within this block, draws from the engine's generator leave no trace: its state is restored at the end."""
    state = _generator.bit_generator.state
    try:
        yield
    finally:
        _generator.bit_generator.state = state


class Stream:
    """Counter-based random numbers: the n-th of a step is a function of (seed, step, n), and nothing is stored.

    The seed is drawn from the engine's generator when the stream is made, and again at the first step after a
    `manual_seed`, so that what follows is repeatable. `next_key()` starts the next step: kernels turn its key and the
    position n of an element into a number.
    """

    def __init__(self):
        self.seek(int(generator().integers(1 << 63)), 0)

    def seek(self, seed, step):
        """Go to this step of this seed."""
        self.seed, self.step, self._seeding = seed, step, _seedings

    def next_key(self, shape=()):
        """The key of this step, an array (1,) of np.uint64; the stream moves on to the next step.

        `shape` are the axes, the samples' first, of the numbers that will be drawn: where a batch is cut into shards,
        each sample then gets those that it has in the whole batch.
        """
        key = np.array([self.draw(shape)], np.uint64)
        drawn = _watched.get()
        if drawn is not None:
            drawn.append(Drawn(self, key, shape))
        return key

    def draw(self, shape=()):
        """The key of this step as an int; the stream moves on to the next step."""
        self.settle()
        key, part = mix(self.seed ^ mix(self.step)), shard.current()
        self.step += 1
        return key if part is None else part.key(key, shape)

    def settle(self):
        """Draw the seed anew if `manual_seed` was called since."""
        if self._seeding != _seedings:
            self.seek(int(generator().integers(1 << 63)), 0)

    def __setstate__(self, state):
        """A copy or a pickle continues at the step of its original."""
        self.seek(state["seed"], state["step"])

    def __repr__(self):
        return f"Stream(seed={self.seed}, step={self.step})"
