"""The arrays of a network: a Buffer is saved with it, a Parameter also learns."""

import itertools
import weakref
from typing import NamedTuple

import numpy as np

from backprop import kernels
from backprop.errors import DTypeError, ShapeError
from backprop.kernels.device import DeviceArray, device_of, is_array, to_host
from backprop.kernels.transfer import to_device

NUMBERS = "fciub"  # kinds of element types


class Compared:
    """Comparisons of an object that has an array, `data`: entry by entry, as in NumPy, giving arrays of booleans."""

    __slots__ = ()

    def __lt__(self, other):
        return plain(self) < plain(other)

    def __le__(self, other):
        return plain(self) <= plain(other)

    def __gt__(self, other):
        return plain(self) > plain(other)

    def __ge__(self, other):
        return plain(self) >= plain(other)

    def __eq__(self, other):
        return plain(self) == plain(other)

    def __ne__(self, other):
        return plain(self) != plain(other)

    __hash__ = object.__hash__  # sets and dicts compare by identity

    def seen(self):
        """The array, to be looked at."""
        return self.data


def plain(a):
    """The array of a Parameter, Buffer or Value; anything else as it is."""
    return a.seen() if isinstance(a, Compared) else a


class Buffer(Compared):
    """An array that belongs to a network, is saved with it and changes type with it, but does not learn.

    The values are copied, so that the network never changes the array it was made from. A list becomes float32. An
    array of integers is a counter and keeps its type, even under `net.to(dtype)`. An array on a GPU is copied there.
    """

    _kept_kinds = NUMBERS
    __array_ufunc__ = None  # array == parameter calls the parameter's __eq__

    def __init__(self, data):
        kind = type(self).__name__
        try:
            array = to_host(data)
        except ValueError:
            raise ShapeError(f"a {kind} must be an array, got lists of unequal lengths") from None
        if array.dtype.kind not in NUMBERS:
            raise DTypeError(f"a {kind} must be made of numbers, got {array.dtype}; use np.asarray(x, np.float32)")
        keeps_type = (is_array(data) or isinstance(data, np.generic)) and array.dtype.kind in self._kept_kinds
        array = np.array(array, dtype=array.dtype if keeps_type else np.float32, order="C")
        self._data = to_device(array, device_of(data))

    @property
    def data(self):
        """The values. Live: they change in place. Assigned values are copied, and must have the same shape."""
        return self._data

    @data.setter
    def data(self, values):
        if np.shape(values) != self.shape:
            kind = type(self).__name__
            raise ShapeError(f"the values must have shape {self.shape}, got {np.shape(values)}; or use a new {kind}")
        keeps_type = is_array(values) and values.dtype.kind in "fc"
        self.to(values.dtype if keeps_type else self.dtype)
        self._data = to_device(np.array(to_host(values), dtype=self.dtype, order="C"), self.device)

    @property
    def shape(self):
        return self._data.shape

    @property
    def dtype(self):
        return self._data.dtype

    @property
    def size(self):
        return self._data.size

    @property
    def device(self):
        """Where the values are: "cpu" or "cuda"."""
        return device_of(self._data)

    def to(self, dtype=None, device=None):
        """Change the element type in place, unless the values are integers, and move them. Returns the buffer."""
        self.become(self.moved(dtype, device))
        return self

    def moved(self, dtype=None, device=None):
        """The values in another element type or on another device, for `become`."""
        return (_moved(self._data, dtype if self.dtype.kind in "fc" else None, device),)

    def become(self, arrays):
        """Take over the arrays that `moved` returned."""
        (self._data,) = arrays

    @property
    def counts(self):
        """Whether it is a single integer, such as the number of batches that a BatchNorm has seen."""
        return self.dtype.kind in "iu" and self.shape == ()

    def __repr__(self):
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"


_replacements = itertools.count(1)


def moment():
    """A counter's next value: parameters replaced from now on get a larger one."""
    return next(_replacements)


class Replaced(NamedTuple):
    """When a parameter was replaced, in which module, as which attribute, and by which one."""

    moment: int
    module: weakref.ref
    place: str
    new: object


