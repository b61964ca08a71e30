"""Convolution and its two adjoints. How they are computed is explained in `backprop.kernels.cpu.convolution`.

Images are (N, C, D, H, W), with depth D = 1 if they are flat, filters (O, C/groups, R, P, Q). Group g of the filters
reads only group g of the channels.
"""

import numpy as np

from backprop.kernels.buffers import empty
from backprop.kernels.cpu.convolution import runs
from backprop.kernels.cpu.convolution.correlate import convolve
from backprop.kernels.cpu.convolution.correlate_by_lane import convolve_by_lane
from backprop.kernels.cpu.convolution.field import flat, rounded_up, volume
from backprop.kernels.cpu.convolution.filters import TAPS, TILE, fitting, sum_over_images
from backprop.kernels.cpu.convolution.filters_by_lane import sum_by_lane, tile_of
from backprop.kernels.cpu.convolution.tap_tables import backward, forward
from backprop.kernels.cpu.jit import threads
from backprop.kernels.cpu.product.threads import NO_BIAS
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import LANES, WIDTH

CHUNK, CHUNK_BYTES = 8, 1 << 20  # images whose filter gradients are summed at a time, if they fit in a core's L2 cache
SUMS_BYTES = 1 << 26  # for the sums of all chunks
_NO_PLACES, _NO_IMAGES = np.empty((0,) * 5, np.int64), {char: np.empty((0, 0), char) for char in "fd"}
_NO_WINDOW = ((0, 0, 0),) * 4


