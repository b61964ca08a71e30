"""The errors of the engine, one class for each kind of mistake.

Every error that the engine raises on purpose is a `BackpropError` and also the built-in exception that a reader would
expect, so `except ValueError` works too. A message says where, what was expected, what was given, and the likely fix.
"""


class BackpropError(Exception):
    """The base of these errors. As an error propagates, a layer adds its name, and a chain the layer's index:
    "layer 2 (Linear): expects ...", or "layer 1.0 (Linear): ..." in a nested network.
    """

    def __init__(self, message):
        super().__init__(message)
        self.message = message
        self.index = ""
        self.layer = ""

    def named(self, layer):
        """The same error, now with the name of the layer; the name of the innermost one stays."""
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
    """`with At(index):` adds position `index` of a chain to every BackpropError that leaves the block."""

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
    """An array of the wrong element type, or not an array; the message ends with a fix. `array` is it, if known."""

    def __init__(self, message, array=None):
        super().__init__(message)
        self.array = array


class IndexRangeError(BackpropError, IndexError):
    """An index for which a table has no row."""


class LabelError(BackpropError, ValueError):
    """Targets that are neither class labels nor class probabilities."""


class NonFiniteError(BackpropError, ArithmeticError):
    """NaN or infinity where training needs a finite number."""


class ParameterError(BackpropError, TypeError):
    """Not a Parameter where one belongs, or an optimizer with a parameter that its layer has since replaced."""


class CallOrderError(BackpropError, RuntimeError):
    """`backward` before the forward call whose cache it needs."""


class HookError(BackpropError, RuntimeError):
    """A hook that returned a value: hooks observe, they do not change results."""


class DeviceError(BackpropError, RuntimeError):
    """A device or a set of kernels that is not available."""


class ExpressionError(BackpropError, ValueError):
    """Text that is not a formula, or contains what a formula may not."""


class ProgramError(BackpropError, RuntimeError):
    """A program that is not installed on this machine, or that failed."""


class CheckpointError(BackpropError, ValueError):
    """Saved values that do not fit the network they are loaded into."""


class GradientError(BackpropError, AssertionError):
    """A backward that disagrees with finite differences."""


class RankError(BackpropError, RuntimeError):
    """Several processes that cannot train together, or one of them that no longer answers: `silent` is its rank."""

    def __init__(self, message, silent=None):
        super().__init__(message)
        self.silent = silent
