"""What a trained network says about many samples."""

import numpy as np

from backprop.kernels.device import device_of, is_array, to_host
from backprop.kernels.transfer import to_device
from backprop.layers import Embedding
from backprop.module.options import whole


def predict(net, x, batch_size=256):
    """The network's outputs for samples x (N, ...), an array (N, ...): in evaluation, `batch_size` samples at a time.

    Its mode is restored. Pixels of type uint8 are scaled to 0 to 1, as by a DataLoader; all else goes on as it is. For
    the class of each sample take `.argmax(1)`.
    """
    whole("batch_size", batch_size, 1)
    first = next((parameter for parameter in net.parameters()), None)
    dtype, device = (np.dtype(np.float32), "cpu") if first is None else (first.dtype, first.device)
    words = any(isinstance(part, Embedding) for part in net.modules())
    x, found = x if is_array(x) else np.asarray(x), []
    with net.evaluating():
        for start in range(0, max(len(x), 1), batch_size):
            some = x[start : start + batch_size]
            if some.dtype == np.uint8 and device_of(some) == "cpu" and not words:
                some = some.astype(dtype) * dtype.type(1 / 255)
            found.append(to_host(net(to_device(some, device))))
    return np.concatenate(found)
