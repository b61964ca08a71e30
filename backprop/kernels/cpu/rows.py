"""Copies rows of numbers by whole registers."""

from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.simd import lanes, load, load_part, store, store_part


@inner
def copy_rows(a, i, a_step, out, o, o_step, rows, count):
    """out[o + r o_step + n] = a[i + r a_step + n] for r < rows and n < count

    Whether rows are short is tested once, out here: with the test inside the loops, the compiler copies all of them for
    each answer, and took seconds for `lay_out` alone.
    """
    size = lanes(a)
    if count < size:
        for r in range(rows):
            store_part(load_part(a, i + r * a_step, 0, 1, count, 1, 1), out, o + r * o_step, 0, 1, count)
    else:
        for r in range(rows):
            copy_row(a, i + r * a_step, out, o + r * o_step, count)


@inlined
def copy_row(a, i, out, o, count):
    """out[o + n] = a[i + n] for n < count. The last register overlaps the one before it."""
    size = lanes(a)
    if count < size:
        store_part(load_part(a, i, 0, 1, count, 1, 1), out, o, 0, 1, count)
    else:
        for n in range(0, count - size, size):
            store(load(a, i + n, 0, 1, 1), out, o + n, 0)
        store(load(a, i + count - size, 0, 1, 1), out, o + count - size, 0)
