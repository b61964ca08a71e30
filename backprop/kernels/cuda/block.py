"""Reductions over the threads of one block, in a fixed order: the same numbers give the same bits.

Each is a part of a kernel that all threads of a block call, with one value each; all of them get the result. The number
of threads is a power of two, 256 at most. The upper half is combined with the lower one, until one value is left.
"""

from numba import cuda

from backprop.kernels.cuda.kernel import THREADS, Part, part, real, u32

join = None  # placeholder for the function that combines two values


def joined(value):
    shared = cuda.shared.array(THREADS, real)
    t, half = u32(cuda.threadIdx.x), u32(cuda.blockDim.x) // 2
    shared[t] = value
    cuda.syncthreads()
    while half > 0:
        if t < half:
            shared[t] = join(shared[t], shared[t + half])
        cuda.syncthreads()
        half //= 2
    answer = shared[0]
    cuda.syncthreads()  # before any thread writes here again
    return answer


block_sum = Part(joined, join=Part(lambda a, b: a + b))
block_max = Part(joined, join=Part(lambda a, b: max(a, b)))


@part
def block_least(index):
    """The smallest of integers below 2^32."""
    shared = cuda.shared.array(THREADS, u32)
    t, half = u32(cuda.threadIdx.x), u32(cuda.blockDim.x) // 2
    shared[t] = index
    cuda.syncthreads()
    while half > 0:
        if t < half:
            shared[t] = min(shared[t], shared[t + half])
        cuda.syncthreads()
        half //= 2
    answer = shared[0]
    cuda.syncthreads()
    return answer
