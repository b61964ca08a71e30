"""A small vocabulary of intrinsics for the vector registers of the CPU, which LLVM compiles as they are written.

A core computes with registers of 4, 8 or 16 numbers at a time. A compiler vectorizes some plain loops by itself;
a product of matrices needs more: results that stay in registers from the first term of a sum to the last. So a block of
registers is one value here, a Tile, and these are its operations:

    zeros, splat                     a new tile, of one number
    load, load_part, load_even       a tile from an array
    load_at, store_at                one of several registers, equally far apart, from and into an array
    some_of, put_some                a register from and into an array, as far as the array goes
    store, store_part, store_between a tile into an array
    store_whole                      a register as integers
    outer                            tile += column times row
    slide, slide_sum                 the same where a number of the column multiplies several rows; its adjoint
    dot, dot_part, total             tile += rows times rows, lane by lane; the lanes added up
    sum_of, largest_of               the lanes of a register as one number
    add, maximum, keep_larger        element by element; whatever else elementary/ makes a word
    transpose                        rows become columns
    lanes, prefetch                  how wide a register is; a hint to the cache
    indices, moved                   several indices from an array; several, moved together

An array is addressed by the flat index of an element. Nothing is checked, unless NUMBA_BOUNDSCHECK=1 is set.
"""

from backprop.kernels.cpu.simd.arithmetic import (
    add,
    dot,
    dot_part,
    keep_larger,
    largest_of,
    maximum,
    outer,
    slide,
    slide_sum,
    sum_of,
    total,
    transpose,
)
from backprop.kernels.cpu.simd.memory import (
    indices,
    lanes,
    load,
    load_at,
    load_even,
    load_part,
    moved,
    prefetch,
    some_of,
    splat,
    zeros,
)
from backprop.kernels.cpu.simd.stores import put_some, store, store_at, store_between, store_part, store_whole
from backprop.kernels.cpu.simd.tile import LANES, REGISTERS, WIDTH
