"""Arrays in a GPU's memory. They are never copied to the host implicitly: where NumPy would read one, an error suggests
`to_host`. Only a single number is, where Python needs it: float(a), if a. Copies to the GPU are made in transfer.py.
"""

import math

import numpy as np

from backprop.errors import DeviceError, ShapeError


class DeviceArray:
    """A C-contiguous array in the memory of a GPU: shape, element type, and where its first element lies.

    memory   what was allocated; every view holds it, so it lives as long as the last of them
    start    bytes from there to the first element
    handle   what a kernel is given: an address, or in the simulator a flat array
    """

    __slots__ = ("memory", "start", "shape", "dtype", "size", "handle", "__weakref__")

    compute = None  # compute(ufunc, a, ...), set by cuda/arithmetic.py

    def __init__(self, memory, start, shape, dtype):
        self.memory, self.start = memory, start
        self.shape, self.dtype = tuple(map(int, shape)), np.dtype(dtype)
        self.size = math.prod(self.shape)
        self.handle = memory.handle(start, self.size, self.dtype)

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def itemsize(self):
        return self.dtype.itemsize

    @property
    def nbytes(self):
        return self.size * self.dtype.itemsize

    @property
    def base(self):
        """The memory, which is what a view of a NumPy array would call its base."""
        return self.memory

    def view(self):
        """A new DeviceArray of the same elements."""
        return DeviceArray(self.memory, self.start, self.shape, self.dtype)

    def reshape(self, *shape):
        """The same elements in another shape; one size may be -1. ShapeError if they do not fit."""
        wanted = tuple(shape[0]) if len(shape) == 1 and np.ndim(shape[0]) else shape
        rest = math.prod(size for size in wanted if size != -1)
        shape = [self.size // rest if size == -1 and rest else size for size in wanted]
        if list(wanted).count(-1) > 1 or min(shape, default=0) < 0 or math.prod(shape) != self.size:
            raise ShapeError(f"cannot reshape {self.shape} into {wanted}")
        return DeviceArray(self.memory, self.start, shape, self.dtype)

    def __getitem__(self, index):
        """Part of the array without a copy: integers and slices along the first axes, and None for a new one.

        A part that is not contiguous raises DeviceError: a GPU would read it slowly, and no layer needs one.
        """
        start, shape, left = self.start, [], list(self.shape)
        whole = True  # whether all axes so far are of size 1: only then is a part of the next one contiguous
        items = index if isinstance(index, tuple) else (index,)
        for item in items[:-1] if items and items[-1] is Ellipsis else items:
            if item is None:
                shape.append(1)
                continue
            if not left:
                raise IndexError(f"too many indices for {self.shape}")
            size, stride = left.pop(0), math.prod(left) * self.dtype.itemsize
            first, count = _part(item, size)
            if not whole and count != size:
                raise DeviceError(f"{self.shape}[{index}] is not contiguous; use bp.to_host(x)[...]")
            start += first * stride
            if isinstance(item, slice):
                shape.append(count)
            whole = whole and count == 1
        return DeviceArray(self.memory, start, [*shape, *left], self.dtype)

    def __len__(self):
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __iter__(self):
        return (self[n] for n in range(len(self)))

    def item(self):
        """The only element, as a Python number. It waits for the GPU."""
        return to_host(self).item()

    def copy(self):
        """The same numbers in new memory on the GPU."""
        other = self.memory.machine.empty(self.shape, self.dtype)
        self.memory.machine.copy(self, other)
        return other

    def fill_from(self, values):
        """Copy the numbers of a NumPy array of the same shape into this one, converted if the types differ."""
        values = np.asarray(values, dtype=self.dtype, order="C")
        if values.shape != self.shape:
            raise ShapeError(f"expects values of shape {self.shape}, got {values.shape}")
        self.memory.machine.write(self, values)

    def fill(self, value):
        """Set all elements to one number, written from the host."""
        self.fill_from(np.full(self.shape, value, self.dtype))

    def __setitem__(self, index, values):
        """Copy another array on the GPU, of the same shape and type, into part of this one."""
        part = self[index]
        if not isinstance(values, DeviceArray):
            raise DeviceError(
                f"only an array on the GPU can be assigned there, got {type(values).__name__}; use x.fill_from(...)"
            )
        if values.shape != part.shape or values.dtype != part.dtype:
            raise ShapeError(f"expects {part.dtype} {part.shape}, got {values.dtype} {values.shape}")
        self.memory.machine.copy(values, part)

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        raise DeviceError("an array on the GPU cannot be pickled; use net.to('cpu'), or bp.save(net, path)")

    def __getattr__(self, name):
        raise AttributeError(f"an array on the GPU has no {name!r}; use bp.to_host(x).{name}")

    def __eq__(self, other):
        raise DeviceError("arrays on the GPU cannot be compared there; use bp.to_host(x) == bp.to_host(y)")

    __hash__ = object.__hash__

    def __float__(self):
        return float(self.item())

    def __bool__(self):
        return bool(self.item())

    def __array__(self, dtype=None, copy=None):
        raise DeviceError("the array is on the GPU, where NumPy cannot read it; use bp.to_host(x)")

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        """np.add(a, b), np.tanh(a): a few functions, enough for a graph of values."""
        if method != "__call__" or options:
            raise DeviceError(f"np.{ufunc.__name__}.{method} is not supported on the GPU; use bp.to_host(x)")
        return self.compute(ufunc, *operands)

    def __add__(self, other):
        return np.add(self, other)

    def __radd__(self, other):
        return np.add(other, self)

    def __sub__(self, other):
        return np.subtract(self, other)

    def __rsub__(self, other):
        return np.subtract(other, self)

    def __mul__(self, other):
        return np.multiply(self, other)

    def __rmul__(self, other):
        return np.multiply(other, self)

    def __neg__(self):
        return np.negative(self)

    def __repr__(self):
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device='cuda')"


def _part(item, size):
    """(first, count) of the entries that an index selects along an axis."""
    if not isinstance(item, (slice, int, np.integer)) or isinstance(item, bool):
        raise DeviceError(f"on the GPU an index must be an integer or a slice, got {item!r}; use bp.to_host(x)[...]")
    if isinstance(item, slice):
        first, last, step = item.indices(size)
        if step != 1:
            raise DeviceError("on the GPU a slice must have step 1; use bp.to_host(x)[...]")
        return first, max(last - first, 0)
    place = item + size if item < 0 else item
    if not 0 <= place < size:
        raise IndexError(f"index {item} is out of range for an axis of {size}")
    return int(place), 1


def is_array(value):
    """Whether this is an array that some kernels accept."""
    return isinstance(value, (np.ndarray, DeviceArray))


def device_of(array):
    """The device of an array: "cpu" or "cuda"."""
    return "cuda" if isinstance(array, DeviceArray) else "cpu"


def to_host(array):
    """A NumPy array with the same numbers. A DeviceArray is copied, which waits for the GPU; any other is not."""
    if not isinstance(array, DeviceArray):
        return np.asarray(array)
    return array.memory.machine.read(array)
