"""What should have been added up, over samples, places or passes, and was not."""

import numpy as np

from backprop.check.diagnosis.case import Diagnosis

BETWEEN_PASSES = Diagnosis(
    "overwritten", "overwritten instead of accumulated: a second backward must add to the gradient"
)


def not_summed(case):
    """A parameter's gradient counts only one sample or place, not all of them."""
    shape = case.delta.shape
    moved = (case.slopes != 0).reshape(*shape, -1)
    for axis, length in enumerate(() if case.is_input else shape):
        others = tuple(k for k in range(len(shape)) if k != axis)
        if not (moved.any(axis=others).sum(axis=0) > 1).any():
            continue  # no entry is used at two places along this axis: there is nothing to sum
        for index in (0, length - 1):
            alone = np.zeros_like(case.delta)
            at = (slice(None),) * axis + (index,)
            alone[at] = case.delta[at]
            words = f"axis {axis} is not summed: only delta at index {index} of {length} counts"
            if axis == 0 and case.delta.ndim > 1 and not hasattr(case.subject.module, "batch_first"):
                words = f"the batch axis is not summed: only sample {index} of {length} counts"
            yield Diagnosis("axis not summed", words), case.pulled(alone)


def overwritten(case):
    """Of all the places where an entry is used, only one counts: the last, or the first, of a loop."""
    for channels in {1, case.delta.ndim - 1} if case.delta.ndim > 1 else ():  # one statement sums over these
        shares = (case.slopes * case.delta.reshape(-1, 1)).reshape(*case.delta.shape, -1)
        shares = np.moveaxis(shares, channels, 0)
        shares = shares.reshape(len(shares), -1, case.theta.size)  # (channels, places, entries)
        met, sums = (shares != 0).any(axis=0), shares.sum(axis=0)
        for name, order in (("last", -1), ("first", 1)):
            place = met[::order].argmax(axis=0)
            chosen = np.take_along_axis(sums[::order], place[None], axis=0)
            words = f"overwritten instead of accumulated: of all places where an entry is used, only the {name} counts"
            yield Diagnosis("overwritten", words), chosen.reshape(case.right.shape)
