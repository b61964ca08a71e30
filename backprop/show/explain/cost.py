"""What a call of a layer costs: floating-point operations, and bytes that must go through memory at least once.

layer               operations forward                                    backward
with a matrix X     2 for each weight each time it is used, 1 for each    as many for the input, (7), and as many
                    entry of the output where there is a bias             again for X, (5), and its bias, (6)
pooling             1 for each entry of each window                       the same
moves data only     0: flatten, pad, look up                              0
any other of ours   1 for each entry of its input or output, if more      the same
a user's own        unknown: None, if it has parameters                   None

bytes               inputs and parameters read, the output written        delta, inputs and parameters read,
                                                                          gradients and the delta below written
"""

import math
from typing import NamedTuple

import numpy as np

from backprop.layers import Bias, Embedding, Flatten, Linear, PReLU, Unflatten
from backprop.layers.conv import Convolution
from backprop.layers.conv_transpose import TransposedConvolution
from backprop.layers.norm import Affine
from backprop.layers.padding import Padding
from backprop.layers.pool import AdaptiveAvgPooling, AvgPooling, MaxPooling
from backprop.layers.recurrent_stack import RecurrentStack

WITH_MATRIX = (Linear, Convolution, TransposedConvolution, RecurrentStack)


class Cost(NamedTuple):
    """Of one call in one direction."""

    flops: int | None
    bytes: int


def of(module, a, output):
    """(forward, backward) Costs of the call that computed `output` from the array a."""
    parameters = [p for _, p in module.own_parameters()]
    forward, backward = _flops(module, a, output, parameters)
    if isinstance(module, (Flatten, Unflatten)) or output is a:  # another view of the same numbers
        return Cost(forward, 0), Cost(backward, 0)
    read, written = a.nbytes, getattr(output, "nbytes", 8)
    if isinstance(module, Embedding):  # only the rows that are looked up
        return Cost(0, read + 2 * written), Cost(0, read + 2 * written)
    stored = sum(p.data.nbytes for p in parameters)
    learned = sum(p.data.nbytes for p in parameters if p.requires_grad)
    return Cost(forward, read + stored + written), Cost(backward, written + read + stored + learned + read)


def _flops(module, a, output, parameters):
    """(forward, backward)"""
    entries = max(a.size, np.size(output))
    if isinstance(module, (Flatten, Unflatten, Padding, Embedding)):
        return 0, 0
    if isinstance(module, (MaxPooling, AvgPooling)):
        window = output.size * math.prod(module.kernel_size)
        return window, window
    if isinstance(module, WITH_MATRIX):
        matrices = [p for p in parameters if len(p.shape) > 1]
        biases = [p for p in parameters if len(p.shape) == 1]
        products = {p: 2 * p.size * _uses(module, p, a, output) for p in matrices}
        sums = {
            p: a.size // a.shape[-1] * p.size if isinstance(module, RecurrentStack) else output.size for p in biases
        }
        learned = sum(n for p, n in {**products, **sums}.items() if p.requires_grad)
        return sum(products.values()) + sum(sums.values()), sum(products.values()) + learned
    ours = isinstance(module, (Bias, Affine, PReLU, AdaptiveAvgPooling)) or not parameters
    return (entries, entries) if ours else (None, None)


def _uses(module, weight, a, output):
    """How many times each weight is used: in every sample, at every position, in every step."""
    if isinstance(module, RecurrentStack):
        return a.size // a.shape[-1]
    if isinstance(module, TransposedConvolution):
        return a.size // weight.shape[0]
    return output.size // weight.shape[0] if weight.shape[0] else 0
