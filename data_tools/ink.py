"""Ink on a sheet, made into an image as MNIST's were: scaled into 20 x 20 pixels, centred by its weight in 28 x 28.

After "Gradient-based learning applied to document recognition" (LeCun et al., 1998), section III A.
"""

import numpy as np

SIZE, BOX = 28, 20


def as_mnist(ink):
    """uint8 (1, 28, 28) from ink (H, W), uint8, 0 none to 255 full. No ink gives an empty image.

    >>> ink = np.zeros((100, 100), np.uint8)
    >>> ink[10:90, 60:70] = 255  # a stroke, 80 high
    >>> image = as_mnist(ink)[0]
    >>> [np.flatnonzero(image.any(axis=axis))[[0, -1]].tolist() for axis in (1, 0)]  # 20 high, 2 wide, in the middle
    [[4, 23], [13, 14]]
    """
    from PIL import Image

    image = np.zeros((SIZE, SIZE), np.uint8)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return image[None]
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(BOX * side / max(cut.shape))) for side in cut.shape)
    small = np.asarray(Image.fromarray(cut).resize((width, height), Image.Resampling.BOX), np.float64)
    weight = small.sum()
    if not weight:  # too little to be seen
        return image[None]
    top, left = (
        int(np.clip(round(SIZE / 2 - (small.sum(axis=1 - axis) @ (np.arange(side) + 0.5)) / weight), 0, SIZE - side))
        for axis, side in enumerate(small.shape)
    )
    image[top : top + height, left : left + width] = np.round(small)
    return image[None]
