"""A picture's way through a network, and delta's way back: every number that each layer outputs and is handed."""

from typing import NamedTuple

import numpy as np

from backprop.kernels.device import to_host
from backprop.layers import MultiheadAttention
from backprop.loss import CrossEntropyLoss
from backprop.module import Module
from backprop.show.explain.names import LayerNames
from backprop.show.explain.watching import Watch, norm
from backprop.show.summary import as_typed


class Row(NamedTuple):
    """One array on the way: the input, a layer's output, or the loss.

    path, layer    where and what computed it; both empty for the input
    formula        "u₁ = a₀X₁ᵀ + μ₁", the input's "a₀"
    module, reads  what computed it, and from which array (1, ...); None for the input
    value, delta   the array itself (1, ...), and dL/d(it), None before a class was chosen
    """

    path: str
    layer: str
    formula: str
    module: Module | None
    reads: np.ndarray | None
    value: np.ndarray
    delta: np.ndarray | None

    @property
    def symbol(self):
        return self.formula.split(" = ")[0]

    @property
    def weights(self):
        """Of attention what each head looks at, (heads, places, places): a row for each place that looks; else None."""
        found = getattr(self.module, "attn_weights", None) if isinstance(self.module, MultiheadAttention) else None
        return None if found is None else to_host(found)[0]


class Pass:
    """Forward for one image x (1, ...), in evaluation; and backward from the loss of class `target`, if it is given.

    rows     the input, each layer that is called, in this order, and with a target the loss
    net      a copy, so that nothing is left behind in the network itself: neither caches nor gradients; or `twin`, such
             a copy that was made before

    >>> import backprop as bp
    >>> way = Pass(bp.Sequential(bp.Linear(2, 3), bp.ReLU()), np.ones((1, 2), np.float32), target=1)
    >>> [row.symbol for row in way.rows], [row.delta.shape for row in way.rows]
    (['a₀', 'u₁', 'a₁', 'L'], [(1, 2), (1, 3), (1, 3), ()])
    """

    def __init__(self, net, x, target=None, twin=None):
        self.net, self.target = twin or net.bare_copy().eval(), target
        loss = CrossEntropyLoss()
        watch = _Track(self.net, loss, x)
        scores, delta_x = self.net(x), None
        if target is not None:
            loss(scores, np.array([target]))
            delta_x = self.net.backward(loss.backward())
        watch.end()
        self.rows = [Row("", "", "a₀", None, None, x, delta_x), *watch.rows()]
        self.scores = to_host(scores)

    def readers(self, number):
        """The rows that were computed from the array of this row."""
        value = self.rows[number].value
        return [place for place, row in enumerate(self.rows) if row.reads is value]

    def facts(self):
        """What a page needs beside the arrays, for each row."""
        return [
            {
                "path": row.path,
                "layer": row.layer,
                "formula": row.formula,
                "shape": shape_of_one(row.value),
                "norm": norm(row.value),
                "delta": None if row.delta is None else norm(row.delta),
                "weights": None if row.weights is None else list(row.weights.shape),
            }
            for row in self.rows
        ]


def shape_of_one(array):
    """The shape without the axis of samples, of which there is one."""
    shape = np.shape(array)
    return list(shape[1:] if shape[:1] == (1,) else shape)


class _Track(Watch):
    """Keeps input, output and delta of every call of a layer: a module without submodules, or the loss."""

    def __init__(self, net, loss, x):
        self.seen, self.names = {}, LayerNames(x)
        super().__init__(net, loss)

    def after_forward(self, module, inputs, output):
        place = self.new_place(module)
        if module.children() and not module.own_parameters() and module is not self.loss:
            return
        if isinstance(output, (tuple, list)):  # several arrays are not drawn: a graph, as for what is between layers
            return
        formula, _ = self.names.formula(module, inputs[0], output)
        value = np.asarray(output, np.float32) if module is self.loss else output
        self.seen[place] = [formula, module, inputs[0], value, None]

    def before_backward(self, module, delta):
        place = self.place(module)
        if place in self.seen:
            self.seen[place][-1] = np.ones((), np.float32) if module is self.loss else delta

    def rows(self):
        """A row for each call that computed something: neither dropout, which does nothing in evaluation, nor a part
        of a layer that is a row itself.
        """
        whole = {id(inner) for module, _ in self.seen for inner in module.modules() if inner is not module}
        for (module, _), parts in self.seen.items():
            if id(module) not in whole and parts[3] is not parts[2]:
                yield Row(self.paths[module], as_typed(module), *parts)
