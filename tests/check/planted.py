"""Mistakes planted in right layers, each with the kind of diagnosis that it must get.

    python -m tests.check.planted          the table of all of them, against what the gradient check says

A mistake changes what one layer's backward computes for one array. "unknown" marks mistakes of no named kind.
"""

import sys
from typing import NamedTuple

import numpy as np

import backprop as bp
from backprop.columns import table


class Plant(NamedTuple):
    """`mistake(layer, delta, right, path)` gives the wrong gradient of the array at `path`; `right` has all of them."""

    layer: str
    path: str
    title: str
    kind: str
    mistake: object


def layer_and_inputs(name):
    """A small instance with sizes that differ wherever they can, and what it is called with."""
    bp.manual_seed(3)
    rng = np.random.default_rng(3)

    def x(*shape):
        return rng.choice([-1, 1], shape) * rng.uniform(0.3, 1.5, shape)

    return {
        "Linear": lambda: (bp.Linear(5, 5), (x(4, 5),)),
        "Conv2d": lambda: (bp.Conv2d(2, 2, 3, stride=2, padding=1), (x(3, 2, 6, 5),)),
        "ReLU": lambda: (bp.ReLU(), (x(4, 6),)),
        "Sigmoid": lambda: (bp.Sigmoid(), (x(4, 6),)),
        "MaxPool2d": lambda: (bp.MaxPool2d(3, stride=2, padding=1), (x(3, 2, 7, 6),)),
        "Softmax": lambda: (bp.Softmax(), (x(4, 5),)),
        "LSTM": lambda: (bp.LSTM(3, 2), (x(4, 2, 3),)),
        "MultiheadAttention": lambda: (bp.MultiheadAttention(6, 2), (x(4, 2, 6),)),
        "CrossEntropyLoss": lambda: (bp.CrossEntropyLoss(), (x(4, 4), np.array([0, 2, 1, 2]))),
    }[name]()


def planted(layer, path, mistake):
    """The layer with the mistake in its backward; its class keeps its name."""
    kind = type(layer)

    def forward(self, *inputs):
        self.inputs = [np.array(a) for a in inputs]
        return kind.forward(self, *inputs)

    def redo(self, delta):
        """What a right backward finds: each parameter's path, and "input", with its gradient."""
        for p in self.parameters():
            p.grad = None
        below = np.array(kind.backward(self, delta))
        return {**{name: np.array(p.grad) for name, p in self.named_parameters()}, "input": below}

    def backward(self, *delta):
        so_far = {name: None if p.grad is None else p.grad.copy() for name, p in self.named_parameters()}
        delta = delta[0] if delta else 1.0
        found = self.redo(delta)
        found[path] = np.ascontiguousarray(mistake(self, delta, dict(found), path))
        for name, p in self.named_parameters():
            before = None if mistake is overwritten and name == path else so_far[name]
            p.grad = found[name] if before is None else before + found[name]
        return found["input"]

    members = {"forward": forward, "backward": backward, "redo": redo}
    layer.__class__ = type(kind.__name__, (kind,), members)
    return layer


# What any gradient can suffer.


def negative(layer, delta, right, path):
    return -right[path]


def times(factor):
    return lambda layer, delta, right, path: factor * right[path]


def times_n(layer, delta, right, path):
    return right[path] * len(layer.inputs[0])


def over_n(layer, delta, right, path):
    return right[path] / len(layer.inputs[0])


def of_ones(layer, delta, right, path):
    return layer.redo(np.ones_like(delta))[path]


def of_delta(change):
    return lambda layer, delta, right, path: layer.redo(np.ascontiguousarray(change(delta)))[path]


def changed(change):
    return lambda layer, delta, right, path: change(right[path])


def overwritten(layer, delta, right, path):
    return right[path]


def nothing(layer, delta, right, path):
    return np.zeros_like(right[path])


def one_entry(layer, delta, right, path):
    wrong = right[path].copy()
    at = np.unravel_index(np.argmax(np.abs(wrong)), wrong.shape)
    wrong[at] *= 1.01
    return wrong


def noise(layer, delta, right, path):
    return right[path] * np.random.default_rng(1).uniform(0.9, 1.1, right[path].shape)


def plus_itself(layer, delta, right, path):
    """A decay that belongs to the optimizer."""
    theta = layer.inputs[0] if path == "input" else dict(layer.named_parameters())[path].data
    return right[path] + 0.1 * theta


