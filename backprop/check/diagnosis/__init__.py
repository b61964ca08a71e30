"""The diagnosis: what the mistake in a backward looks like, from its numbers alone.

A wrong gradient is compared with what each well-known mistake would have made of the right one. The right one, and all
that imitating a mistake requires, is computed from forward: the slope of every output by every entry. Nothing is
guessed: a mistake is named if every entry agrees with it to six digits; otherwise it is called unknown.

    case.py      one wrong array, and the right one, from forward alone
    kinds.py     mistakes that any layer can have: a sign, a factor, an axis, delta
    sums.py      what should have been added up and was not
    sigma.py     mistakes in sigma' of an activation
    windows.py   mistakes in convolutions and pooling: a flipped filter, padding and stride
"""

import time
import warnings

import numpy as np

from backprop.check.diagnosis import kinds, sigma, sums, windows
from backprop.check.diagnosis.case import Case, Diagnosis, TookTooLong

MOST_ENTRIES, MOST_SLOPES = 1000, 1 << 20  # of one array, and of it times the output
SECONDS = 10.0  # that the diagnosis of one report may take

TOO_LARGE = Diagnosis("too large", "too large to tell what the mistake looks like; check a smaller layer of its kind")
TOO_SLOW = Diagnosis("too large", "it takes too long to tell what the mistake looks like; check a smaller layer")
NO_ARRAY = Diagnosis("no array", "backward does not return an array of floats; its last line should return delta_a")
NOT_FINITE = Diagnosis("not finite", "backward gives NaN or infinity")
UNKNOWN = Diagnosis("unknown", "the mistake is not of a kind that is known here")

SUSPECTS = (  # the most informative first
    kinds.alike_everywhere,
    sigma.suspects,
    kinds.transposed,
    windows.flipped,
    kinds.delta_permuted,
    sums.not_summed,
    sums.overwritten,
    windows.moved,
    windows.options,
    kinds.entries,
    kinds.some_rows,
)


def diagnose(subject, path, found, twice, deadline=None):
    """The Diagnosis of the array at `path`, for which backward gave `found` in one pass and `twice` in two.

    The first of SUSPECTS that fits is reported. `found` may have another shape than the array. `deadline` is a time of
    time.monotonic(), SECONDS from now unless it is given.
    """
    theta = subject.arrays()[path]
    if theta.size > MOST_ENTRIES or theta.size * np.size(subject.probe) > MOST_SLOPES:
        return TOO_LARGE
    if found.dtype.kind not in "fc":
        return NO_ARRAY
    if not np.isfinite(found).all():
        return NOT_FINITE
    deadline = time.monotonic() + SECONDS if deadline is None else deadline
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case = Case(subject, path, found, deadline)
            diagnosis = _first_that_fits(case, twice)
            return diagnosis if diagnosis is not UNKNOWN else _shown(case)
    except TookTooLong:
        return TOO_SLOW
    except Exception:  # forward is a user's code, called here in ways that it may not support
        return UNKNOWN


def _shown(case):
    """For an unknown mistake, at least numbers: the first 2 x 3 of the gradient, and of the right one."""
    corners = [array[(0,) * max(array.ndim - 2, 0)][..., :3][:2] for array in (case.found, case.right)]
    numbers = [np.array2string(corner, precision=4, separator=", ").replace("\n", "") for corner in corners]
    return UNKNOWN._replace(words=f"{UNKNOWN.words}; it begins with {numbers[0]}, the right one with {numbers[1]}")


def _first_that_fits(case, twice):
    if not np.isfinite(case.slopes).all() or not case.delta.size:
        return UNKNOWN
    if case.alike(case.found, case.right):
        overwrites = not case.is_input and case.alike(twice, case.found)
        return sums.BETWEEN_PASSES if overwrites else UNKNOWN
    for suspects in SUSPECTS if case.found.shape == case.theta.shape else (kinds.misshapen,):
        try:
            for diagnosis, would_be in suspects(case):
                if case.alike(case.found, would_be) and not case.alike(case.right, would_be):
                    return diagnosis
        except TookTooLong:
            raise
        except Exception:  # this kind of mistake cannot be imitated on this layer
            continue
    return UNKNOWN
