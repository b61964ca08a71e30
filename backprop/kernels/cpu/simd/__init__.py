"""A small vocabulary for the vector registers of the CPU. What kernels say in it, LLVM compiles as it stands.

A core computes with registers of 4, 8 or 16 numbers at a time. A compiler finds some of that in plain loops; a product
of matrices wants all of it: the results kept in registers from the first term of a sum to the last. So a block of
registers is one value here, a Tile, and the words below are what one can do with it:

    zeros, splat                     a new tile, of one number
    load, load_part, load_even       a tile from an array
    store, store_part, store_between a tile into an array
    store_whole                      a register as whole numbers
    outer                            tile += column times row
    slide, slide_sum                 the same where numbers of the column meet several rows; its adjoint
    dot, dot_part, total             tile += rows times rows, lane by lane; the lanes added up
    add, maximum, keep_larger        element by element
    transpose                        rows become columns
    lanes, scratch, prefetch         how wide a register is; memory for one call; a hint to the cache
    indices, moved                   several indices from an array; several, moved together

An array is addressed by the flat index of an element. Nothing is checked, unless NUMBA_BOUNDSCHECK=1 is set.
"""

from backprop.kernels.cpu.simd.arithmetic import (
    add,
    dot,
    dot_part,
    keep_larger,
    maximum,
    outer,
    slide,
    slide_sum,
    total,
    transpose,
)
from backprop.kernels.cpu.simd.memory import (
    indices,
    lanes,
    load,
    load_even,
    load_part,
    moved,
    prefetch,
    scratch,
    splat,
    zeros,
)
from backprop.kernels.cpu.simd.stores import store, store_between, store_part, store_whole
from backprop.kernels.cpu.simd.tile import LANES, REGISTERS, WIDTH
