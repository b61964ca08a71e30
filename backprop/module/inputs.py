"""What a module requires of its inputs and of delta, and the errors it raises otherwise."""

import numpy as np

from backprop.errors import DTypeError, ShapeError
from backprop.kernels.device import is_array


class Expects:
    """The part of Module that rejects what its forward or backward could not use."""

    takes = "np.float32"  # the element type that an error suggests for a list of numbers

    def expect_array(self, inputs):
        """Raise DTypeError unless the first input is an array, in this machine's byte order."""
        if not inputs:
            return
        dtype = getattr(inputs[0], "dtype", None)
        if dtype is None:
            cure = f"use np.asarray(x, dtype={self.takes})"
            raise DTypeError(f"expects an array, got {type(inputs[0]).__name__}; {cure}")
        if not dtype.isnative and dtype.kind in "fc":
            raise DTypeError(f"expects this machine's byte order, got {dtype}; use x.astype(np.{dtype.name})")

    @staticmethod
    def expect(condition, wanted, *, got, cure=""):
        """Raise ShapeError unless `condition`, with what was expected, the shape given, and the likely fix."""
        if not condition:
            raise ShapeError(f"expects {wanted}, got {np.shape(got)}" + (f"; {cure}" if cure else ""))

    def expect_delta(self, *deltas):
        """delta, or a tuple of several, if backward can use them; otherwise an error says what is wrong."""
        output = self.call.output
        if output is None:  # forward was called directly: nothing is known about its output
            return deltas[0] if len(deltas) == 1 else deltas or None
        outputs = [output] if type(output) is tuple else [(s, dtype) for s, dtype in output if dtype.kind in "fc"]
        if len(deltas) > len(outputs):
            raise ShapeError(f"backward expects {len(outputs)} delta{'s'[: len(outputs) > 1]}, got {len(deltas)}")
        if len(outputs) == 1:
            return self._expect_delta(*outputs[0], *deltas)
        if all(delta is None for delta in deltas):
            raise ShapeError(f"backward expects {len(outputs)} deltas, None where nothing depends on an output")
        deltas = [*deltas, *[None] * (len(outputs) - len(deltas))]
        each = zip(outputs, deltas, strict=True)
        return tuple(None if delta is None else self._expect_delta(*kind, delta) for kind, delta in each)

    def _expect_delta(self, shape, dtype, delta=None):
        if delta is None and dtype is not None and dtype.kind in "iub":
            return None
        if delta is None:
            raise ShapeError(
                f"backward expects delta = dL/d(output), of shape {shape}; the first one is loss.backward()"
            )
        if not is_array(delta):
            raise DTypeError(f"backward expects an array, got {type(delta).__name__}; use np.asarray(x, np.{dtype})")
        if delta.shape != shape:
            raise ShapeError(f"backward expects a delta of its output's shape {shape}, got {delta.shape}")
        if delta.dtype != dtype:
            raise DTypeError(f"backward expects a delta of type {dtype}, got {delta.dtype}; use x.astype(np.{dtype})")
        return delta

    def name_culprit(self, error, inputs):
        """Reword the error where a parameter or buffer, not an input, has the wrong type: the fix differs."""
        if any(error.array is a for a in inputs):
            return
        name, own = next(((n, own) for n, own in self._own_arrays() if own.data is error.array), ("", None))
        if own is not None:
            wanted = inputs[0].dtype if inputs[0].dtype.name in ("float32", "float64") else "float32"
            kind = f"its {name} is {own.dtype}, its input {inputs[0].dtype}"
            error.message = f"{kind}; use .to(np.{wanted}) on the layer, loss or network"
