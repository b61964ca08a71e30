"""What met in a number, and how much of it each is.

An output of a layer is made of entries of its input, each times a slope; a delta is made of the deltas above it, each
times the same slopes, (7), (13). So both are asked of the layer itself: a delta of 1 at one output, sent through its
`backward`, comes back as the slopes of that output by every input.
"""

from typing import NamedTuple

import numpy as np

from backprop.kernels.device import to_host

MOST_ABOVE = 1024  # deltas above of which one delta is made, the largest
STEP = 1e4  # of a change that finds the outputs an entry met, relative to 1 or the entry: large, so that none is missed
AT_ONCE = 1 << 22  # numbers of the copies that are asked in one backward


class Term(NamedTuple):
    """entry (flat index) of row `row`, its number there, the slope it is multiplied by, and their product."""

    entry: int
    number: float
    slope: float
    product: float


def terms_of_output(shown, entry):
    """(Terms over the inputs of one output, the input): a delta of 1 there, sent back."""
    twin = shown.module.bare_copy().eval()
    out = twin(shown.reads)
    unit = np.zeros(np.shape(out), out.dtype)
    unit.reshape(-1)[entry] = 1
    slopes, reads = (to_host(a).reshape(-1) for a in (twin.backward(unit), shown.reads))
    return _terms(reads, slopes, np.flatnonzero(slopes)), reads


def terms_of_input(reader, entry):
    """(Terms over the deltas above of which the delta of one input is made, how many smaller ones were not asked)"""
    twin, a = reader.module.bare_copy().eval(), to_host(reader.reads)
    step = STEP * max(abs(float(a.reshape(-1)[entry])), 1)
    moved = np.concatenate([a, a, a])
    moved.reshape(3, -1)[1:, entry] += (step, -step)
    with np.errstate(all="ignore"):
        outputs = to_host(twin(moved)).reshape(3, -1)
    above = to_host(reader.delta).reshape(-1)
    met = np.flatnonzero(((outputs[1] != outputs[0]) | (outputs[2] != outputs[0])) & (above != 0))
    all_met, met = len(met), met[np.argsort(-np.abs(above[met]), kind="stable")][:MOST_ABOVE]
    many = max(1, AT_ONCE // max(a.size, outputs[0].size))
    parts = [_slopes(twin, a, met[k : k + many], above.dtype)[:, entry] for k in range(0, len(met), many)]
    slopes = np.concatenate(parts) if parts else np.zeros(0)
    return _terms(above[met], slopes, np.flatnonzero(slopes), met), all_met - len(met)


def _slopes(twin, a, met, dtype):
    """The slopes of each of the outputs `met` by all inputs: of as many copies of a, in one backward."""
    out = twin(np.concatenate([a] * len(met)))
    units = np.zeros(np.shape(out), dtype)
    units.reshape(len(met), -1)[np.arange(len(met)), met] = 1
    return to_host(twin.backward(units)).reshape(len(met), -1)


def _terms(numbers, slopes, chosen, entries=None):
    entries = np.arange(len(numbers)) if entries is None else entries
    products = numbers * slopes
    order = chosen[np.argsort(-np.abs(products[chosen]), kind="stable")]
    return [Term(int(entries[k]), float(numbers[k]), float(slopes[k]), float(products[k])) for k in order]
