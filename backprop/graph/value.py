"""A Value is an array that remembers what it was computed from."""

import itertools

import numpy as np

from backprop.errors import CallOrderError, DTypeError, IndexRangeError, ShapeError
from backprop.graph.modes import reverse
from backprop.graph.module_call import ModuleCall
from backprop.graph.operations import OPERATIONS
from backprop.graph.operators import Operators
from backprop.parameter import Buffer, Parameter, values

_ages = itertools.count()


class Value(Operators):
    """v_i = phi_i(its parents), a node of the computational graph.  Lecture A 14:55-29:12.        (16)

    To write a formula is to build its graph; names are NumPy's, as operators, functions or methods:

    >>> x1, x2 = Value(2), Value(5)
    >>> y = np.log(x1) + x1 * x2 - np.sin(x2)
    >>> y.backward()
    >>> print(f"{y:.3f} {x1.grad:.3f} {x2.grad:.3f}")
    11.652 5.500 1.716

    data            the array, of any shape; a Python number or list becomes float64, an array keeps its type
    requires_grad   whether adjoints go to it; False for whole numbers, and for what is computed from such only
    grad            of a leaf, a Value not computed from others: dL/d(data), summed over `backward` calls, or None

    Numbers, lists and whole numbers that meet a Value take its element type; other floats are refused, DTypeError.
    A Parameter that meets a Value gets its gradient in `parameter.grad`. A Module called with one is an operation of
    the graph. A comparison gives a plain array of booleans, but == asks whether two Values are the same node.
    """

    __slots__ = ("data", "operation", "parents", "options", "requires_grad", "grad", "parameter", "age", "__weakref__")

    def __init__(self, data, requires_grad=True):
        self.parameter = data if isinstance(data, Parameter) else None
        if self.parameter is not None:
            requires_grad = requires_grad and data.requires_grad
        data = values(data)
        self.data = np.asarray(data, None if isinstance(data, (np.ndarray, np.generic)) else float)
        self.requires_grad = bool(requires_grad) and self.data.dtype.kind in "fc"
        self.operation, self.parents, self.options, self.grad = None, (), {}, None
        self.age = next(_ages)  # younger than all that it is computed from

    @staticmethod
    def apply(name, *operands, **options):
        """v = phi(a, ...): the operation of that name as a new value.        (16)"""
        parents = _alike(operands)
        operation = OPERATIONS[name]
        try:
            data = operation.phi(*[parent.data for parent in parents], **options)  # (16)
        except (ValueError, IndexError) as error:
            kind = IndexRangeError if isinstance(error, IndexError) and name == "index" else ShapeError
            shapes = " and ".join(str(parent.shape) for parent in parents)
            raise kind(f"{name} of shape {shapes}: {error}") from None
        wanted = any(parent.requires_grad for parent in parents)
        return Value._computed(operation, parents, options, np.asarray(data, parents[0].dtype), wanted)

    @staticmethod
    def through(module, inputs):
        """What `module(*inputs)` is where one of the inputs is a Value: the module's call as a new value.   (16)"""
        places = [place for place, a in enumerate(inputs) if isinstance(a, Value)]
        arguments = [a.data if isinstance(a, Value) else a for a in inputs]
        call = ModuleCall(module, arguments, places)
        parents = [inputs[place] for place in places]
        wanted = any(a.requires_grad for a in (*parents, *module.parameters()))
        return Value._computed(call, parents, {}, np.asarray(call.output, call.dtype), wanted)

    @classmethod
    def _computed(cls, operation, parents, options, data, requires_grad):
        value = cls(data, requires_grad)
        value.operation, value.parents, value.options = operation, parents, options
        return value

    def backward(self, delta=None):
        """Add dL/dv to the `grad` of every leaf v of the graph, values and parameters.        (17)

        Without `delta` = dL/d(this) this is L itself, and must be one number: ShapeError.
        """
        if not self.requires_grad:
            raise CallOrderError("nothing that this value was computed from requires a gradient")
        for v, vbar in reverse(self, delta):
            if not v.parents:
                v.accumulate(vbar)

    def accumulate(self, vbar):
        """Add to the gradient of this leaf, or of the parameter whose values it holds."""
        if self.parameter is not None:
            self.parameter.accumulate(_put, vbar)
        else:
            self.grad = vbar if self.grad is None else self.grad + vbar

    def zero_grad(self):
        """Forget the gradient."""
        self.grad = None

    def detach(self):
        """The same array as a constant, through which no adjoint goes."""
        return Value(self.data, requires_grad=False)

    @property
    def shape(self):
        return self.data.shape

    @property
    def ndim(self):
        return self.data.ndim

    @property
    def size(self):
        return self.data.size

    @property
    def dtype(self):
        return self.data.dtype

    def item(self):
        """The one number in it, as Python's own."""
        return self.data.item()

    def __float__(self):
        return float(self.data)

    def __format__(self, wanted):
        return format(self.item() if wanted else self, wanted)

    def __lt__(self, other):
        return self.data < _plain(other)

    def __le__(self, other):
        return self.data <= _plain(other)

    def __gt__(self, other):
        return self.data > _plain(other)

    def __ge__(self, other):
        return self.data >= _plain(other)

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    def __repr__(self):
        made = f", {self.operation.name}" if self.operation else ""
        return f"Value({np.array2string(self.data, threshold=20, separator=', ')}{made})"


def _alike(operands):
    """The operands as Values of one element type, that of the first one that is a Value or Parameter of floats."""
    kinds = [values(_plain(a)).dtype for a in operands if isinstance(a, (Value, Buffer))]
    wanted = next((kind for kind in kinds if kind.kind in "fc"), kinds[0])
    return [_as_value(a, wanted) for a in operands]


def _as_value(operand, wanted):
    """The operand itself, or as a constant of the wanted type: numbers, and real arrays among complex ones."""
    operand = Value(operand) if isinstance(operand, Parameter) else operand
    array = values(_plain(operand))
    if isinstance(operand, Value) and array.dtype == wanted:
        return operand
    kind = array.dtype.kind if isinstance(array, np.ndarray) else "i"
    constant = not isinstance(operand, Value) or not operand.requires_grad
    if kind in "fc" and array.dtype != wanted and not (constant and kind + wanted.kind == "fc"):
        raise DTypeError(f"a value of {wanted} meets one of {array.dtype}; use x.astype(np.{wanted})")
    return Value(np.asarray(array, wanted), requires_grad=False)


def _plain(operand):
    return operand.data if isinstance(operand, Value) else operand


def _put(share, out, accumulate):
    """A share of a parameter's gradient, as `Parameter.accumulate` wants it."""
    if accumulate:
        out += share
    else:
        out[...] = share
