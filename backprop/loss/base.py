"""Losses turn an output into one number, and start the backward pass: their backward gives the first delta."""

import numpy as np

from backprop import functional as F
from backprop.errors import DTypeError, ShapeError
from backprop.functional.loss import REDUCTIONS, expect_reduction
from backprop.kernels.device import is_array
from backprop.module import Buffer, Module


def kept_weight(weight):
    """Weights that a loss was given, as an array that changes type with it, or None; a list becomes float32."""
    return None if weight is None else Buffer(weight if is_array(weight) else np.float32(weight))


class Loss(Module):
    """The base of losses: a Module of two inputs, the output and the target.

    `loss(a, b)` is L: a Python number for reduction 'mean' and 'sum', an array of one loss per term for 'none'.
    `loss.backward(delta=1)` is dL/da, times delta; for 'none' delta is an array of one number per term.

    Options are keyword-only: PyTorch's order differs from loss to loss. A subclass's backward multiplies each of its
    E terms by `self.scale(delta, E)`: delta / E for a mean, delta for a sum, and for 'none' delta as it is, an array of
    one number per term.
    """

    analytic = True

    reductions = REDUCTIONS

    def __init__(self, *, reduction="mean"):
        expect_reduction(reduction, self.reductions)
        self.reduction = reduction

    def expect_delta(self, delta=1):
        if self.reduction == "none":
            if not is_array(delta):
                raise ShapeError("reduction 'none' gives one loss per term, so backward expects a delta of that shape")
            return super().expect_delta(delta)
        if np.shape(delta) != ():
            raise ShapeError(
                f"reduction {self.reduction!r} gives one number; backward expects one, got {np.shape(delta)}"
            )
        if not isinstance(delta, (int, float, np.integer, np.floating, np.ndarray)):
            raise DTypeError(f"backward expects a real number, got {type(delta).__name__}; use float(x)")
        return float(delta)

    def scale(self, delta, terms):
        """What each of `terms` terms of the sum is multiplied by. A mean over none is NaN, with slope 0."""
        if self.reduction in ("mean", "batchmean"):
            return delta / terms if terms else 0.0
        return delta

    def terms(self):
        """What the mean of the last call divided by: the number of terms, or the sum of their weights; None if unknown.

        L * terms can be summed over the batches of a data set, however it is split.
        """

    def count_correct(self, scores, y):
        """(right, answers) of a batch: how many answers are right, of how many; (NaN, 0) where that is undefined."""
        return F.count_correct(scores, y)

    def extra_repr(self):
        return f"reduction={self.reduction!r}"
