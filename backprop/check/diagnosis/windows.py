"""Mistakes in windows that slide over images: a flipped filter, an option off by one."""

import itertools
import time

import numpy as np

from backprop.check.diagnosis.case import Diagnosis, TookTooLong
from backprop.check.subject import Subject

OPTIONS = ("padding", "stride", "dilation")
OUTSIDE = (0.0, -1e6)  # the values beyond an image: for a convolution, and for a maximum


def _axes(case):
    """How many axes the windows of the layer have; 0 where it has none."""
    size = getattr(case.subject.module, "kernel_size", None)
    fits = isinstance(size, tuple) and case.delta.ndim > len(size) and case.subject.inputs[0].ndim > len(size)
    return len(size) if fits else 0


def flipped(case):
    """A true convolution, whose filters are flipped, in place of a cross-correlation, or the reverse."""
    axes = _axes(case)
    for name, x in case.subject.values.items():
        taps = tuple(range(2, x.ndim))
        if axes and len(taps) == axes:
            words = f"convolution for cross-correlation: right once {name} is flipped along its taps"
            flip = np.flip(x, taps).copy()
            would_be = np.flip(case.right, taps) if name == case.path else case.right_where(x, flip)
            yield Diagnosis("convolution for cross-correlation", words), would_be


def moved(case):
    """Right, but shifted by one row or column: the padding was removed at the wrong place."""
    if not case.is_input or not _axes(case):
        return
    axes = tuple(range(-_axes(case), 0))
    for way in itertools.product((0, 1, -1), repeat=len(axes)):
        words = f"padding is off by one: right once moved back by {way} along the image's axes"
        yield Diagnosis("padding off by one", words), np.roll(_without_what_falls_off(case.right, way), way, axes)


def _without_what_falls_off(gradient, way):
    """The gradient, with zeros where a shift would wrap around."""
    kept = gradient.copy()
    for axis, step in enumerate(way, start=gradient.ndim - len(way)):
        if step:
            kept[(slice(None),) * axis + (-1 if step > 0 else 0,)] = 0
    return kept


def options(case):
    """Right for a padding, a stride or a dilation that is off by one, on all axes or on one of them."""
    module = case.subject.module
    for name in OPTIONS:
        given = getattr(module, name, None)
        if not _axes(case) or not isinstance(given, tuple) or not all(isinstance(number, int) for number in given):
            continue
        axes = range(len(given))
        for by in (1, -1):
            for changed in [tuple(axes), *((axis,) for axis in axes)][: 1 if len(given) == 1 else None]:
                value = tuple(number + by * (axis in changed) for axis, number in zip(axes, given, strict=True))
                words = f"{name} is off by one: right for {name} {value} instead of {given}"
                for outside in OUTSIDE:
                    yield Diagnosis(f"{name} off by one", words), _right_with(case, name, value, outside)


def _right_with(case, name, value, outside):
    """What would be right for another value of an option, or None if there is no such layer.

    With the option changed, the output may be larger or smaller than delta. So the image is enlarged until the output
    is large enough, and delta is 0 at the places beyond it.
    """
    least = 0 if name == "padding" else 1
    cropped = tuple(max(0, least - number) for number in value) if name == "padding" else (0,) * len(value)
    if min(value) < least and name != "padding":
        return None
    module = case.subject.module.bare_copy()
    setattr(module, name, tuple(max(least, number) for number in value))
    image, axes = case.subject.inputs[0], len(value)
    wanted = case.delta.shape[-axes:]
    for room in range(1 + max(wanted) * (1 + max(value)) + max(image.shape[-axes:])):
        if time.monotonic() > case.deadline:
            raise TookTooLong
        canvas = _canvas(image, cropped, room, outside)
        try:
            wide = Subject(module, (canvas, *case.subject.inputs[1:]), np.float64, 0, answered=case.subject.answered)
        except Exception:  # the image is still too small, or the layer accepts no other size
            continue
        places = np.shape(wide.probe)[-axes:]
        if all(have >= want for have, want in zip(places, wanted, strict=True)):
            return _pulled(case, wide, cropped)
    return None


def _canvas(image, cropped, room, outside):
    """The image without its first `cropped` rows, as with negative padding, and with `room` more after it."""
    axes = len(cropped)
    kept = image[(..., *[slice(rows, None) for rows in cropped])]
    return np.pad(kept, [(0, 0)] * (image.ndim - axes) + [(0, room)] * axes, constant_values=outside)


def _pulled(case, wide, cropped):
    """The gradient of the wide subject for the delta of the case, cut to the size of the case's array."""
    axes = len(cropped)
    delta = np.zeros(np.shape(wide.probe))
    delta[(..., *[slice(length) for length in case.delta.shape[-axes:]])] = case.delta
    theta = wide.arrays()[case.path]
    gradient = (case.slopes_of(wide, theta).T @ delta.reshape(-1)).reshape(theta.shape)
    if not case.is_input:
        return gradient
    size = [length - rows for length, rows in zip(case.theta.shape[-axes:], cropped, strict=True)]
    inside = gradient[(..., *[slice(length) for length in size])]
    return np.pad(inside, [(0, 0)] * (inside.ndim - axes) + [(rows, 0) for rows in cropped])
