"""One wrong array, and the right one, computed from forward alone."""

import math
import time
from typing import NamedTuple

import numpy as np

STEP = 1e-5  # of a difference: its errors, h^2 and eps/h, are both about 1e-10
ALIKE = 1e-6  # relative to an entry: far below the effect of any mistake
FLOOR = 1e-9  # relative to the largest entry: how uncertain differences leave a small one


class TookTooLong(Exception):
    """The deadline has passed."""


class Diagnosis(NamedTuple):
    """`kind` is a name for code to compare, `words` are for the reader."""

    kind: str
    words: str

    def __str__(self):
        return self.words


class Case:
    """What backward found for one array, and what is right.

    theta     the array that L is differentiated by, a parameter or an input; not a copy
    found     what backward gave for it
    delta     what backward was given, in the output's shape
    slopes    (outputs, entries): the derivative of each output by each entry of theta
    right     slopes^T delta, in theta's shape
    """

    def __init__(self, subject, path, found, deadline):
        self.subject, self.path, self.found, self.deadline = subject, path, found, deadline
        self.theta, self.is_input = subject.arrays()[path], path in subject.answered_inputs()
        self.delta = np.asarray(subject.probe)
        self.slopes = self.slopes_of(subject, self.theta)
        self.right = self.pulled(self.delta)

    def slopes_of(self, subject, theta):
        """`slopes`, within the deadline."""
        return slopes(subject, theta, self.deadline)

    def pulled(self, delta):
        """What a right backward returns for another delta."""
        return (self.slopes.T @ delta.reshape(-1)).reshape(self.theta.shape)

    def right_where(self, array, values):
        """What would be right if `array`, one of the subject's own, had other values."""
        kept = array.copy()
        array[...] = values
        try:
            return (self.slopes_of(self.subject, self.theta).T @ self.delta.reshape(-1)).reshape(self.theta.shape)
        finally:
            array[...] = kept

    def alike(self, a, b):
        """Whether two gradients agree in every entry, as far as differences can tell; None agrees with nothing."""
        if b is None or np.shape(a) != np.shape(b) or not (np.isfinite(a).all() and np.isfinite(b).all()):
            return False
        floor = FLOOR * max(np.max(np.abs(array), initial=0) for array in (self.right, a, b))
        return bool(np.all(np.abs(a - b) <= ALIKE * np.maximum(np.abs(a), np.abs(b)) + floor))

    @property
    def samples(self):
        """N, the length of the batch axis; 1 where there is none."""
        first = self.subject.inputs[0]
        return len(first) if first.ndim > 1 else 1


def slopes(subject, theta, deadline=math.inf):
    """(outputs, entries): (f(theta + h e) - f(theta - h e)) / 2h for every entry e                    (19)

    Raises TookTooLong after the deadline.
    """
    flat, columns = theta.reshape(-1), []
    for entry, kept in enumerate(flat.copy()):
        if time.monotonic() > deadline:
            raise TookTooLong
        h = STEP * max(1, abs(kept))
        values = []
        try:
            for moved in (kept + h, kept - h):
                flat[entry] = moved
                values.append(np.array(subject.run(), dtype=float).reshape(-1))
        finally:
            flat[entry] = kept
        columns.append((values[0] - values[1]) / (2 * h))  # (19)
    return np.stack(columns, axis=1) if columns else np.zeros((np.size(subject.probe), 0))