class Parameter(Buffer):
    """Values `data`, which an optimizer changes in place, and `grad`, dL/d(data), of the same shape and type.

    A list, or an array of integers, becomes float32; an array of floats keeps its type. With `requires_grad=False`
    the parameter is frozen: backward passes leave it alone and `grad` stays None.

    >>> w = Parameter([[1, 2], [3, 4]])
    >>> w.shape, w.dtype, w.grad
    ((2, 2), dtype('float32'), None)
    """

    _kept_kinds = "fc"

    def __init__(self, data, requires_grad=True):
        super().__init__(data)
        self.requires_grad = requires_grad
        self.constant = None  # an index of entries that never learn, such as an embedding's row for padding
        self._replaced = {}  # where another one took its place: (id of the module, name) -> Replaced
        self._sum = None  # the array behind grad, kept while grad is None, so that a step allocates nothing
        self._has_grad = False

    @property
    def grad(self):
        """The sum of the gradients since `zero_grad`, or None before the first backward. Live: it changes in place."""
        return self._sum if self._has_grad else None

    @grad.setter
    def grad(self, value):
        if value is None:
            self._has_grad = False
            return
        self._expect_gradient(value)
        self._sum = to_device(np.array(to_host(value), dtype=self.dtype, order="C"), self.device)
        self._has_grad = True

    def accumulate(self, gradient, *args):
        """Add an array to `grad`, or what the function `gradient(*args, out=..., accumulate=...)` computes into it.

        `grad` sums over every use of this parameter. Nothing is computed for a frozen one. The first gradient after
        `zero_grad` overwrites, later ones add. Raises ShapeError for an array of another shape, DTypeError for one of
        another type.

        >>> w = Parameter([0.0, 0.0])
        >>> w.accumulate(np.float32([1, 2])); w.accumulate(np.float32([1, 2])); w.grad
        array([2., 4.], dtype=float32)
        """
        if not self.requires_grad:
            return
        if not callable(gradient):
            gradient, args = _put, (self._expect_gradient(gradient),)
        if self._sum is None or self._sum.shape != self.shape or self._sum.dtype != self.dtype:
            self._sum = kernels.of(self._data).empty(self.shape, self.dtype)
            self._has_grad = False
        gradient(*args, out=self._sum, accumulate=self._has_grad)
        self._has_grad = True

    def zero_grad(self):
        """Forget the gradient: `grad` is None again."""
        self._has_grad = False

    def note_replaced(self, module, name, new):
        """Note that the Parameter `new` has taken its place as this attribute of a module."""
        self._replaced[id(module), name] = Replaced(
            next(_replacements), weakref.ref(module), f"{type(module).__name__}.{name}", new
        )

    def note_used(self, module, name):
        """Note that it is now this attribute of a module."""
        self._replaced.pop((id(module), name), None)

    @property
    def was_replaced(self):
        return bool(self._replaced)

    def replaced_since(self, moment):
        """The replacements of this parameter after a moment(), in modules that still exist."""
        return [found for found in self._replaced.values() if found.moment > moment and found.module() is not None]

    def _expect_gradient(self, value):
        """`value`, if it can be a gradient of this parameter; otherwise an error."""
        if np.shape(value) != self.shape:
            in_front = np.shape(value)[: -len(self.shape) or None]
            summed = np.shape(value)[len(in_front) :] == self.shape
            cure = f"; sum it over the leading axes, {in_front}" if summed and in_front else ""
            raise ShapeError(f"a gradient must have its parameter's shape {self.shape}, got {np.shape(value)}{cure}")
        if is_array(value) and value.dtype.kind in "fc" and value.dtype != self.dtype:
            cure = f"use g.astype(np.{self.dtype})"
            raise DTypeError(f"a gradient must have its parameter's type {self.dtype}, got {value.dtype}; {cure}")
        return value

    def moved(self, dtype=None, device=None):
        """The values and, if there is one, the sum of gradients."""
        (data,) = super().moved(dtype, device)
        if data is self._data:
            return data, self._sum
        return data, None if self.grad is None else _moved(self.grad, data.dtype, device_of(data))

    def become(self, arrays):
        self._data, self._sum = arrays

    def __getstate__(self):
        """A copy or a pickle belongs to a network of its own, in which nothing was replaced."""
        return {**vars(self), "_replaced": {}}

    def __repr__(self):
        return f"Parameter(shape={self.shape}, dtype={self.dtype}{'' if self.requires_grad else ', frozen'})"


def _put(gradient, out, accumulate):
    """A given array as a function that `accumulate` can call."""
    recording = kernels.recorder.get()
    if isinstance(out, DeviceArray):
        out[...] = out + gradient if accumulate else gradient
    elif recording is not None:
        recording.written(lambda given, so_far: so_far + given if accumulate else given, (gradient, out), out)
    elif accumulate:
        out += gradient
    else:
        out[...] = gradient


def _moved(array, dtype, device):
    """The array itself if it has this type and is on this device, else a copy that does. None means as it is."""
    dtype, device = dtype or array.dtype, device or device_of(array)
    if array.dtype == dtype and device_of(array) == device:
        return array
    return to_device(to_host(array).astype(dtype, copy=False), device)


def values(array):
    """The plain array of a Parameter or Buffer; anything else as it is."""
    return array.data if isinstance(array, Buffer) else array
