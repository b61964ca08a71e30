"""What the threads of one block find out together, in a fixed order: the same numbers give the same bits.

Each is a part of a kernel that all threads of a block call, with one value each; all of them get the answer. A block
has a power of two of threads, 256 at most.
"""

from numba import cuda

from backprop.kernels.cuda.kernel import THREADS, part, real, u32


@part
def block_sum(value):
    """The sum of all values: the upper half is added to the lower one, until one is left."""
    shared = cuda.shared.array(THREADS, real)
    t = u32(cuda.threadIdx.x)
    half = u32(cuda.blockDim.x) // 2
    shared[t] = value
    cuda.syncthreads()
    while half > 0:
        if t < half:
            shared[t] += shared[t + half]
        cuda.syncthreads()
        half //= 2
    total = shared[0]
    cuda.syncthreads()  # before anybody writes here again
    return total


@part
def block_max(value):
    """The largest value."""
    shared = cuda.shared.array(THREADS, real)
    t = u32(cuda.threadIdx.x)
    half = u32(cuda.blockDim.x) // 2
    shared[t] = value
    cuda.syncthreads()
    while half > 0:
        if t < half:
            shared[t] = max(shared[t], shared[t + half])
        cuda.syncthreads()
        half //= 2
    largest = shared[0]
    cuda.syncthreads()
    return largest


@part
def block_least(index):
    """The smallest of whole numbers below 2^32."""
    shared = cuda.shared.array(THREADS, u32)
    t = u32(cuda.threadIdx.x)
    half = u32(cuda.blockDim.x) // 2
    shared[t] = index
    cuda.syncthreads()
    while half > 0:
        if t < half:
            shared[t] = min(shared[t], shared[t + half])
        cuda.syncthreads()
        half //= 2
    least = shared[0]
    cuda.syncthreads()
    return least
