"""Convolution and its two adjoints. How they are computed is explained in `backprop.kernels.cpu.convolution`.

Images are (N, C, D, H, W), with depth D = 1 if they are flat, filters (O, C/groups, R, P, Q). Group g of the filters
reads only group g of the channels.
"""

import numpy as np

from backprop.kernels.cpu.convolution import filters_by_lane, runs
from backprop.kernels.cpu.convolution.correlate import convolve, pack_groups
from backprop.kernels.cpu.convolution.correlate_by_lane import convolve_by_lane, pack_filters
from backprop.kernels.cpu.convolution.field import flat, rounded_up, volume
from backprop.kernels.cpu.convolution.filters import TAPS, TILE, add_chunks, fitting, sum_over_images
from backprop.kernels.cpu.convolution.filters_by_lane import tile_of
from backprop.kernels.cpu.convolution.tap_tables import backward, forward
from backprop.kernels.cpu.pointwise import fill
from backprop.kernels.cpu.product.threads import NO_BIAS
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import LANES, WIDTH
from backprop.kernels.cpu.team.calls import scratch
from backprop.kernels.cpu.team.members import MOST

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
        fill(0.0, out.reshape(out.size))
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
    what = _packed(a, X, X[0].size, tables, groups, out)
    images = scratch((MOST, shape[1] * steps[0] + 2 * LANES), out.dtype)
    convolve(a, mu, relu, groups, *what, 1, out, where, images, shape, steps, *window)


def _convolve(a, X, X_row, mu, relu, tables, hop, groups, out):
    what, size = _packed(a, X, X_row, tables, groups, out), out[0, 0].size
    last = _NO_PLACES, _NO_IMAGES[out.dtype.char], out.shape, (size, size, size), *_NO_WINDOW
    convolve(a, mu, relu, groups, *what, hop, out, *last)


def _convolve_by_lane(a, X, X_row, mu, relu, tables, groups, out, where=_NO_PLACES, shape=None, window=_NO_WINDOW):
    field, met, tile = tables
    shape = out.shape if shape is None else shape
    across, outputs = tile.vectors * WIDTH // out.itemsize, shape[1] // groups
    width = rounded_up(outputs, across)
    packed = scratch((groups * width * (len(met.taps) + 1),), out.dtype)
    pack_filters(X, X_row, mu, groups, outputs, met.taps, across, packed)
    fields = scratch((MOST, field.channel * a.shape[1]), out.dtype)
    images = scratch((MOST, width * volume(shape[2:])), out.dtype)
    neighbours = (0,) * tile.neighbours  # a kernel is compiled for the length of this tuple
    convolve_by_lane(
        a, relu, groups, field.channel, field.copies, *met, tile.length, tile.vectors, neighbours, fields, packed,
        images, out, where, shape, *window,
    )  # fmt: skip


def _packed(a, X, X_row, tables, groups, out):
    """The filters in the order of use, the tables as kernels take them, and a field for each thread."""
    field, tap_tables = tables
    lanes, outputs = WIDTH // out.itemsize, out.shape[1] // groups
    packed = scratch((groups * rounded_up(outputs, ROWS) * tap_tables.taps.size,), out.dtype)
    pack_groups(X, X_row, groups, outputs, tap_tables.taps, packed)
    fields = scratch((MOST, field.channel * a.shape[1] + lanes), out.dtype)  # vectors may reach past
    return packed, field.channel, field.copies, tap_tables.for_tile(), fields


def conv_weight_grad(delta, a, stride, dilation, pad, groups, out, accumulate):
    """out[o,c,p] = sum_{n,i} delta[n,o,i] a[n,c, s i + d p - pad]                                            (12)"""
    if not (delta.size and out.size):
        if not accumulate:
            fill(0.0, out.reshape(out.size))
        return
    lanes = WIDTH // out.itemsize
    sizes = out.shape[1], out.shape[2:], a.shape[2:], delta.shape[2:]
    field, tap_tables = forward(*sizes, stride, dilation, pad, lanes)
    row = tuple(tap_tables.in_order[: out.shape[-1]].tolist())
    tile = tile_of(len(out) // groups, out.shape[1], row, lanes)
    if tile:
        width, taps = rounded_up(len(out) // groups, lanes), out[0, 0].size
        image, turned = field.channel * a.shape[1], groups * delta[0, 0].size * width
        chunk, chunks = _chunks(len(a), out.itemsize * (image + turned), out.nbytes)
        sizes = (MOST, chunk, image), (MOST, chunk, turned), (chunks, a.shape[1], taps, width)
        fields, deltas, sums = (scratch(shape, out.dtype) for shape in sizes)
        first = np.ascontiguousarray(tap_tables.in_order[: taps : tile.neighbours])
        where = field.plane, field.channel, field.copies, first, tile.rows, (0,) * tile.neighbours
        filters_by_lane.sum_by_lane(delta, a, groups, *where, fields, deltas, sums)
        filters_by_lane.add_chunks(sums, len(out) // groups, out, accumulate)
        return
    length = rounded_up(flat([i - 1 for i in delta.shape[2:]], field.plane) + 1, lanes)
    image = field.channel * a.shape[1] + 2 * lanes
    filters = fitting(len(out) // groups, out[0].size)
    rows, taps = rounded_up(len(out) // groups, filters) * groups, rounded_up(out[0].size, TILE // filters)
    chunk, chunks = _chunks(len(a), out.itemsize * (image + rows * length), out.nbytes)
    sizes = (MOST, chunk, image), (MOST, chunk, rows * length), (MOST, rows * taps * lanes)
    fields, deltas, partials = (scratch(shape, out.dtype) for shape in sizes)
    sums = scratch((chunks, len(out), out[0].size), out.dtype)
    where = field.plane, field.channel, field.copies, tap_tables.offsets_for(TAPS), length, filters
    sum_over_images(delta, a, groups, *where, fields, deltas, partials, sums)
    add_chunks(sums, out, accumulate)


def _chunks(images, size, filters):
    """How many images of `size` bytes a chunk has, and how many chunks there are.

    Each chunk has sums of its own, which take about as many bytes as the filters.
    """
    chunk = max(1, min(CHUNK, CHUNK_BYTES // size), -(-images // max(CHUNK, SUMS_BYTES // filters)))
    return chunk, -(-images // chunk)
