"""A row of numbers from one place to another, by whole registers."""

from backprop.kernels.cpu.jit import inlined
from backprop.kernels.cpu.simd import lanes, load, load_part, store, store_part


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
