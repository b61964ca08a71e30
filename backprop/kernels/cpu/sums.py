"""Sums over neighbours in memory, that keep six digits of float32 however many terms they have: some registers are
added up in the arrays' own type, and these sums in float64.
"""

from backprop.kernels.cpu.elementary.traced import word
from backprop.kernels.cpu.jit import inner
from backprop.kernels.cpu.simd import add, lanes, some_of, sum_of, zeros

SOME = 64
plus_product = word(lambda total, x, y: total + x * y, "plus_product")
plus_square = word(lambda total, x, centre: total + (x - centre) * (x - centre), "plus_square")


@inner
def total_of(x):
    """The sum of a flat array."""
    total, size = 0.0, lanes(x)
    for first in range(0, x.size, SOME * size):
        some = zeros(x, 1, 1)
        for i in range(first, min(first + SOME * size, x.size), size):
            some = add(some, some_of(x, i))
        total += sum_of(some)
    return total


@inner
def dot_of(x, y):
    """sum of x y"""
    total, size = 0.0, lanes(x)
    for first in range(0, x.size, SOME * size):
        some = zeros(x, 1, 1)
        for i in range(first, min(first + SOME * size, x.size), size):
            some = plus_product(some, some_of(x, i), some_of(y, i))
        total += sum_of(some)
    return total