def sample(index):
    def alone(delta):
        wrong = np.zeros_like(delta)
        wrong[index] = delta[index]
        return wrong

    return of_delta(alone)


# What only some layers can.


def with_weight(change):
    """Computed with another weight."""

    def wrong(layer, delta, right, path):
        kept = layer.weight.data.copy()
        layer.weight.data[...] = change(kept)
        found = layer.redo(delta)[path]
        layer.weight.data[...] = kept
        return found

    return wrong


def flip_taps(x):
    return x[..., ::-1, ::-1]


def by_taps(pad=(1, 1), stride=(2, 2), add=True):
    """(12) or (13) of the planted Conv2d, by loops, with numbers of one's own for padding and stride."""

    def wrong(layer, delta, right, path):
        a, x = layer.inputs[0], layer.weight.data
        places = delta.shape[2:]
        room = [8 + s * count for s, count in zip(stride, places, strict=True)]
        wide = np.zeros((*a.shape[:2], *[size + 2 * r for size, r in zip(a.shape[2:], room, strict=True)]))
        image = (..., *[slice(r, r + size) for r, size in zip(room, a.shape[2:], strict=True)])
        weight_grad = np.zeros_like(x)
        seen = wide.copy()
        seen[image] = a
        for p, q in np.ndindex(*x.shape[2:]):
            h, w = room[0] + p - pad[0], room[1] + q - pad[1]
            met = (..., slice(h, h + stride[0] * places[0], stride[0]), slice(w, w + stride[1] * places[1], stride[1]))
            weight_grad[:, :, p, q] = np.einsum("noij,ncij->oc", delta, seen[met])
            share = np.einsum("oc,noij->ncij", x[:, :, p, q], delta)
            wide[met] = wide[met] + share if add else share
        return weight_grad if path == "weight" else wide[image]

    return wrong


def pooled(move=(0, 0), add=True):
    """(14) of the planted MaxPool2d, with delta sent to a neighbour, or overwritten."""

    def wrong(layer, delta, right, path):
        where, (height, width) = layer.cache
        below = np.zeros_like(layer.inputs[0])
        for n, c, i, j in np.ndindex(*where.shape):
            h, w = divmod(int(where[n, c, i, j]), width)
            h, w = h + move[0], w + move[1]
            if 0 <= h < height and 0 <= w < width:
                below[n, c, h, w] = delta[n, c, i, j] + (below[n, c, h, w] if add else 0)
        return below

    return wrong


def as_if_averaged(layer, delta, right, path):
    pool = bp.AvgPool2d(layer.kernel_size, layer.stride, layer.padding)
    pool(layer.inputs[0])
    return pool.backward(delta)


def sigmoid(u):
    return 1 / (1 + np.exp(-u))


def with_slope(slope):
    """delta * slope(u, a, delta)"""

    def wrong(layer, delta, right, path):
        u = layer.inputs[0]
        return delta * slope(u, np.array(type(layer).__mro__[1].forward(layer, u)), delta)

    return wrong


def of_scores(gradient):
    """A wrong (9): gradient(softmax, onehot, N)"""

    def wrong(layer, delta, right, path):
        z, y = layer.inputs
        s = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return delta * gradient(s, np.eye(z.shape[1])[y], len(z))

    return wrong


def of_rows(start, stop, factor):
    """Some rows times a factor."""

    def wrong(layer, delta, right, path):
        found = right[path].copy()
        found[start:stop] *= factor
        return found

    return wrong


def anywhere(layer, paths):
    """The mistakes that every array of the layer can suffer."""
    for path in paths:
        yield Plant(layer, path, "sign flipped", "sign flipped", negative)
        yield Plant(layer, path, "twice as large", "constant factor", times(2))
        yield Plant(layer, path, "half as large", "constant factor", times(0.5))
        yield Plant(layer, path, "N times as large", "constant factor", times_n)
        yield Plant(layer, path, "divided by N", "constant factor", over_n)
        yield Plant(layer, path, "off by 0.05%", "constant factor", times(1.0005))
        yield Plant(layer, path, "one entry off by 1%", "one entry wrong", one_entry)
        yield Plant(layer, path, "left at 0", "no gradient", nothing)
        yield Plant(layer, path, "noise of 10%", "unknown", noise)
        yield Plant(layer, path, "weight decay in it", "unknown", plus_itself)
        if path != "input":
            yield Plant(layer, path, "overwritten in the second pass", "overwritten", overwritten)


