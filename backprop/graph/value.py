"""A Value is an array that remembers what it was computed from."""

import itertools

import numpy as np

from backprop import functional as F
from backprop.errors import CallOrderError, DTypeError, GradientError, IndexRangeError, ShapeError
from backprop.graph.arraylike import ArrayLike
from backprop.graph.element_types import array_of, constant, element_type
from backprop.graph.modes import added, reverse
from backprop.graph.module_call import ModuleCall
from backprop.graph.operations import OPERATIONS
from backprop.graph.operators import Operators
from backprop.kernels.device import to_host
from backprop.kernels.recording import computed, unseen
from backprop.module.parameter import Parameter, values

FOR_WHOLE_NUMBERS = ("index", "reshape", "transpose", "concatenate")  # words and labels can be moved, not computed with

_births = itertools.count()


class Value(Operators, ArrayLike):
    """A node of the computational graph: an array, and the operation it was computed by.  Lecture A 14:55-28:13.

        (16)   v_i = phi_i(v_j, ...)      the v_j are its parents

    Writing a formula builds its graph; names are NumPy's, as operators, functions or methods:

    >>> x1, x2 = Value(2), Value(5)
    >>> y = np.log(x1) + x1 * x2 - np.sin(x2)
    >>> y.backward()
    >>> print(f"{y:.3f} {x1.grad:.3f} {x2.grad:.3f}")
    11.652 5.500 1.716

    data            the array, of any shape; a Python number or list becomes float64, an array keeps its type
    requires_grad   whether adjoints go to it; False for arrays of integers, and for values computed from constants only
    grad            of a leaf, a Value not computed from others: dL/d(data), summed over `backward` calls, or None

    Numbers, lists and integers combined with a Value are converted to its element type; arrays of other floats raise
    DTypeError. A Parameter combined with a Value gets its gradient in `parameter.grad`. A Module called with one is an
    operation of the graph. A comparison, == too, gives a plain array of booleans; `v is w` tests whether two are the
    same node. To learn, change a leaf in place: `v.data -= lr * v.grad; v.zero_grad()`.
    """

    __slots__ = ("data", "operation", "parents", "options", "requires_grad", "grad", "parameter", "born", "__weakref__")

    def __init__(self, data, requires_grad=True):
        self.parameter = data if isinstance(data, Parameter) else None
        if self.parameter is not None:
            requires_grad = requires_grad and data.requires_grad
        self.data = array_of(values(data))
        self.requires_grad = bool(requires_grad) and self.data.dtype.kind in "fc"
        self.operation, self.parents, self.options, self.grad = None, (), {}, None
        self.born = next(_births)  # after all that it is computed from

    @staticmethod
    def apply(name, *operands, **options):
        """The operation of that name, applied to its operands: a new value.        (16)"""
        operation, wanted = OPERATIONS[name], element_type(operands)
        if wanted.kind not in "fc" and name not in FOR_WHOLE_NUMBERS:
            raise DTypeError(f"{name} expects floats, got {wanted}; use x.astype(np.float32)")
        parents = [_as_value(a, wanted) for a in operands]
        try:
            data = _phi(operation, [parent.data for parent in parents], options, wanted)  # (16)
        except (ValueError, IndexError) as error:
            kind = IndexRangeError if isinstance(error, IndexError) and name == "index" else ShapeError
            shapes = " and ".join(str(parent.shape) for parent in parents)
            raise kind(f"{name} of shape {shapes}: {error}") from error
        learns = any(parent.requires_grad for parent in parents)
        return Value._computed(operation, parents, options, data, learns)

    @staticmethod
    def through(module, inputs, options):
        """`module(*inputs, **options)` where at least one input is a Value: the module's call as a new value.   (16)

        Several outputs are a tuple of values, parts of one value that has them all in a row.
        """
        if any(isinstance(part, Value) for a in inputs if isinstance(a, (tuple, list)) for part in a):
            raise GradientError("a Value inside a tuple gets no gradient; use np.stack").named(type(module).__name__)
        places = [place for place, a in enumerate(inputs) if isinstance(a, Value)]
        call = ModuleCall(module, [a.data if isinstance(a, Value) else a for a in inputs], places, options)
        parents = [inputs[place] for place in places]
        learns = any(a.requires_grad for a in itertools.chain(parents, module.parameters()))
        return call.outputs(Value._computed(call, parents, {}, F.of_type(call.data, call.dtype), learns))

    @classmethod
    def _computed(cls, operation, parents, options, data, requires_grad):
        value = cls(data, requires_grad)
        if requires_grad:  # a constant need not remember what it was computed from
            value.operation, value.parents, value.options = operation, parents, options
        return value

    @staticmethod
    def alike(operands):
        """The operands as Values of one element type."""
        wanted = element_type(operands)
        return [_as_value(a, wanted) for a in operands]

    def backward(self, delta=None):
        """Add dL/dv to the `grad` of every leaf v of the graph, values and parameters.        (17)

        Without `delta` = dL/d(this), this is L itself and must be a single number, or ShapeError is raised.
        """
        if not self.requires_grad:
            raise CallOrderError("nothing that this value was computed from requires a gradient")
        for v, vbar in reverse(self, delta):
            if not v.parents:
                v.accumulate(vbar)

    def accumulate(self, vbar):
        """Add to the gradient of this leaf, or of the parameter whose values it holds."""
        if self.parameter is not None:
            self.parameter.accumulate(vbar)
        else:
            unseen(vbar)  # what no parameter keeps would be kept once
            self.grad = F.copied(vbar if self.grad is None else self.grad + vbar)

    def zero_grad(self):
        """Forget the gradient."""
        self.grad = None

    def detach(self):
        """The same array as a constant, through which no adjoint goes."""
        return Value(self.data, requires_grad=False)

    def __reduce__(self):
        """A copy or a pickle is a new leaf."""
        if self.parents:
            raise TypeError(
                "a computed Value cannot be copied or pickled with all that it was computed from; use v.data"
            )
        return Value, (self.parameter or self.data, self.requires_grad)

    def __repr__(self):
        made = f", {self.operation.name}" if self.operation else ""
        return f"Value({np.array2string(to_host(self.data), threshold=20, separator=', ')}{made})"


def _phi(operation, arrays, options, wanted):
    """v = phi(a, b), of the wanted type                                                            (16)"""
    if operation.name == "add" and arrays[0].shape == arrays[1].shape:
        return F.of_type(added(*arrays), wanted)
    if operation.by_kernels:
        return F.of_type(operation.phi(*arrays, **options), wanted)
    return computed(lambda *arrays: F.of_type(operation.phi(*arrays, **options), wanted), *arrays)


def _as_value(operand, wanted):
    """The operand itself, or as a constant of the wanted type."""
    operand = Value(operand) if isinstance(operand, Parameter) else operand
    if isinstance(operand, Value) and operand.dtype == wanted:
        return operand
    return Value(constant(operand, wanted), requires_grad=False)
