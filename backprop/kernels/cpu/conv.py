"""Convolution and its two adjoints. How they are computed is a story of its own: `backprop.kernels.cpu.convolution`.

Images are (N, C, D, H, W), of depth D = 1 where they are flat, filters (O, C/groups, R, P, Q). Group g of the filters
sees only group g of the channels.
"""

import numpy as np

from backprop.kernels.buffers import empty
from backprop.kernels.cpu.convolution.correlate import LANES, VECTORS, convolve
from backprop.kernels.cpu.convolution.field import flat
from backprop.kernels.cpu.convolution.filters import TOGETHER, fitting, sum_over_images
from backprop.kernels.cpu.convolution.filters_by_lane import suits_lanes, sum_by_lane
from backprop.kernels.cpu.convolution.meetings import backward, forward
from backprop.kernels.cpu.jit import threads
from backprop.kernels.cpu.product.threads import NO_BIAS
from backprop.kernels.cpu.product.tile import ROWS
from backprop.kernels.cpu.simd import WIDTH

CHUNK, CHUNK_BYTES = 8, 1 << 20  # images whose filter gradients are summed at a time, if they fit a core's second cache
_NO_PLACES, _NO_IMAGES = np.empty((0,) * 5, np.int64), {char: np.empty((0, 0), char) for char in "fd"}
_NO_WINDOW = ((0, 0, 0),) * 4


def conv(a, x, mu, relu, stride, dilation, pad, groups, out):
    """out[n,o,i] = mu[o] + sum_{c,p} x[o,c,p] a[n,c, s i + d p - pad], without mu where it is empty          (10)

    `relu` makes negative numbers 0                                                                          (3)
    """
    if out.size:
        sizes = x.shape[1], x.shape[2:], a.shape[2:], out.shape[2:]
        tables = forward(*sizes, stride, dilation, pad, WIDTH // out.itemsize, VECTORS)
        _convolve(a, x, x[0].size, mu, relu, tables, 1, groups, out)


def conv_input_grad(delta, x, stride, dilation, pad, groups, out):
    """out[n,c,h] = the sum over o and all taps with s i + d p - pad = h of delta[n,o,i] x[o,c,p]             (13)"""
    if out.size:
        sizes = len(x) // groups, x.shape[1], x.shape[2:], out.shape[2:], delta.shape[2:]
        tables = backward(*sizes, stride, dilation, pad, WIDTH // out.itemsize, VECTORS)
        _convolve(delta, x, x[0, 0].size, NO_BIAS[out.dtype.char], False, tables, stride[2], groups, out)


def conv_max_pool(
    a, x, mu, relu, stride, dilation, pad, groups, positions, size, pool_stride, pool_dilation, pool_pad, out, where
):
    """`conv`, over `positions` places, then `max_pool` of each image while it is in the cache, then ReLU  (10) (14)"""
    if out.size:
        sizes = x.shape[1], x.shape[2:], a.shape[2:], positions
        tables = forward(*sizes, stride, dilation, pad, WIDTH // out.itemsize, VECTORS, spaced=True)
        (_, height, width), shape = tables[0].plane, (*out.shape[:2], *positions)
        steps = (positions[0] * height * width + 2 * LANES) // LANES * LANES, height * width, width
        what, fields, packed = _scratch(a, tables, groups, out)
        images = empty((len(fields), shape[1] * steps[0] + 2 * LANES), out.dtype)
        window = size, pool_stride, pool_dilation, pool_pad
        convolve(a, x, x[0].size, mu, relu, groups, *what, 1, fields, packed, out, where, images, shape, steps, *window)


def _convolve(a, x, x_row, mu, relu, tables, hop, groups, out):
    what, fields, packed = _scratch(a, tables, groups, out)
    size = out[0, 0].size
    last = _NO_PLACES, _NO_IMAGES[out.dtype.char], out.shape, (size, size, size), *_NO_WINDOW
    convolve(a, x, x_row, mu, relu, groups, *what, hop, fields, packed, out, *last)


def _scratch(a, tables, groups, out):
    """The tables as kernels take them, a field for each thread, and memory for the filters in the order of use."""
    field, meetings = tables
    lanes = WIDTH // out.itemsize
    fields = empty((min(threads(), len(out)), field.channel * a.shape[1] + lanes), out.dtype)  # vectors may reach past
    tiles = -(-(out.shape[1] // groups) // ROWS)
    packed = empty((groups * tiles * ROWS * meetings.taps.size,), out.dtype)
    return (field.channel, field.copies, meetings.taps, meetings.for_tile()), fields, packed


def conv_weight_grad(delta, a, stride, dilation, pad, groups, out, accumulate):
    """out[o,c,p] = sum_{n,i} delta[n,o,i] a[n,c, s i + d p - pad]                                            (12)"""
    if not delta.size:
        out[...] = out if accumulate else 0
        return
    lanes = WIDTH // out.itemsize
    sizes = out.shape[1], out.shape[2:], a.shape[2:], delta.shape[2:]
    field, meetings = forward(*sizes, stride, dilation, pad, lanes, VECTORS)
    if suits_lanes(out.shape, groups, lanes):
        width, taps = -(-(len(out) // groups) // lanes) * lanes, out[0, 0].size
        image, turned = field.channel * a.shape[1], groups * delta[0, 0].size * width
        chunk, chunks, parts = _chunks(len(a), out.itemsize * (image + turned))
        scratch = [(parts, chunk, image), (parts, chunk, turned), (chunks, a.shape[1], taps, width)]
        where = field.plane, field.channel, field.copies, meetings.offsets
        sum_by_lane(delta, a, groups, *where, out, accumulate, *(empty(shape, out.dtype) for shape in scratch))
        return
    length = -(-(flat([i - 1 for i in delta.shape[2:]], field.plane) + 1) // lanes) * lanes
    image = field.channel * a.shape[1] + 2 * lanes
    filters = fitting(len(out) // groups, out[0].size)
    spread = -(-(len(out) // groups) // filters) * filters * groups * length
    chunk, chunks, parts = _chunks(len(a), out.itemsize * (image + spread))
    scratch = [(parts, chunk, image), (parts, chunk, spread), (chunks, len(out), out[0].size)]
    where = field.plane, field.channel, field.copies, meetings.offsets_for(TOGETHER), length, filters
    sum_over_images(delta, a, groups, *where, out, accumulate, *(empty(shape, out.dtype) for shape in scratch))


def _chunks(images, size):
    """How many images of `size` bytes a chunk has, how many chunks there are, and how many threads share them."""
    chunk = max(1, min(CHUNK, CHUNK_BYTES // size))
    chunks = -(-images // chunk)
    return chunk, chunks, min(threads(), chunks)
