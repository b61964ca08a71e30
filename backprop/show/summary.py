"""A network as a table: every layer, the shapes that go through it, and what it learns."""

import numpy as np

from backprop.columns import table
from backprop.errors import IndexRangeError
from backprop.kernels import use_kernels


def summary(net, input_shape=None, dtype=None):
    """A text with one line per layer: its path, its options, output shape and number of parameters.

    `input_shape` is a whole batch's, (N, ...): a copy of the network is called with zeros of that shape, of type
    `dtype`; unless it is given, of the parameters' type, or of whole numbers where an Embedding comes first. Without it
    the shapes are those of the last call.

    >>> import backprop as bp
    >>> print(summary(bp.Sequential(bp.Flatten(), bp.Linear(784, 10)), (64, 28, 28)))
      layer                                                     input         output     parameters
      0      Flatten(start_dim=1, end_dim=-1)                   (64, 28, 28)  (64, 784)
      1      Linear(in_features=784, out_features=10, bias=True)  (64, 784)     (64, 10)   7850
             total                                                                         7850
    """
    if input_shape is not None:
        net = net.bare_copy().to("cpu")
        floats = next((parameter.dtype for parameter in net.parameters()), np.dtype(np.float32))
        with use_kernels("reference"):  # a table is not worth compiling for
            try:
                net(np.zeros(input_shape, dtype or floats))
            except IndexRangeError:
                if dtype is not None:
                    raise
                net(np.zeros(input_shape, np.int64))
    return "\n".join(table(rows(net)))


def rows(net):
    """The cells of the table: the heading, a row for each layer, and the total."""
    found = [("layer", "", "input", "output", "parameters")]
    for path, module in net._walk():
        if module.children():
            continue
        own = sum(parameter.size for parameter in module.parameters())
        shapes = (
            ("?", "?") if module.call is None else (", ".join(map(str, module.call.inputs)), str(module.call.output[0]))
        )
        found.append((path, f"{type(module).__name__}({module.extra_repr()})", *shapes, str(own or "")))
    return [*found, ("", "total", "", "", str(sum(parameter.size for parameter in net.parameters())))]
