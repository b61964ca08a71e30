"""Data parallel: several processes, MPI's ranks, train one network, each on its part of every batch."""

running = []  # the Ranks of the `with bp.parallel()` that runs, for all threads


def current():
    """The Ranks of the block that runs, or None."""
    return running[-1] if running else None


def is_first():
    """Whether this process is the one that shows and writes what all ranks have computed."""
    return not running or running[-1].first
