"""Which kernel suits a convolution: with groups the textbook's, else the implicit product of matrices."""

import math

from backprop.kernels.cuda.convolution import textbook as formula
from backprop.kernels.cuda.convolution.geometry import geometry
from backprop.kernels.cuda.convolution.implicit import implicit
from backprop.kernels.cuda.convolution.textbook import textbook
from backprop.kernels.cuda.machine import machine
from backprop.kernels.cuda.product.choice import BLOCKS, MIDDLE, SIMULATED, SMALL, by_tiles

FEW, SOME = (8, 128, 16, 4, 4), (16, 128, 16, 4, 4)  # tiles for at most 8 and 16 rows, which are channels here


def correlate(a, x, mu, relu, options, out):
    """(10), with mu unless it is None, and ReLU"""
    shape = geometry(a.shape, x.shape, out.shape, options)
    if shape.groups > 1:
        textbook(formula.forward, shape).each(out.size, a, x, x if mu is None else mu, relu, mu is not None, out)
        return
    sizes = len(x), len(a) * math.prod(shape.positions), math.prod(x.shape[1:])
    size = size_of(*sizes[:2])
    whole(implicit("forward", shape, size), size, x, a, sizes, out, mu, relu)


def correlate_back(delta, x, options, out):
    """(13)"""
    shape = geometry(out.shape, x.shape, delta.shape, options)
    if shape.groups > 1:
        textbook(formula.to_input, shape).each(out.size, delta, x, out)
        return
    sizes = shape.C, len(out) * math.prod(shape.image), shape.O * math.prod(shape.taps)
    size = size_of(*sizes[:2])
    whole(implicit("to_input", shape, size), size, x, delta, sizes, out, None, False)


def correlate_filters(delta, a, options, out, accumulate):
    """(12)"""
    shape = geometry(a.shape, out.shape, delta.shape, options)
    if shape.groups > 1:
        textbook(formula.to_filters, shape).each(out.size, delta, a, out, accumulate, len(a))
        return
    sizes = len(out), math.prod(out.shape[1:]), len(a) * math.prod(shape.positions)
    size = SIMULATED if machine().simulated else SMALL
    run = implicit("to_filters", shape, size)
    by_tiles(run, size, delta, a, sizes, out, accumulate, None, False, (), ())


def whole(run, size, a, b, sizes, out, mu, relu):
    """Run a kernel of tiles whose sums are not divided into parts: there are enough tiles for all multiprocessors."""
    M, N, K = sizes
    if M and N:
        tiles = -(-N // size[1]) * -(-M // size[0])
        last = mu is not None, relu, False, (), ()
        run(tiles, run.threads, a, b, out if mu is None else mu, out, M, N, K, max(K, 1), *last)


def size_of(rows, columns):
    """A low tile for few rows, which are channels; for more a larger one, if there are enough tiles."""
    if machine().simulated:
        return SIMULATED
    if rows <= 16:
        return FEW if rows <= 8 else SOME
    return MIDDLE if rows > 32 and -(-columns // 64) >= BLOCKS else SMALL
