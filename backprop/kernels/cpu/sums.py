"""Sums in float64, which keep six digits of float32 however many terms they have.

Where a sum belongs to a channel of (B, C, D) and D = 1, neighbours in memory belong to different channels. Then ENTRIES
of them are added up side by side.
"""

from backprop.kernels.cpu.jit import inlined, inner, summing
from backprop.kernels.cpu.parts import piece

ENTRIES = 512


@summing
def total_of(x):
    """The sum of a flat array."""
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total


@inlined
def chunks(u):
    """How many items there are: the channels of u (B, C, D), ENTRIES of them together where D = 1."""
    return (u.shape[1] + ENTRIES - 1) // ENTRIES if u.shape[2] == 1 else u.shape[1]


@inlined
def chunk(u, item):
    """(first, count): the channels of an item."""
    if u.shape[2] == 1:
        first = item * u.shape[1] // chunks(u)
        return first, (item + 1) * u.shape[1] // chunks(u) - first
    return item, 1


@inner
def add_up(u, first, count, totals):
    """totals[k] = the sum of u[:, first + k, :]"""
    channels, places = u.shape[1], u.shape[2]
    for k in range(count):
        totals[k] = 0
    for b in range(u.shape[0]):
        if places != 1:
            totals[0] += total_of(piece(u, (b * channels + first) * places, places))
            continue
        x = piece(u, b * channels + first, count)
        for k in range(x.size):
            totals[k] += x[k]
