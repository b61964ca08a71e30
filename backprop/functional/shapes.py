"""How arrays of any rank get the few shapes that kernels take, without a copy where they are contiguous."""

import math

import numpy as np

from backprop.errors import DTypeError, ShapeError
from backprop.kernels import recorder
from backprop.kernels.device import DeviceArray
from backprop.kernels.recording import computed


def contiguous(array):
    """The array as kernels take it: itself if its elements are in C order, as on a GPU they always are, else a copy.

    A kernel is compiled for the kind of array it is called with. So that none is compiled twice, nor adds up in another
    order, a read-only array becomes a writable view, and one that is not aligned is copied.
    """
    if isinstance(array, DeviceArray) or (type(array) is np.ndarray and array.flags.carray):
        return array
    given, array = array, np.asarray(array, order="C")
    flags = array.flags
    if array is not given and recorder.get() is not None:
        return computed(np.ascontiguousarray, given)
    if flags.writeable and flags.aligned:
        return array
    return np.asarray(_Lent(array)) if flags.aligned else array.copy()


class _Lent:
    """A read-only array, shown to NumPy as writable. Kernels write only to `out`."""

    def __init__(self, array):
        self.array = array  # kept alive as long as its views
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


MOST = (1 << 63) - 1


def as_int64(array):
    """Integers as int64, which kernels take. On a GPU they must be int64 already, as `DataLoader` ensures."""
    if array.dtype == np.int64:
        return array
    if isinstance(array, DeviceArray):
        raise DTypeError(f"expects int64 on the GPU, got {array.dtype}; use bp.to_device(x.astype(np.int64), 'cuda')")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        array = np.minimum(array, array.dtype.type(MOST))  # larger ones would become negative
    return computed(lambda array: array.astype(np.int64), array)


def flat(array):
    """(...) -> (size,)"""
    array = contiguous(array)
    return array if array.ndim == 1 else array.reshape(-1)


def rows(array):
    """(..., F) -> (N, F): every vector along the last axis is a row."""
    if array.ndim == 2:
        return contiguous(array)
    width = array.shape[-1]
    return contiguous(array).reshape(math.prod(array.shape[:-1]), width)


def split_at(array, axis):
    """(...) -> (B, C, D): C is `axis`, B all axes before it, D all after it."""
    shape = array.shape
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    return contiguous(array).reshape(before, shape[axis], after)


def axis_of(array, dim):
    """`dim`, counted from the end where it is negative, as an axis of the array; ShapeError where there is none."""
    if not -array.ndim <= dim < array.ndim:
        raise ShapeError(f"expects an array with an axis {dim}, got {array.shape}")
    return dim % array.ndim


def numbers(options, like):
    """Options of an element-wise function in the precision of the array that they are compared with."""
    return tuple(map(np.float32 if like.dtype == np.float32 else float, options))


def expect_delta(delta, shape):
    """Raise ShapeError unless delta has this shape, that of the output it belongs to."""
    if delta.shape != shape:
        raise ShapeError(f"expects a delta of shape {shape}, got {delta.shape}")


def first_found(k, check, *args):
    """The index of the first bad element, found by the kernel `check`, or -1."""
    first = k.empty((1,), np.dtype(np.int64))
    getattr(k, check)(*args, first)
    return int(first.item())


def place_of(flat_index, shape):
    """The index of an element as a message names it: a number for one axis, else a tuple."""
    place = tuple(map(int, np.unravel_index(int(flat_index), shape))) if shape else ()
    return place[0] if len(place) == 1 else place


def destination(k, out, shape, like):
    """`out` if it can take a result of this shape and of the type of `like`, or a new array where it is None."""
    if out is None:
        return k.empty(shape, like.dtype)
    fits = isinstance(out, DeviceArray) or (out.flags.c_contiguous and out.flags.writeable)
    if out.shape != shape or out.dtype != like.dtype or not fits:
        raise ShapeError(
            f"out must be a contiguous writeable {like.dtype} array of shape {shape}, got {out.dtype} {out.shape}"
        )
    return out
