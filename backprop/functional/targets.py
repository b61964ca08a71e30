"""Targets of a classification: integer labels, or probabilities of the scores' shape. Anything else is refused here."""

import math

import numpy as np

from backprop import kernels
from backprop.errors import LabelError, ShapeError
from backprop.functional.arrays import copied
from backprop.functional.shapes import as_int64, contiguous, first_found, flat, split_at
from backprop.kernels.device import is_array, to_host

IGNORE = -100  # the label that PyTorch skips by default
TOLERANCE = 1e-4  # how far the sum of a sample's probabilities may be from 1: float32 rounding over many classes


def class_axis(z):
    """The axis of the classes in scores z: 1, or 0 for the scores (C,) of a single sample."""
    if z.ndim == 0:
        raise ShapeError("expects scores (C,) or (N, C, ...), got ()")
    return 0 if z.ndim == 1 else 1


def sample_shape(z):
    """The shape of z without its class axis: one entry per sample."""
    axis = class_axis(z)
    return z.shape[:axis] + z.shape[axis + 1 :]


def samples(array, axis):
    """One value per sample, (N, ...) -> (B, D), arranged as `split_at` arranges the scores."""
    before = math.prod(array.shape[:axis])
    return contiguous(array).reshape(before, math.prod(array.shape[axis:]))


def is_labels(y):
    """Whether targets are class labels; otherwise they are probabilities."""
    return y.dtype.kind in "iu"


class Checked(np.ndarray):
    """Labels that have been checked, in memory of their own, so that they stay as they are; `used` of them count."""

    classes = ignore_index = used = None


def kept_targets(z, y, ignore_index=IGNORE):
    """The same as `checked_targets`, to be given to it again: labels are then not looked at once more."""
    y = checked_targets(z, y, ignore_index)
    if not isinstance(y, np.ndarray) or not is_labels(y):
        return y
    kept = copied(y).view(Checked)
    kept.classes, kept.ignore_index = z.shape[class_axis(z)], ignore_index
    if kernels.recorder.get() is None:  # a recorded step has other labels each time
        kept.used = int(np.count_nonzero(kept != ignore_index))
    return kept


def checked_targets(z, y, ignore_index=IGNORE):
    """y as the kernels may use it for scores z (N, C, ...): int64 labels (N, ...), or probabilities of z's shape.

    Raises ShapeError for another number of labels, and LabelError, naming the first bad index, for a label that is
    neither in [0, C) nor `ignore_index`, for floats that are not probabilities, and for any other type.
    """
    y = y if is_array(y) else np.asarray(y)
    kernels.expect_beside(y, z)
    wanted = sample_shape(z)
    if type(y) is Checked and (y.classes, y.ignore_index, y.shape) == (z.shape[class_axis(z)], ignore_index, wanted):
        return y
    if is_labels(y):
        expect_shape_of_labels(z, y)
        given, y = y, as_int64(y)
        bad = first_found(kernels.of(z), "first_bad_label", flat(y), z.shape[class_axis(z)], ignore_index)
        _refuse_at(bad, z, given)
    elif y.dtype.kind in "fc" and y.shape == z.shape:
        kernels.of(y, z)
        _refuse_at(first_found(kernels.of(z), "first_bad_probability", split_at(y, class_axis(z)), TOLERANCE), z, y)
    else:
        cure = "; use y.astype(np.int64)" if y.shape == wanted and y.dtype.kind in "fcb" else ""
        if y.dtype.kind in "USO":
            numbers = y.dtype == object and all(isinstance(label, (int, np.integer)) for label in y.flat)
            cure = "; use y.astype(np.int64)" if numbers else "; use np.unique(y, return_inverse=True)[1]"
        raise LabelError(
            f"scores of shape {z.shape} need integer labels of shape {wanted} or probabilities of shape {z.shape}, "
            f"got {y.dtype} of shape {y.shape}{cure}"
        )
    return y


def expect_shape_of_labels(z, y):
    """Raise ShapeError unless there is one label for each sample, or each position, of scores z (N, C, ...)."""
    wanted = sample_shape(z)
    if y.shape == wanted:
        return
    cure = "; use y[:, 0]" if y.ndim == 2 and y.shape[1] == 1 and len(wanted) == 1 else ""
    if y.shape == z.shape and not cure:
        cure = f"; for one-hot vectors use y.argmax({class_axis(z)})"
    raise ShapeError(f"scores of shape {z.shape} need labels of shape {wanted}, got {y.shape}{cure}")


def label_cure(y, classes):
    """The likely fix for labels of which some are outside [0, classes)."""
    y = to_host(y)
    if y.min() > 0 and y.max() - y.min() < classes:
        return f"; they begin at {y.min()}: use y - {y.min()}"
    return "; to skip such labels use ignore_index=-1" if y.min() == -1 else ""


def _refuse_at(flat_index, z, y):
    if flat_index < 0:
        return
    index = tuple(map(int, np.unravel_index(flat_index, sample_shape(z)))) if z.ndim > 1 else ()
    axis = class_axis(z)
    if is_labels(y):
        wanted, got, cure = f"labels in [0, {z.shape[axis]})", to_host(y)[index], label_cure(y, z.shape[axis])
    else:
        wanted, got = "probabilities, >= 0 with sum 1", to_host(y)[index[:axis] + (slice(None),) + index[axis:]]
        cure = ""
    raise LabelError(f"expects {wanted}, got {got} at index {index[0] if len(index) == 1 else index}{cure}")
