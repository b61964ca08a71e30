"""Small convolutions and poolings: strides, dilations, margins, groups and one to three axes."""


def positions(image, taps, stride, dilation, pad):
    """How many windows fit on each axis, with the same margin on both sides."""
    return tuple(
        (size + 2 * p - d * (t - 1) - 1) // s + 1
        for size, t, s, d, p in zip(image, taps, stride, dilation, pad, strict=True)
    )


ONE = (1, 1, 1)
# images, channels, filters, image, taps, stride, dilation, pad, groups
CONVOLUTIONS = [
    (2, 1, 2, (1, 4, 5), (1, 3, 3), ONE, ONE, (0, 1, 1), 1),
    (1, 2, 3, (1, 1, 6), (1, 1, 3), (1, 1, 2), ONE, (0, 0, 1), 1),
    (2, 2, 1, (1, 5, 4), (1, 2, 2), (1, 2, 1), (1, 2, 1), (0, 0, 1), 1),
    (1, 4, 2, (1, 3, 3), (1, 2, 2), ONE, ONE, (0, 0, 0), 2),
    (1, 1, 2, (2, 3, 3), (2, 2, 1), ONE, ONE, (1, 0, 0), 1),
]
# images, channels, image, window, stride, dilation, pad
POOLS = [
    (2, 1, (1, 4, 4), (1, 2, 2), (1, 2, 2), ONE, (0, 0, 0)),
    (1, 2, (1, 4, 5), (1, 3, 3), ONE, ONE, (0, 1, 1)),
    (1, 1, (2, 3, 3), (2, 2, 1), ONE, (1, 2, 1), (0, 0, 0)),
]
