"""NumPy's operations on whole arrays, also for arrays on a GPU: join, cut, exchange axes, broadcast, sum up.

A NumPy array goes to NumPy. One on a GPU goes to kernels that exist anyway: `take` fetches entries along an axis, and a
window's mean that is not divided by its length is a sum. That is slow for large arrays, since the host computes the
index of every entry; but mainly recurrent layers and graphs of values need it.
"""

import math

import numpy as np

from backprop import kernels
from backprop.functional.shapes import contiguous, flat, split_at
from backprop.kernels import recorder
from backprop.kernels.device import DeviceArray
from backprop.kernels.recording import computed
from backprop.kernels.reference.sums import wide


def zeros(shape, like):
    """np.zeros of the type and on the device of `like`."""
    return filled(0, shape, like)


def filled(value, shape, like):
    """np.full of the type and on the device of `like`."""
    if not isinstance(like, DeviceArray) and (recorder.get() is None or like.dtype.kind not in "fc"):
        return np.full(shape, value, like.dtype) if value else np.zeros(shape, like.dtype)
    k = kernels.of(like)
    out = k.empty(tuple(shape), like.dtype)
    k.fill(float(value), flat(out))
    return out


def copied(array):
    """np.array(array)"""
    if recorder.get() is not None:
        return array  # whose numbers nothing changes within a step
    return array.copy() if isinstance(array, DeviceArray) else np.array(array)


def joined(arrays, axis=0):
    """np.concatenate"""
    if not isinstance(arrays[0], DeviceArray):
        return computed(lambda *arrays: np.concatenate(arrays, axis=axis), *arrays)
    axis %= arrays[0].ndim
    k, sizes = kernels.of(*arrays), [array.shape[axis] for array in arrays]
    total, start = None, 0
    for array, size in zip(arrays, sizes, strict=True):
        place = np.arange(sum(sizes)) - start
        part = _taken(k, array, np.where((place >= 0) & (place < size), place, -1), axis)
        if total is not None:
            k.add(flat(total), flat(part), flat(part))  # each is 0 where the others are
        total, start = part, start + size
    return total


def stacked(arrays):
    """np.stack along a new first axis"""
    return joined([array[None] for array in arrays])


def cut(array, axis, start, stop):
    """The entries from start to stop along an axis, contiguous."""
    if not isinstance(array, DeviceArray):
        return contiguous(array[(slice(None),) * axis + (slice(start, stop),)])
    return _taken(kernels.of(array), array, np.arange(start, stop), axis)


def flipped(array):
    """The entries of the first axis in reverse order, as a view if the array is NumPy's."""
    if not isinstance(array, DeviceArray):
        return array[::-1]
    return _taken(kernels.of(array), array, np.arange(len(array))[::-1], 0)


def transposed(array, axes):
    """np.transpose, as a view if the array is NumPy's"""
    if not isinstance(array, DeviceArray):
        return array.transpose(axes)
    places = np.arange(array.size).reshape(array.shape).transpose(axes)
    return _taken(kernels.of(array), array.reshape(-1), places.reshape(-1), 0).reshape(places.shape)


def swapped(array):
    """The first two axes exchanged, contiguous."""
    return contiguous(transposed(array, (1, 0, *range(2, array.ndim))))


def of_type(array, dtype):
    """np.asarray(array, dtype); on a GPU an array has its type already"""
    return array if isinstance(array, DeviceArray) and array.dtype == dtype else np.asarray(array, dtype)


PLAIN = slice, int, np.integer, type(None), type(...)  # of an index that takes no entry twice


def put(vbar, shape, at):
    """vbar at the entries `at` of an array of this shape, 0 elsewhere; repeated entries add up"""
    whole = zeros(shape, vbar)
    if isinstance(vbar, DeviceArray):
        whole[at] = vbar  # on a GPU `at` is one contiguous part, without repeated entries
    elif all(isinstance(part, PLAIN) for part in (at if isinstance(at, tuple) else (at,))):
        whole[at] = vbar  # no entry is repeated
    else:
        np.add.at(whole, at, vbar)
    return whole


def stretched(array, shape):
    """np.broadcast_to"""
    if not isinstance(array, DeviceArray):
        return np.broadcast_to(array, shape)
    if np.broadcast_shapes(array.shape, shape) != tuple(shape):
        raise ValueError(f"{array.shape} does not broadcast to {shape}")
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    for axis, size in enumerate(shape):
        if array.shape[axis] != size:
            array = _taken(kernels.of(array), array, np.zeros(size, np.int64), axis)
    return array


def summed_to(delta, shape):
    """The sum of delta to `shape`, from which its array was broadcast: the adjoint of copying is a sum."""
    lead = np.ndim(delta) - len(shape)
    if not isinstance(delta, DeviceArray):
        return delta if delta.shape == shape else computed(lambda delta: _summed(delta, lead, shape), delta)
    k = kernels.of(delta)
    for axis, size in enumerate((*[1] * lead, *shape)):
        if size != delta.shape[axis]:
            out = k.empty((*delta.shape[:axis], 1, *delta.shape[axis + 1 :]), delta.dtype)
            all_of = np.array([0]), np.array([delta.shape[axis]]), np.array([1.0])
            k.window_mean(split_at(delta, axis), *all_of, split_at(out, axis))
            delta = out
    return delta.reshape(shape)


def _summed(delta, lead, shape):
    total = wide(delta).sum(axis=tuple(range(lead)))
    copies = tuple(axis for axis, size in enumerate(shape) if size == 1 and total.shape[axis] != 1)
    return (total.sum(axis=copies, keepdims=True) if copies else total).astype(delta.dtype)


def _taken(k, array, index, axis):
    """The entries at `index` along an axis, 0 where it is -1."""
    out = k.empty((*array.shape[:axis], len(index), *array.shape[axis + 1 :]), array.dtype)
    if math.prod(out.shape):
        k.take(split_at(array, axis), index, 0.0, split_at(out, axis))
    return out
