"""Derivatives without a backward pass: from values of the function alone. backward is checked against them.

    (19)  dL/dtheta = (L(theta + h e) - L(theta - h e)) / (2 h)      central: loses digits to cancellation as h shrinks
    (20)  dL/dtheta = Im L(theta + i h e) / h                        complex step: subtracts nothing, so h may be 1e-30

e is the unit vector of one entry. SciPy's differences are (19) with more points, so that their error falls with h^8.
"""

import numpy as np

FIRST_STEP = 0.01  # relative to the entry, or absolute below 1: small against the distance that inputs keep from kinks
SETTLED = 1e-11  # two estimates this close, relative to the terms of L, are as good as round-off allows
COMPLEX_STEP = 1e-30


def central(loss, theta, entries, scale):
    """dL/d(theta.flat[k]) for each k of `entries`, and an estimate of each one's error.          (19)

    `loss()` computes L, a sum of terms of size `scale` in all, from the current values of `theta`, which are changed
    in place and restored. h is halved until the result settles.
    """
    return _differences(loss, theta, entries, scale, direction=0)


def one_sided(loss, theta, entry, direction, scale):
    """(derivative, error estimate) at one entry from the right (direction 1) or from the left (-1) only."""
    derivative, error = _differences(loss, theta, np.array([entry]), scale, direction)
    return derivative[0], error[0]


def complex_step(loss, theta, entries):
    """dL/d(theta.flat[k]) for each k of `entries`, exact to rounding, where L is analytic.         (20)

    `theta` is complex and `loss()` computes a complex L from it.
    """
    flat, derivatives = theta.reshape(-1), np.empty(len(entries))
    for k, entry in enumerate(entries):
        kept = flat[entry]
        flat[entry] = kept + 1j * COMPLEX_STEP
        derivatives[k] = np.imag(loss()) / COMPLEX_STEP  # (20)
        flat[entry] = kept
    return derivatives


def _differences(loss, theta, entries, scale, direction):
    from scipy.differentiate import derivative

    flat = theta.reshape(-1)

    def values(points, index):
        """SciPy asks for many points at once; each is one entry of theta moved, and one L."""
        result, index = np.empty(points.shape), np.broadcast_to(index, points.shape)
        for at in np.ndindex(points.shape):
            entry = int(index[at])
            kept, flat[entry] = flat[entry], points[at]
            result[at] = loss()
            flat[entry] = kept
        return result

    start = flat[entries]
    found = derivative(
        values,
        start,
        args=(np.asarray(entries, float),),
        tolerances={"atol": SETTLED * scale, "rtol": 100 * SETTLED},
        initial_step=FIRST_STEP * np.maximum(1, np.abs(start)),
        step_direction=direction,
        maxiter=12,
    )
    return np.atleast_1d(found.df), np.atleast_1d(found.error)
