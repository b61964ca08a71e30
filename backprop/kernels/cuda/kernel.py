"""How a CUDA kernel is written: a plain Python function of flat arrays that every thread runs.

    @kernel                                     @part
    def scale(u, factor, out, size):            def half(x):
        i = u32(cuda.grid(1))                       return x / real(2)
        if i < size:
            out[i] = half(u[i]) * factor

    scale(grid, block, u, 0.5, out, out.size)   or, with one thread for each element,   scale.each(size, u, ...)

Arrays have one axis and no length: all sizes are arguments. The types of numbers have names of their own:

    real   the element type, np.float32 or np.float64, of the first array of floats among the arguments: a kernel is
           compiled for each. A constant is written real(2): a plain 2.0 would turn float32 into float64.
    u32    an index, unsigned, of 32 bits. 64 bits cost a GPU more, above all in divisions. Numba makes u32 + u32 64
           bits wide, and compares an unsigned number of 64 bits with a signed one, such as a literal or a counter of
           `range`, as float64. So all that is kept in a variable or divided by is wrapped in u32(...).
    i32    a signed one, for what may be negative: a place before the image;  u64   a long one

Host numbers are converted by their Python type: an int to u32, a float to `real`, a tuple of floats to several
parameters; NumPy's scalars keep their types.
"""

import functools
import inspect

from backprop.kernels.cuda.machine import machine
from backprop.kernels.cuda.writing import THREADS, Part, Word, i32, part, real, u32, u64

__all__ = ["THREADS", "Kernel", "Part", "Word", "flat", "i32", "kernel", "part", "real", "u32", "u64"]


class Kernel:
    """A function that many threads run, compiled for each combination of argument types that it is called with.

    threads   at most this many in a block
    blocks    at least this many of them on a multiprocessor, which bounds the registers of a thread; None: no bound
    names     what global names of the body stand for in this kernel: one body, several kernels
    """

    def __init__(self, body, threads=THREADS, blocks=None, **names):
        self.body, self.threads, self.blocks, self.names = body, threads, blocks, names
        functools.update_wrapper(self, body)

    def __call__(self, grid, block, *args):
        """Run it on a grid of blocks of threads; grid and block are numbers, or tuples of up to three."""
        machine().launch(self, grid, block, args)

    def each(self, size, *args):
        """Run it with a thread for each of `size` elements; the kernel's last argument is `size`."""
        if size:
            threads = machine().block_of(size, self.threads)
            self(-(-size // threads), threads, *args, size)

    def team(self, size):
        """How many threads of a block share `size` elements: a power of two."""
        return machine().team_of(size, self.threads)

    def __repr__(self):
        return f"<kernel {self.__name__}>"


def kernel(body=None, **options):
    """The decorator that makes a Kernel, with or without options."""
    return Kernel(body, **options) if body is not None else lambda body: Kernel(body, **options)


def flat(body=None, **names):
    """Makes a kernel whose thread i owns element i of its last array; returns the host's function that runs it.

    The function takes the kernel's arguments except the last, `size`, which is that of the last array.
    """
    if body is None:
        return lambda body: flat(body, **names)
    return hosted(body, Kernel(body, **names))


def hosted(body, run):
    """The host's function for a kernel with one thread for each element of the last array."""

    def call(*args):
        run.each(args[-1].size, *args)

    functools.update_wrapper(call, body)
    del call.__wrapped__  # whose arguments, with `size`, `inspect.signature` would return
    call.kernel = run
    call.__signature__ = inspect.Signature(list(inspect.signature(body).parameters.values())[:-1])
    return call
