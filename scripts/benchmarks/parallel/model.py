"""What a step of R ranks should take: compute, and an all-reduce of the gradients.

    T(R) = compute + rounds(R) alpha + traffic(R) n beta

alpha   seconds that an exchange takes however short it is, the latency
beta    seconds that a byte more takes, with its addition: 1 / bandwidth
n       bytes of all gradients

By recursive doubling there are rounds = log2 R exchanges with traffic = log2 R; by halves 2 log2 R, and 2 (R-1)/R. The
efficiency is compute / T(R): each rank has as many images as one alone would, so the batch grows with R (weak scaling).
"""

import math
from typing import NamedTuple

import numpy as np

from backprop.training.parallel.sums import large

RANKS = [1 << k for k in range(1, 11)]


class Line(NamedTuple):
    """Between two machines: latency in seconds, bandwidth in bytes per second."""

    latency: float
    bandwidth: float


LINES = {  # assumed, from what such networks reach with MPI
    "Ethernet, 10 Gbit/s": Line(25e-6, 1.1e9),
    "InfiniBand, 200 Gbit/s": Line(2e-6, 22e9),
}


def rounds_and_traffic(ranks, size):
    """(exchanges, how many times all bytes go out of a rank) of an all-reduce of `size` bytes."""
    levels = math.log2(ranks)
    return (2 * levels, 2 * (ranks - 1) / ranks) if size > large(ranks) else (levels, levels)


def reduction(line, ranks, size):
    """Seconds of an all-reduce."""
    rounds, traffic = rounds_and_traffic(ranks, size)
    return rounds * line.latency + traffic * size / line.bandwidth


def fitted(measured, ranks=2):
    """The Line that explains best, in the logarithm, what all-reduces took: [(bytes, seconds)]."""
    from scipy.optimize import least_squares

    def wrong(logs):
        line = Line(*np.exp(logs))
        return [math.log(reduction(line, ranks, size) / seconds) for size, seconds in measured]

    return Line(*np.exp(least_squares(wrong, np.log([1e-5, 1e9])).x))


def efficiency(line, compute, size, ranks):
    """The part of a step in which a rank computes."""
    return compute / (compute + reduction(line, ranks, size))
