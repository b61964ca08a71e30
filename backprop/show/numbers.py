"""Numbers formatted for reading: three decimals, without trailing zeros."""

import math

import numpy as np

MOST = 6  # of a larger array only the shape is shown
SUBSCRIPTS = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")


def number(x):
    """A number with three decimals, or three digits where it is small or huge: 11.652, 5.5, 2, 0.0693, 1.2e-05."""
    if np.iscomplexobj(x):
        return f"({number(x.real)} {'-' if x.imag < 0 else '+'} {number(abs(x.imag))}i)"
    x = float(x) + 0.0  # -0.0 + 0.0 is 0.0
    text = f"{x:.3f}" if 0.1 <= abs(x) < 1e6 else f"{x:.3g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def numbers(array):
    """The numbers of a small array, the shape of a larger one."""
    array = np.asarray(array)
    if array.size > MOST:
        return f"{array.shape}"
    text = np.array2string(array, separator=" ", formatter={"all": number}, max_line_width=10_000)
    return text.replace("\n", "").replace("  ", " ")


def subscript(count):
    """₁₂ for 12"""
    return str(count).translate(SUBSCRIPTS)


def without_nan(value):
    """The same dicts and lists with None for every number that is not finite: JSON cannot represent those."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
