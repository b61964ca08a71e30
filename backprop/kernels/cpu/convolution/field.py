"""The field of an image: how it is laid out in scratch memory while it is convolved.

Its padding with zeros is included. With stride s, every s-th row and column goes into a plane of its own, s x s planes
for each channel. Then what tap (p,q) reads at the output positions (i,j) is at

    offset[p,q] + i width + j      with the width of a plane

for any stride and dilation: neighbouring outputs read neighbours in memory, as registers require.
"""

from typing import NamedTuple

import numpy as np

from backprop.kernels.cpu.jit import inner
from backprop.kernels.cpu.rows import copy_row


class Field(NamedTuple):
    """Sizes of a field, and where an image is copied to.

    plane      depth, height and width of a plane
    channel    numbers in all planes of a channel
    copies     (rows, 4)  what is copied of a channel, rows of the image or every s-th number of one: where it begins in
               the image, where in the field, how many numbers, how far apart in the image
    """

    plane: tuple
    channel: int
    copies: np.ndarray


def field_of(image, plane, stride, pad):
    """The Field of images of size `image`, with `pad` zeros in front, in planes of size `plane`."""
    copies = []
    for z, y in np.ndindex(image[0], image[1]):
        (deep, z_phase), (high, y_phase) = divmod(z + pad[0], stride[0]), divmod(y + pad[1], stride[1])
        for x_phase in range(stride[2]):
            x = (x_phase - pad[2]) % stride[2]
            wide = (x + pad[2]) // stride[2]
            count = min((image[2] - 1 - x) // stride[2] + 1, plane[2] - wide)
            if deep < plane[0] and high < plane[1] and count > 0:  # else no output position reaches so far
                which = flat((z_phase, y_phase, x_phase), stride)
                to = which * volume(plane) + flat((deep, high, wide), plane)
                copies.append((flat((z, y, x), image), to, count, stride[2]))
    copies = np.array(copies, np.int64).reshape(-1, 4)
    return Field(tuple(plane), volume(stride) * volume(plane), copies)


def volume(sizes):
    """The product of sizes."""
    return int(np.prod(sizes))


def rounded_up(count, size):
    """The smallest multiple of `size` that is at least `count`."""
    return -(-count // size) * size


def flat(at, sizes):
    """The flat index of a place in an array of these sizes."""
    return (at[0] * sizes[1] + at[1]) * sizes[2] + at[2]


@inner
def fill(a, i, image, channels, copies, field, f, channel):
    """Copy an image, `channels` times `image` numbers of a from i on, into its field, from f on."""
    for c in range(channels):
        for row in range(copies.shape[0]):
            begin, o = i + c * image + copies[row, 0], f + c * channel + copies[row, 1]
            count, step = copies[row, 2], copies[row, 3]
            if step == 1:
                copy_row(a, begin, field, o, count)
            else:
                for n in range(count):
                    field[o + n] = a[begin + n * step]
