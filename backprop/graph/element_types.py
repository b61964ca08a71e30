"""The element type of a computed value: that of its operands, to which numbers and constants are converted."""

import numpy as np

from backprop.errors import DTypeError
from backprop.graph.arraylike import ArrayLike
from backprop.kernels.device import DeviceArray
from backprop.module.parameter import Buffer, values


def element_type(operands):
    """The type of the first operand of floats that is a Value or Parameter."""
    kinds = [a.dtype for a in operands if isinstance(a, (ArrayLike, Buffer))]
    return next((kind for kind in kinds if kind.kind in "fc"), kinds[0])


def array_of(data):
    """The array of a new value: floats keep their type, a Python number or list becomes float64."""
    if isinstance(data, DeviceArray):
        return data
    array = np.asarray(data)
    if array.dtype.kind not in "biufc":
        raise DTypeError(f"a value must be made of numbers, got {type(data).__name__}")
    keeps_type = isinstance(data, (np.ndarray, np.generic)) or array.dtype.kind == "c"
    return array if keeps_type else array.astype(float)


def constant(operand, wanted):
    """The operand's array in the wanted type. Numbers, integers, and real arrays among complex ones are converted."""
    is_value = isinstance(operand, ArrayLike)
    array = operand.data if is_value else array_of(values(operand))
    learns = is_value and operand.requires_grad
    whole = array.dtype.kind in "biu"
    real_among_complex = array.dtype.kind + wanted.kind == "fc"
    a_number = isinstance(operand, (int, float, list, np.generic)) and array.dtype.kind == wanted.kind
    if array.dtype != wanted and (learns or not (whole or real_among_complex or a_number)):
        raise DTypeError(
            f"operands must have one element type, got {wanted} and {array.dtype}; use x.astype(np.{wanted})"
        )
    return array.astype(wanted)
