"""Second rung: a block of SIDE x SIDE threads owns as many results, and fetches tiles of both operands together.

Each number that comes from memory is kept in shared memory and used SIDE times. Thread (x, y) owns result (y, x).
"""

from numba import cuda

from backprop.kernels.cuda.kernel import kernel, real, u32

SIDE = 16
TILE = SIDE * SIDE


@kernel(threads=TILE)
def shared_block(a, b, out, M, N, K, am, ak, bk, bn):
    tile_a = cuda.shared.array(TILE, real)
    tile_b = cuda.shared.array(TILE, real)
    x, y = u32(cuda.threadIdx.x), u32(cuda.threadIdx.y)
    m, n = u32(cuda.blockIdx.y) * u32(SIDE) + y, u32(cuda.blockIdx.x) * u32(SIDE) + x
    first, total = u32(0), real(0)
    while first < K:
        tile_a[y * u32(SIDE) + x] = a[m * am + (first + x) * ak] if m < M and first + x < K else real(0)
        tile_b[y * u32(SIDE) + x] = b[(first + y) * bk + n * bn] if first + y < K and n < N else real(0)
        cuda.syncthreads()
        for k in range(SIDE):
            total += tile_a[y * u32(SIDE) + u32(k)] * tile_b[u32(k) * u32(SIDE) + x]
        cuda.syncthreads()  # before the next tiles come
        first = u32(first + u32(SIDE))
    if m < M and n < N:
        out[m * N + n] = total


def shared(a, a_strides, b, b_strides, out):
    """out (M, N) = A B; strides are (along m, along k) and (along k, along n)."""
    M, N = out.shape
    if M and N:
        grid = -(-N // SIDE), -(-M // SIDE)
        shared_block(grid, (SIDE, SIDE), a, b, out, M, N, a.size // M, *a_strides, *b_strides)
