"""What can go wrong, each kind with a name of its own.

Every error that the engine raises on purpose is a `BackpropError` and also the built-in kind that a reader would
expect, so `except ValueError` works too. A message says where, what was wanted, what came, and the likely cure.
"""


class BackpropError(Exception):
    """The base of all kinds. A layer that lets an error pass adds its name, a chain adds its index:
    "layer 2 (Linear): wants ...", or "layer 1.0 (Linear): ..." in a nested network.
    """

    def __init__(self, message):
        super().__init__(message)
        self.message = message
        self.index = ""
        self.layer = ""

    def named(self, layer):
        """The same error, now that it is known in which layer: the innermost that says so."""
        self.layer = self.layer or layer
        return self

    def within(self, index):
        """The same error, now placed at position `index` of a chain."""
        self.index = f"{index}.{self.index}" if self.index else str(index)
        return self

    def __str__(self):
        if self.index:
            return f"layer {self.index} ({self.layer}): {self.message}"
        return f"{self.layer}: {self.message}" if self.layer else self.message


class At:
    """`with At(index):` places every BackpropError that leaves the block at position `index` of a chain."""

    def __init__(self, index):
        self.index = index

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, BackpropError):
            error.within(self.index)


class OptionError(BackpropError, ValueError):
    """An option whose value makes no sense: a negative lr, a batch size of 0."""


class ShapeError(BackpropError, ValueError):
    """An array of the wrong rank or size."""


class DTypeError(BackpropError, TypeError):
    """An array of the wrong element type, or no array at all; the last words are the cure. `array` is it, if known."""

    def __init__(self, message, array=None):
        super().__init__(message)
        self.array = array


class IndexRangeError(BackpropError, IndexError):
    """A position where a table has no row."""


class LabelError(BackpropError, ValueError):
    """Targets that are neither class labels nor class probabilities."""


class NonFiniteError(BackpropError, ArithmeticError):
    """NaN or infinity where training needs a number."""


class ParameterError(BackpropError, TypeError):
    """Something else where a Parameter belongs, or an optimizer that holds one which its layer has replaced."""


class CallOrderError(BackpropError, RuntimeError):
    """`backward` before the forward call whose cache it needs."""


class HookError(BackpropError, RuntimeError):
    """A hook that returned a value: hooks look on, they do not change results."""


class DeviceError(BackpropError, RuntimeError):
    """A device or a set of kernels that is not there."""


class ExpressionError(BackpropError, ValueError):
    """A text that is not a formula, or holds what may not stand in one."""


class ProgramError(BackpropError, RuntimeError):
    """A program that is not installed on this machine, or that failed."""


class CheckpointError(BackpropError, ValueError):
    """Saved values that do not fit the network they are loaded into."""


class GradientError(BackpropError, AssertionError):
    """A backward that disagrees with finite differences."""
