"""Small arrays that the host computes from options, such as where the windows of a pooling begin, cached on the GPU."""

import collections

import numpy as np

from backprop.kernels.cuda.machine import put
from backprop.kernels.device import DeviceArray

MOST = 1024  # arrays; the least recently used one is dropped first

_kept = collections.OrderedDict()


def on_device(array):
    """The array itself if it is on the GPU; else a copy there, the same one for the same numbers."""
    if isinstance(array, DeviceArray):
        return array
    array = np.ascontiguousarray(array)
    key = array.tobytes(), array.dtype.str, array.shape
    if key not in _kept:
        _kept[key] = put(array)
        if len(_kept) > MOST:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]
