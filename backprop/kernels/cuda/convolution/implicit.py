"""Second rung: a convolution is a product of matrices, and one of them need not be stored.

    (10)  z[n,o,i]    M = filters o      N = images and positions    K = channels and taps         image unfolded
    (12)  dL/dX       M = filters o      N = channels and taps       K = images and positions      image unfolded
    (13)  delta_a     M = channels c     N = images and their pixels K = filters and taps          delta unfolded

The tile of `product.registers` asks for entry (k, n) of the unfolded matrix, and gets what the image, or delta, has
there: 0 outside. The names are those of `textbook`; strides are constants here, and those that are passed on empty.
"""

import functools

from backprop.kernels.cuda.convolution.textbook import image_at, met, position_of
from backprop.kernels.cuda.kernel import part, real, u32
from backprop.kernels.cuda.product.registers import tile

C = O = CG = OG = D = H = W = P = Q = R = I = J = K = 1  # each kernel binds its own
S0 = S1 = S2 = L0 = L1 = L2 = M0 = M1 = M2 = 1
POSITIONS = 1  # all positions of one image of the result


@part
def unfolded(a, position, column):
    """What the filter's entry `column` (c, p, q, r) reads at `position` (n, i, j, k)."""
    n, c = position // u32(I * J * K), column // u32(P * Q * R)
    z = met(position // u32(J * K) % u32(I), column // u32(Q * R) % u32(P), S0, L0, M0)
    y = met(position // u32(K) % u32(J), column // u32(R) % u32(Q), S1, L1, M1)
    x = met(position % u32(K), column % u32(R), S2, L2, M2)
    return image_at(a, n, c, z, y, x)


@part
def filters(x, m, k, rows, stop, strides):
    """(10) A[o, (c,p)]: the filters as they lie"""
    return x[m * u32(C * P * Q * R) + k] if m < rows and k < stop else real(0)


@part
def image(a, k, n, stop, columns, strides):
    """(10) B[(c,p), (n,i)]"""
    return unfolded(a, n, k) if k < stop and n < columns else real(0)


@part
def place_in_image(piece, m, n, rows, columns):
    """(10) (13) where row m, column (n, position) of the result lies: images are (N, rows, positions)"""
    return (n // u32(POSITIONS) * rows + m) * u32(POSITIONS) + n % u32(POSITIONS)


@part
def delta_rows(delta, m, k, rows, stop, strides):
    """(12) A[o, (n,i)]"""
    if m < rows and k < stop:
        return delta[(k // u32(I * J * K) * rows + m) * u32(I * J * K) + k % u32(I * J * K)]
    return real(0)


@part
def image_across(a, k, n, stop, columns, strides):
    """(12) B[(n,i), (c,p)]"""
    return unfolded(a, k, n) if k < stop and n < columns else real(0)


@part
def filters_across(x, m, k, rows, stop, strides):
    """(13) A[c, (o,p)]"""
    if m < rows and k < stop:
        return x[(k // u32(P * Q * R) * rows + m) * u32(P * Q * R) + k % u32(P * Q * R)]
    return real(0)


@part
def delta_unfolded(delta, k, n, stop, columns, strides):
    """(13) B[(o,p), (n,h)]: delta at the position where tap p reads entry h"""
    if k < stop and n < columns:
        i = position_of(n // u32(H * W) % u32(D), k // u32(Q * R) % u32(P), S0, L0, M0, I)
        j = position_of(n // u32(W) % u32(H), k // u32(R) % u32(Q), S1, L1, M1, J)
        l = position_of(n % u32(W), k % u32(R), S2, L2, M2, K)
        if i >= 0 and j >= 0 and l >= 0:
            o = n // u32(D * H * W) * u32(O) + k // u32(P * Q * R)
            return delta[(o * u32(I) + u32(i)) * u32(J * K) + u32(j) * u32(K) + u32(l)]
    return real(0)


WAYS = {  # formula -> load_a, load_b, and whether their neighbours in memory are neighbours in k
    "forward": (filters, image, True, False),
    "to_filters": (delta_rows, image_across, True, True),
    "to_input": (filters_across, delta_unfolded, True, False),
}


@functools.cache
def implicit(way, shape, size):
    """The kernel for one of the three, with the constants of a Geometry, by tiles of this size."""
    load_a, load_b, a_along_k, b_along_k = WAYS[way]
    names = shape.names() | {"load_a": load_a, "load_b": load_b, "MU_BY_ROW": True}
    if way != "to_filters":
        result = shape.positions if way == "forward" else shape.image
        names |= {"place": place_in_image, "POSITIONS": result[0] * result[1] * result[2]}
    return tile(*size, a_along_k, b_along_k, **names)
