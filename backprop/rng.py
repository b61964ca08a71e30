"""One source of randomness: `manual_seed` makes initial weights, shuffling and everything after it repeatable."""

import numpy as np

from backprop.errors import OptionError

_generator = np.random.default_rng()


def manual_seed(seed):
    """Start the engine's random numbers again from `seed`, a non-negative integer.

    >>> manual_seed(0); first = generator().random()
    >>> manual_seed(0); first == generator().random()
    True
    """
    global _generator
    if seed < 0:
        raise OptionError(f"seed must not be negative, got {seed}")
    _generator = np.random.default_rng(seed)


def generator():
    """The numpy.random.Generator that draws initial weights, and shuffles where a loader has no seed of its own."""
    return _generator