def with_delta(layer, paths):
    """Those of layers whose delta is an array."""
    for path in paths:
        yield Plant(layer, path, "delta ignored", "delta ignored", of_ones)
        if path != "bias":  # which does not ask whose delta it was
            in_reverse, moved_on = of_delta(lambda d: d[::-1]), of_delta(lambda d: np.roll(d, 1, 0))
            yield Plant(layer, path, "delta's samples in reverse", "delta permuted", in_reverse)
            yield Plant(layer, path, "delta moved on by a sample", "delta permuted", moved_on)
        yield Plant(layer, path, "delta's features in reverse", "delta permuted", of_delta(lambda d: d[:, ::-1]))
        yield Plant(layer, path, "delta squared", "unknown", of_delta(lambda d: d * d))
        yield Plant(layer, path, "delta clipped", "unknown", of_delta(lambda d: np.clip(d, -0.5, 0.5)))
        if path != "input":
            yield Plant(layer, path, "the first sample alone", "axis not summed", sample(0))
            yield Plant(layer, path, "the last sample alone", "axis not summed", sample(-1))


def plants():
    """All of them, layer by layer."""
    named = {"Linear": ("weight", "bias", "input"), "Conv2d": ("weight", "bias", "input")}
    named |= dict.fromkeys(("ReLU", "Sigmoid", "MaxPool2d"), ("input",))
    found = [p for layer, paths in named.items() for kind in (anywhere, with_delta) for p in kind(layer, paths)]
    found += anywhere("CrossEntropyLoss", ("input",))

    def add(layer, path, title, kind, mistake):
        found.append(Plant(layer, path, title, kind, mistake))

    transposed, flipped = "transposed", "convolution for cross-correlation"
    padding, stride = "padding off by one", "stride off by one"
    wrong_variable = "sigma' of the wrong variable"
    add("Linear", "weight", "a^T delta for delta^T a", transposed, changed(np.transpose))
    add("Linear", "input", "delta X^T for delta X", transposed, with_weight(np.transpose))
    add("Linear", "input", "delta handed on", "delta handed on", lambda layer, delta, right, path: delta)
    add("Linear", "weight", "the sample before's delta", "delta permuted", of_delta(lambda d: np.roll(d, -1, 0)))
    add("Conv2d", "weight", "filters and channels exchanged", transposed, changed(lambda g: np.swapaxes(g, 0, 1)))
    add("Conv2d", "weight", "taps transposed", transposed, changed(lambda g: np.swapaxes(g, 2, 3)))
    add("Conv2d", "input", "filters and channels exchanged", transposed, with_weight(lambda x: np.swapaxes(x, 0, 1)))
    add("Conv2d", "weight", "taps flipped", flipped, changed(flip_taps))
    add("Conv2d", "input", "taps flipped", flipped, with_weight(flip_taps))
    add("Conv2d", "input", "taps overwrite each other", "overwritten", by_taps(add=False))
    for path in ("weight", "input"):
        add("Conv2d", path, "padding 0 for 1", padding, by_taps(pad=(0, 0)))
        add("Conv2d", path, "padding 2 for 1", padding, by_taps(pad=(2, 2)))
        add("Conv2d", path, "padding 0 for 1 in one axis", padding, by_taps(pad=(1, 0)))
        add("Conv2d", path, "stride 1 for 2", stride, by_taps(stride=(1, 1)))
        add("Conv2d", path, "stride 3 for 2", stride, by_taps(stride=(3, 3)))
        add("Conv2d", path, "stride 3 for 2 in one axis", stride, by_taps(stride=(2, 3)))
        add("Conv2d", path, "padding off by two", "unknown", by_taps(pad=(3, 3)))
    add("ReLU", "input", "sigma' missing", "sigma' missing", with_slope(lambda u, a, d: 1))
    add("ReLU", "input", "where delta > 0, not u", wrong_variable, with_slope(lambda u, a, d: d > 0))
    add("ReLU", "input", "the sides exchanged", "unknown", with_slope(lambda u, a, d: u < 0))
    add("ReLU", "input", "sigma for sigma'", "sigma for sigma'", with_slope(lambda u, a, d: a))
    add("Sigmoid", "input", "sigma' missing", "sigma' missing", with_slope(lambda u, a, d: 1))
    add("Sigmoid", "input", "u (1 - u) for a (1 - a)", wrong_variable, with_slope(lambda u, a, d: u * (1 - u)))
    add(
        "Sigmoid",
        "input",
        "sigma'(a), not sigma'(u)",
        wrong_variable,
        with_slope(lambda u, a, d: sigmoid(a) * (1 - sigmoid(a))),
    )
    add("Sigmoid", "input", "sigma'(delta)", wrong_variable, with_slope(lambda u, a, d: sigmoid(d) * (1 - sigmoid(d))))
    add("Sigmoid", "input", "sigma for sigma'", "sigma for sigma'", with_slope(lambda u, a, d: a))
    add("Sigmoid", "input", "1 - a alone", "unknown", with_slope(lambda u, a, d: 1 - a))
    add("Sigmoid", "input", "a (1 + a)", "unknown", with_slope(lambda u, a, d: a * (1 + a)))
    add("Softmax", "input", "the sum left out", "sum missing", with_slope(lambda u, a, d: a))
    add("Softmax", "input", "a (1 - a)", "diagonal only", with_slope(lambda u, a, d: a * (1 - a)))
    add("LSTM", "weight_ih_l0", "a gate's sign flipped", "some rows", of_rows(2, 4, -1))
    add("LSTM", "bias_hh_l0", "a gate twice", "some rows", of_rows(6, 8, 2))
    add("MultiheadAttention", "in_proj_weight", "the queries' 1/sqrt(E)", "some rows", of_rows(0, 6, np.sqrt(3)))
    add("MultiheadAttention", "in_proj_bias", "the values twice", "some rows", of_rows(12, 18, 2))
    add(
        "MultiheadAttention",
        "in_proj_weight",
        "other rows each time",
        "unknown",
        of_rows(0, 18, np.arange(18)[:, None]),
    )
    add("MaxPool2d", "input", "windows overwrite each other", "overwritten", pooled(add=False))
    add("MaxPool2d", "input", "one row too low", padding, pooled(move=(1, 0)))
    add("MaxPool2d", "input", "one row and column too high", padding, pooled(move=(-1, -1)))
    add("MaxPool2d", "input", "spread evenly over the window", "unknown", as_if_averaged)
    add("CrossEntropyLoss", "input", "transposed", transposed, changed(np.transpose))
    add("CrossEntropyLoss", "input", "onehot - softmax", "sign flipped", of_scores(lambda s, y, n: (y - s) / n))
    add("CrossEntropyLoss", "input", "without 1/N", "constant factor", of_scores(lambda s, y, n: s - y))
    add("CrossEntropyLoss", "input", "onehot left out", "unknown", of_scores(lambda s, y, n: s / n))
    add("CrossEntropyLoss", "input", "softmax left out", "unknown", of_scores(lambda s, y, n: -y / n))
    add("CrossEntropyLoss", "input", "labels in reverse", "unknown", of_scores(lambda s, y, n: (s - y[::-1]) / n))
    add("CrossEntropyLoss", "input", "rows in reverse", "permuted", changed(lambda g: g[::-1]))
    return found


def verdict(plant):
    """(the kind that the check's diagnosis has for it, its words, the other arrays that were called wrong)."""
    layer, inputs = layer_and_inputs(plant.layer)
    report = planted(layer, plant.path, plant.mistake).check(*inputs)
    rows = {row.path: row for row in report.rows}
    others = [path for path, row in rows.items() if path != plant.path and not row.ok]
    diagnosis = rows[plant.path].diagnosis
    return (diagnosis.kind, diagnosis.words, others) if diagnosis else (rows[plant.path].verdict, "", others)


def main():
    rows, right, unknown, wrong = [("layer", "array", "planted", "diagnosis", "")], 0, 0, 0
    for plant in plants():
        kind, words, others = verdict(plant)
        as_planted = kind == plant.kind and not others
        right, unknown = right + as_planted, unknown + (kind == "unknown" and not as_planted)
        wrong += not as_planted and kind != "unknown"
        mark = "" if as_planted else f"<- should be {plant.kind}"
        rows.append((plant.layer, plant.path, plant.title, words, mark))
    print("\n".join(table(rows)))
    print(f"{right} of {len(rows) - 1} named rightly, {wrong} wrongly, {unknown} called unknown that have a name")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
