"""Images moved a little and mirrored, another way in each epoch: what is in them stays what it is, so a network sees
more images than there are.

What becomes of an image follows from a seed, the epoch and the image's number alone. So a run that is resumed sees the
same images, in whatever batches they come.
"""

import numpy as np

from backprop.kernels.reference.dropout import uniform
from backprop.module.shard import mix


def augmented(images, numbers, shift, flip, seed, epoch):
    """Images (K, ..., H, W) whose numbers in the data set are `numbers` (K,): moved by up to `shift` pixels each way,
    zeros fill the uncovered edge, and half of them mirrored left to right if `flip`.
    """
    key = np.array([mix(seed ^ mix(epoch))], np.uint64)
    drawn = uniform(key, 3 * np.asarray(numbers, np.uint64)[:, None] + np.arange(3, dtype=np.uint64))
    moves = np.floor(drawn[:, :2] * (2 * shift + 1)).astype(int).tolist()
    padded = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(shift, shift)] * 2)
    height, width = images.shape[-2:]
    out = np.empty_like(images)
    for k, (down, right) in enumerate(moves):
        moved = padded[k, ..., down : down + height, right : right + width]
        out[k] = moved[..., ::-1] if flip and drawn[k, 2] < 0.5 else moved
    return out
