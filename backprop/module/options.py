"""Options that are numbers are checked where they are given, so that an error names the mistake, not a symptom."""

import math

import numpy as np

from backprop.errors import OptionError

REAL = int, float, np.integer, np.floating


def whole(name, value, least=0):
    """`value` as an int; OptionError unless it is an integer of at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise OptionError(f"{name} must be {integer(least)}, got {value!r}")
    return int(value)


def integer(least):
    """What an integer option must be, in words."""
    return {0: "a non-negative integer", 1: "a positive integer"}.get(least, f"an integer of at least {least}")


def number(name, value, low=-math.inf, high=math.inf):
    """`value`; OptionError unless it is a finite number from `low` to `high`."""
    if not isinstance(value, REAL) or not math.isfinite(value) or not low <= value <= high:
        wanted = "" if math.isinf(low) else f" of at least {low}" if math.isinf(high) else f" from {low} to {high}"
        raise OptionError(f"{name} must be a finite number{wanted}, got {value!r}")
    return value


def above_zero(name, value):
    """`value`; OptionError unless it is a finite number above 0."""
    if number(name, value) <= 0:
        raise OptionError(f"{name} must be above 0, got {value!r}")
    return value


def probability(name, value):
    """`value`; OptionError unless it is from 0 to 1."""
    if not isinstance(value, REAL) or not 0 <= value <= 1:
        raise OptionError(f"{name} must be a probability, from 0 to 1, got {value!r}")
    return value
