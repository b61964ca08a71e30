"""The diagnosis: what the mistake in a backward looks like, from its numbers alone.

A wrong gradient is compared with what each well-known mistake would have made of the right one. The right one, and all
that the mistakes need, come from forward: the slope of every output by every entry. Nothing is guessed: a mistake is
named where every entry agrees with it to six digits, and else it is called unknown.

    case.py      one wrong array, and what forward tells about it
    kinds.py     mistakes that any layer can have: a sign, a factor, an axis, delta
    sums.py      what should have been added up and was not
    sigma.py     those of sigma' in an activation
    windows.py   those of convolutions and pooling: a flipped filter, padding and stride
"""

import numpy as np

from backprop.diagnosis import kinds, sigma, sums, windows
from backprop.diagnosis.case import Case, Diagnosis

MOST_ENTRIES, MOST_SLOPES = 1000, 1 << 20  # of one array, and of it times the output: more would take minutes

TOO_LARGE = Diagnosis("too large", "too large to tell what the mistake looks like; check a smaller layer of its kind")
NO_ARRAY = Diagnosis("no array", "backward returns no array of floats; the last line of it should return delta_a")
NOT_FINITE = Diagnosis("not finite", "backward gives NaN or infinity")
UNKNOWN = Diagnosis("unknown", "the mistake is of no kind that is known here")

SUSPECTS = (  # in the order of how much they say
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
)


def diagnose(trial, path, found, twice):
    """The Diagnosis of the array at `path`, for which backward gave `found` in one pass and `twice` in two.

    The first of SUSPECTS that fits is told. `found` may have another shape than the array.
    """
    theta = trial.arrays()[path]
    if theta.size > MOST_ENTRIES or theta.size * np.size(trial.probe) > MOST_SLOPES:
        return TOO_LARGE
    if found.dtype.kind not in "fc":
        return NO_ARRAY
    if not np.isfinite(found).all():
        return NOT_FINITE
    case = Case(trial, path, found)
    if case.alike(found, case.right):
        overwrites = not case.is_input and case.alike(twice, found)
        return sums.BETWEEN_PASSES if overwrites else UNKNOWN
    for suspects in SUSPECTS if found.shape == theta.shape else (kinds.misshapen,):
        for diagnosis, would_be in suspects(case):
            if case.alike(found, would_be) and not case.alike(case.right, would_be):
                return diagnosis
    return UNKNOWN