def conv(a, X, mu, relu, stride, dilation, pad, groups, out):
    """out[n,o,i] = mu[o] + sum_{c,p} X[o,c,p] a[n,c, s i + d p - pad], without mu where it is empty          (10)

    `relu` makes negative numbers 0                                                                          (3)
    """
    if not out.size:
        return
    options = X.shape[1], X.shape[2:], a.shape[2:], out.shape[2:], stride, dilation, pad, WIDTH // out.itemsize
    by_lane = runs.forward(len(X) // groups, *options)
    if by_lane:
        _convolve_by_lane(a, X, X[0].size, mu, relu, by_lane, groups, out)
    else:
        _convolve(a, X, X[0].size, mu, relu, forward(*options), 1, groups, out)


def conv_input_grad(delta, X, stride, dilation, pad, groups, out):
    """out[n,c,h] = the sum over o and all taps with s i + d p - pad = h of delta[n,o,i] X[o,c,p]             (13)"""
    if not (delta.size and out.size):
        out[...] = 0
        return
    sizes = len(X) // groups, X.shape[1], X.shape[2:], out.shape[2:], delta.shape[2:]
    options = *sizes, stride, dilation, pad, WIDTH // out.itemsize
    none = NO_BIAS[out.dtype.char]
    by_lane = runs.backward(X.shape[1], *options)
    if by_lane:
        _convolve_by_lane(delta, X, X[0, 0].size, none, False, by_lane, groups, out)
    else:
        _convolve(delta, X, X[0, 0].size, none, False, backward(*options), stride[2], groups, out)


def conv_max_pool(
    a, X, mu, relu, stride, dilation, pad, groups, positions, size, pool_stride, pool_dilation, pool_pad, out, where
):
    """`conv`, over `positions` places, then `max_pool` of each image while it is in the cache, then ReLU  (10) (14a)"""
    if not out.size:
        return
    options = X.shape[1], X.shape[2:], a.shape[2:], positions, stride, dilation, pad, WIDTH // out.itemsize
    shape, window = (*out.shape[:2], *positions), (size, pool_stride, pool_dilation, pool_pad)
    by_lane = runs.forward(len(X) // groups, *options, pooled=True)
    if by_lane:
        _convolve_by_lane(a, X, X[0].size, mu, relu, by_lane, groups, out, where, shape, window)
        return
    tables = forward(*options, spaced=True)
    _, height, width = tables[0].plane
    steps = (positions[0] * height * width + 2 * LANES) // LANES * LANES, height * width, width
    what, fields, packed = _scratch(a, tables, groups, out)
    images = empty((len(fields), shape[1] * steps[0] + 2 * LANES), out.dtype)
    convolve(a, X, X[0].size, mu, relu, groups, *what, 1, fields, packed, out, where, images, shape, steps, *window)


def _convolve(a, X, X_row, mu, relu, tables, hop, groups, out):
    what, fields, packed = _scratch(a, tables, groups, out)
    size = out[0, 0].size
    last = _NO_PLACES, _NO_IMAGES[out.dtype.char], out.shape, (size, size, size), *_NO_WINDOW
    convolve(a, X, X_row, mu, relu, groups, *what, hop, fields, packed, out, *last)


def _convolve_by_lane(a, X, X_row, mu, relu, tables, groups, out, where=_NO_PLACES, shape=None, window=_NO_WINDOW):
    field, met, tile = tables
    shape = out.shape if shape is None else shape
    across = tile.vectors * WIDTH // out.itemsize
    width = rounded_up(shape[1] // groups, across)
    parts = min(threads(), len(out))
    fields = empty((parts, field.channel * a.shape[1]), out.dtype)
    packed = empty((groups * width * (len(met.taps) + 1),), out.dtype)
    images = empty((parts, width * volume(shape[2:])), out.dtype)
    lengths = ((0,) * count for count in tile)  # tuples: a kernel is compiled for their lengths
    convolve_by_lane(
        a, X, X_row, mu, relu, groups, field.channel, field.copies, *met, *lengths,
        fields, packed, images, out, where, shape, *window,
    )  # fmt: skip


def _scratch(a, tables, groups, out):
    """The tables as kernels take them, a field for each thread, and memory for the filters in the order of use."""
    field, tap_tables = tables
    lanes = WIDTH // out.itemsize
    fields = empty((min(threads(), len(out)), field.channel * a.shape[1] + lanes), out.dtype)  # vectors may reach past
    packed = empty((groups * rounded_up(out.shape[1] // groups, ROWS) * tap_tables.taps.size,), out.dtype)
    return (field.channel, field.copies, tap_tables.taps, tap_tables.for_tile()), fields, packed


def conv_weight_grad(delta, a, stride, dilation, pad, groups, out, accumulate):
    """out[o,c,p] = sum_{n,i} delta[n,o,i] a[n,c, s i + d p - pad]                                            (12)"""
    if not (delta.size and out.size):
        out[...] = out if accumulate else 0
        return
    lanes = WIDTH // out.itemsize
    sizes = out.shape[1], out.shape[2:], a.shape[2:], delta.shape[2:]
    field, tap_tables = forward(*sizes, stride, dilation, pad, lanes)
    row = tuple(tap_tables.in_order[: out.shape[-1]].tolist())
    tile = tile_of(len(out) // groups, out.shape[1], row, delta.shape[-1], lanes)
    if tile:
        width, taps = rounded_up(len(out) // groups, lanes), out[0, 0].size
        image, turned = field.channel * a.shape[1], groups * delta[0, 0].size * width
        chunk, chunks, parts = _chunks(len(a), out.itemsize * (image + turned), out.nbytes)
        scratch = [(parts, chunk, image), (parts, chunk, turned), (chunks, a.shape[1], taps, width)]
        first = np.ascontiguousarray(tap_tables.in_order[: taps : tile.neighbours])
        where = field.plane, field.channel, field.copies, first, *((0,) * size for size in tile)
        sum_by_lane(delta, a, groups, *where, out, accumulate, *(empty(shape, out.dtype) for shape in scratch))
        return
    length = rounded_up(flat([i - 1 for i in delta.shape[2:]], field.plane) + 1, lanes)
    image = field.channel * a.shape[1] + 2 * lanes
    filters = fitting(len(out) // groups, out[0].size)
    rows, taps = rounded_up(len(out) // groups, filters) * groups, rounded_up(out[0].size, TILE // filters)
    spread = rows * length
    chunk, chunks, parts = _chunks(len(a), out.itemsize * (image + spread), out.nbytes)
    sums = (parts, rows * taps * lanes), (chunks, len(out), out[0].size)
    scratch = [(parts, chunk, image), (parts, chunk, spread), *sums]
    where = field.plane, field.channel, field.copies, tap_tables.offsets_for(TAPS), length, filters
    sum_over_images(delta, a, groups, *where, out, accumulate, *(empty(shape, out.dtype) for shape in scratch))


def _chunks(images, size, filters):
    """How many images of `size` bytes a chunk has, how many chunks there are, and how many threads share them.

    Each chunk has sums of its own, which take about as many bytes as the filters.
    """
    chunk = max(1, min(CHUNK, CHUNK_BYTES // size), -(-images // max(CHUNK, SUMS_BYTES // filters)))
    chunks = -(-images // chunk)
    return chunk, chunks, min(threads(), chunks)
