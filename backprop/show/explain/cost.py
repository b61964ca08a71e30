"""What a call of a layer costs: floating-point operations, and bytes that must go through memory at least once.

layer            multiplications and additions, forward                        backward
with a matrix    2 for each weight, each time it is used, 1 for each bias      twice that: (5) and (7), (12) and (13)
which moves      0: flatten, pad, look up                                      0
any other        1 for each entry of its input or output, whichever is more    the same

bytes            inputs and parameters read, the output written                delta, inputs and parameters read,
                                                                               gradients and the delta below written
"""

import math

from backprop.layers import Embedding, Flatten, Unflatten
from backprop.layers.conv_transpose import TransposedConvolution
from backprop.layers.padding import Padding
from backprop.layers.recurrent import Recurrent

MOVES = (Flatten, Unflatten, Padding, Embedding)


def flops(module, inputs, output):
    """(forward, backward) of one call, from the shapes of its first input and of its output."""
    entries = max(math.prod(inputs), math.prod(output))
    if isinstance(module, MOVES):
        return 0, 0
    matrices = [p for _, p in module.named_parameters() if len(p.shape) > 1]
    if not matrices:
        return entries, entries
    vectors = sum(p.size for _, p in module.named_parameters()) - sum(p.size for p in matrices)
    products = sum(2 * p.size * _uses(module, p, inputs, output) for p in matrices)
    sums = vectors * _uses(module, matrices[0], inputs, output)
    return products + sums, 2 * products + sums


def moved(module, inputs, output, itemsize):
    """(forward, backward) bytes of one call."""
    parameters = sum(p.size * p.dtype.itemsize for _, p in module.named_parameters())
    a, z = math.prod(inputs) * itemsize, math.prod(output) * itemsize
    return a + parameters + z, z + a + 2 * parameters + a


def _uses(module, weight, inputs, output):
    """How many times each weight of a matrix is used: in every sample, at every position, in every step."""
    if isinstance(module, Recurrent):
        return math.prod(inputs[:-1])
    if isinstance(module, TransposedConvolution):
        return math.prod(inputs) // weight.shape[0]
    return math.prod(output) // weight.shape[0] if weight.shape[0] else 0
