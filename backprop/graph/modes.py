"""Two ways through a graph: adjoints from the end back to the beginning, tangents from the beginning to the end.

    reverse  (17)  vbar_i = sum_j vbar_j dphi_j/dv_i      vbar_i = dL/dv_i; j runs over all that v_i went into
    forward  (18)  vdot_i = sum_k dphi_i/dv_k vdot_k      vdot_i = dv_i/dx; k runs over all that v_i is computed from

One pass of (17) gives the adjoints of all inputs of one output, which is what a loss needs. One pass of (18) gives the
tangents of all outputs for one input x.

Why the adjoints start with 1 (A 22:21): vbar_output is dL/d(output), and the output is L: dL/dL = 1.

Why their order is forced (A 22:21-28:13): vbar_i is a sum, with one share from every v_j that used v_i. To pass it on
before the last share has arrived would pass on too little. In the lecture's f = log x1 + x1 x2 - sin x2, x1 was used by
v1 = log x1 and by v2 = x1 x2: both must have their adjoints before x1bar is complete, and they get theirs from v4 = v1
+ v2. So every value must come after all values that used it. A value is born after all that it is computed from, so the
order from the last born to the first satisfies this.

y = v x1 with v = x1 + x2 at (2, 3), by hand: v = 5, y = 10.

>>> from backprop.graph import Value
>>> x1, x2 = Value(2), Value(3)
>>> v = x1 + x2                                       # (16)
>>> y = v * x1
>>> [float(vbar) for _, vbar in reverse(y)]           # (17) ybar = 1, vbar = x1 = 2, x2bar = 2, x1bar = 5 + 2
[1.0, 2.0, 2.0, 7.0]
>>> [float(vdot) for _, vdot in forward(y, {x1: 1, x2: 0})]     # (18) 1, 0, vdot = 1 + 0, ydot = vdot x1 + v 1
[1.0, 0.0, 1.0, 7.0]

x1 was used twice, so x1bar has two shares; both ways lead to dy/dx1 = 7.
"""

import numpy as np

from backprop import functional as F
from backprop.errors import ShapeError
from backprop.kernels import recorder
from backprop.kernels.recording import computed


def ancestry(*outputs):
    """The outputs and all that they were computed from, first born first; only values that adjoints go to.

    A loop, not a recursion: a chain may be longer than Python's stack is deep.
    """
    found, waiting = set(outputs), list(outputs)
    while waiting:
        for parent in waiting.pop().parents:
            if parent.requires_grad and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return sorted(found, key=lambda v: v.born)


def reverse(output, delta=None):
    """Yield (v, vbar) for each value of the graph, from the output back; vbar is dL/dv.           (17)

    delta    dL/d(output); 1 unless given. ShapeError if it is not given and the output is not a single number.

    Of a tuple of outputs delta is a tuple, too, None where L does not depend on one. An adjoint is not kept once it is
    yielded. A module's parameters get their gradients on the way.
    """
    if isinstance(output, tuple):
        given = [(v, d) for v, d in zip(output, delta, strict=True) if d is not None and v.requires_grad]
    else:
        given = [(output, delta)]
    shares = {}
    for v, d in given:
        shares[v] = _seed(v, d) if v not in shares else shares[v] + d
    for v in reversed(ancestry(*shares)):
        vbar = shares.pop(v)  # complete: all that used v were born later, and have had their turn
        yield v, vbar
        for parent, share in handed_down(v, vbar):
            so_far = shares.get(parent)
            shares[parent] = share if so_far is None else added(so_far, share)


def added(a, b):
    """a + b: within a recorded step by a kernel, so that all threads add; the bits are the same."""
    alike = a.shape == b.shape and a.dtype == b.dtype and a.dtype.kind == "f"
    if recorder.get() is not None and alike:
        return F.add(a, b)
    return computed(_added, a, b)


def _added(so_far, share):
    total = so_far + share  # (17) one share for each use
    return F.of_type(total, share.dtype)


def handed_down(v, vbar):
    """(parent, vbar dv/dparent) for each parent of v that adjoints go to.                         (17)"""
    if not v.parents:
        return
    wanted = [parent.requires_grad for parent in v.parents]
    pulled = _pulled(v, vbar, wanted)  # (17)
    for parent, share in zip(v.parents, pulled, strict=True):
        if parent.requires_grad:
            yield parent, share


def _pulled(v, vbar, wanted):
    """A share of vbar for each parent.                                                            (17)"""
    arrays, operation = [parent.data for parent in v.parents], v.operation

    def pull(vbar, data, *arrays):
        shares = operation.pull(vbar, data, list(arrays), wanted, **v.options)
        pairs = zip(shares, v.parents, strict=True)
        return [None if share is None else F.of_type(share, parent.dtype) for share, parent in pairs]

    return pull(vbar, v.data, *arrays) if operation.by_kernels else computed(pull, vbar, v.data, *arrays)


def forward(output, tangents):
    """Yield (v, vdot) for each value of the graph, from the inputs on; vdot is None where nothing moves.  (18)

    tangents    Value -> vdot, of its shape, for the inputs: 1 for the input x to differentiate by, 0 for the others
    """
    dots = {v: np.asarray(dot, v.dtype) for v, dot in tangents.items()}
    for v, dot in dots.items():
        if dot.shape != v.shape:
            raise ShapeError(f"a tangent must have its value's shape {v.shape}, got {dot.shape}")
    for v in ancestry(output):
        parents = [dots.get(parent) for parent in v.parents]
        if v not in dots and any(dot is not None for dot in parents):
            moved = v.operation.push(v.data, [p.data for p in v.parents], parents, **v.options)  # (18)
            dots[v] = np.broadcast_to(np.asarray(moved, v.dtype), v.shape)
        yield v, dots.get(v)


def _seed(output, delta):
    if delta is None:
        if output.size != 1:
            raise ShapeError(
                f"backward of a value of shape {output.shape} expects delta = dL/d(value); or sum() it to one number"
            )
        return F.filled(1, output.shape, output)  # (17) the output is L
    delta = F.of_type(delta, output.dtype)
    if delta.shape != output.shape:
        raise ShapeError(f"delta must have the value's shape {output.shape}, got {delta.shape}")
    return delta
