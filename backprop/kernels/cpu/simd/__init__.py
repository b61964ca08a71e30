"""A small vocabulary for the vector registers of the CPU. What kernels say in it, LLVM compiles as it stands.

A core computes with registers of 4, 8 or 16 numbers at a time. A compiler finds some of that in plain loops; a product
of matrices wants all of it: the results kept in registers from the first term of a sum to the last. So a block of
registers is one value here, a Tile, and the words below are what one can do with it:

    zeros, load, load_part           a new tile, from nothing or from an array
    store, store_part                a tile into an array
    outer                            the one that computes: tile += column times row
    add, maximum                     element by element
    transpose                        rows become columns
    lanes, scratch, prefetch         how wide a register is; memory for one call; a hint to the cache

An array is addressed by the flat index of an element. Nothing is checked, unless NUMBA_BOUNDSCHECK=1 is set.
"""

from backprop.kernels.cpu.simd.arithmetic import add, maximum, outer, transpose
from backprop.kernels.cpu.simd.memory import lanes, load, load_part, prefetch, scratch, store, store_part, zeros
from backprop.kernels.cpu.simd.tile import REGISTERS, WIDTH
