"""Data parallel: several processes, MPI's ranks, train one network, each on its part of every batch."""

import contextvars

_current = contextvars.ContextVar("backprop_ranks", default=None)
current = _current.get  # the Ranks of the `with bp.parallel()` that runs, or None


def is_first():
    """Whether this process is the one that shows and writes what all ranks have computed."""
    ranks = current()
    return ranks is None or ranks.first
