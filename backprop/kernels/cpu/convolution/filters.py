"""(12): a tile of some filters by some taps, each a register of sums along the images.

Both what a filter's delta says and what a tap met lie along the field, so that one register of each is multiplied at a
time; the lanes are added up once, after all images of a chunk. Between the rows of delta lie zeros, which silence what
the taps meet there.
"""

from numba import prange

from backprop.kernels.cpu.convolution.field import fill
from backprop.kernels.cpu.jit import inner, kernel
from backprop.kernels.cpu.rows import copy_row
from backprop.kernels.cpu.simd import REGISTERS, lanes, scratch, total, zeros
from backprop.kernels.cpu.simd import inner as inner_product

FILTERS, TAPS = REGISTERS // 8, 6
TILE = FILTERS * TAPS


@kernel
def sum_over_images(delta, a, groups, plane, channel, copies, offsets, length, out, accumulate, fields, deltas, sums):
    """out[o,k] = the sum over n and all positions of delta[n,o] times what tap k met of a[n]

    An iteration owns some chunks of images, fields for one chunk, and the sums of each chunk; then iteration o owns
    filter o. How many images a chunk has depends on nothing but sizes, and so do the bits of the sum.
    """
    images, deltas_in = a.reshape(a.size), delta.reshape(delta.size)
    channels, image = a.shape[1], a[0, 0].size
    parts, chunks, chunk = fields.shape[0], sums.shape[0], fields.shape[1]
    size, laid_out = fields.shape[2], deltas.shape[2]
    for part in prange(parts):
        field, spread = fields[part].reshape(chunk * size), deltas[part].reshape(chunk * laid_out)
        field[:] = 0
        spread[:] = 0
        for c in range(part * chunks // parts, (part + 1) * chunks // parts):
            first, last = c * chunk, min((c + 1) * chunk, a.shape[0])
            for n in range(first, last):
                f, d = (n - first) * size, (n - first) * laid_out
                fill(images, n * channels * image, image, channels, copies, field, f, channel)
                lay_out(deltas_in, n * delta[0].size, delta.shape, plane, length, groups, spread, d)
            steps = size, laid_out, channels * channel // groups
            sum_over_chunk(field, spread, last - first, offsets, length, steps, groups, sums[c])
    dx = out.reshape(sums.shape[1], sums.shape[2])
    for o in prange(dx.shape[0]):
        for k in range(dx.shape[1]):
            dot = dx[o, k] if accumulate else out.dtype.type(0)
            for c in range(chunks):
                dot += sums[c, o, k]
            dx[o, k] = dot


@inner
def lay_out(delta, i, shape, plane, length, groups, spread, d):
    """Copy a delta (O, T, I, J), from index i on, its rows as far apart as those of the field; FILTERS by FILTERS."""
    outputs = shape[1] // groups
    for g in range(groups):
        for o in range(outputs):
            start = d + (g * rounded(outputs) + o) * length
            for t in range(shape[2]):
                for row in range(shape[3]):
                    copy_row(delta, i, spread, start + (t * plane[1] + row) * plane[2], shape[4])
                    i += shape[4]


@inner
def rounded(outputs):
    """The filters of a group, filled up to whole tiles."""
    return (outputs + FILTERS - 1) // FILTERS * FILTERS


@inner
def sum_over_chunk(fields, deltas, images, offsets, length, steps, groups, sums):
    """sums[o,k] = the sum over images and positions of delta[o] times what tap k met

    steps: from image to image in fields and in deltas, from group to group in a field.
    """
    outputs, taps = sums.shape[0] // groups, sums.shape[1]
    found = scratch(sums, TILE)
    for g in range(groups):
        f = g * steps[2]
        for o in range(0, outputs, FILTERS):
            for k in range(0, taps, TAPS):
                a, b, c = f + offsets[k], f + offsets[k + 1], f + offsets[k + 2]
                p, q, r = f + offsets[k + 3], f + offsets[k + 4], f + offsets[k + 5]
                tile = zeros(sums, FILTERS, TAPS)
                for n in range(images):
                    d = n * steps[1] + (g * rounded(outputs) + o) * length
                    for i in range(n * steps[0], n * steps[0] + length, lanes(sums)):
                        starts = (a + i, b + i, c + i, p + i, q + i, r + i)
                        tile = inner_product(tile, deltas, d, length, fields, starts)
                        d += lanes(sums)
                total(tile, found, 0, TAPS)
                for m in range(min(FILTERS, outputs - o)):
                    for t in range(min(TAPS, taps - k)):
                        sums[g * outputs + o + m, k + t] = found[m * TAPS + t]
