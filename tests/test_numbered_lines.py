"""Every line marked with a formula's number computes what its comment says in NumPy, in float64, on random shapes."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax

import backprop as bp
from backprop.kernels.reference.more_activations import TABLE
from backprop.layers import more_activations
from backprop.lecture.companion.entries import ENTRIES
from backprop.lecture.formulas import belongs, computed
from tests.numbered_lines import other_operators, same, watched

SHAPES = 3  # of each layer

# The words that the comments use beside NumPy's.


def onehot(y, classes):
    return np.eye(classes)[y]


def before(h, h0):
    return np.concatenate([h0[None], h[:-1]])


def after(d):
    return np.concatenate([d[1:], 0 * d[:1]])


def patches(layer):
    """(N, C, H, W) -> (N, C, H_out, W_out, P, Q), what each window of a layer sees of an image: a linear map."""
    (p, q), (s, t), (top, left) = layer.kernel_size, layer.stride, layer.padding
    d, e = getattr(layer, "dilation", (1, 1))
    outside = -np.inf if type(layer).__name__ == "MaxPool2d" else 0  # the class is a watched one, not bp's

    def see(a):
        a = np.pad(a, [(0, 0), (0, 0), (top, top), (left, left)], constant_values=outside)
        seen = np.lib.stride_tricks.sliding_window_view(a, (d * (p - 1) + 1, e * (q - 1) + 1), (-2, -1))
        return seen[:, :, ::s, ::t, ::d, ::e]

    return see


def adjoint(see, image):
    """What `see` is the other way round: each entry of a patch is added to the place of the image it came from."""

    def add_up(seen):
        places = see(np.arange(1.0, 1 + np.prod(image)).reshape(1, 1, *image))[0, 0].astype(int)
        out = np.zeros((*seen.shape[:2], 1 + np.prod(image)))
        for n, c in np.ndindex(seen.shape[:2]):
            np.add.at(out[n, c], places, seen[n, c])
        return out[:, :, 1:].reshape(*seen.shape[:2], *image)

    return add_up


def windows(layer, inputs):
    image = inputs[0].shape[2:]
    if type(layer).__name__ == "ConvTranspose2d":  # whose windows are those of the image that it gives
        each = zip(image, layer.stride, layer.dilation, layer.kernel_size, layer.padding, strict=True)
        image = [s * (h - 1) + d * (p - 1) + 1 - 2 * pad for h, s, d, p, pad in each]
    see = patches(layer)
    return {"patches": see, "add_up": adjoint(see, image)}


def largest(layer, inputs):
    """taken[n,c,i,j,h,w]: 1 where h, w is the first largest entry of window i, j, else 0."""
    see = patches(layer)
    places = see(np.arange(1.0, 1 + inputs[0][0, 0].size).reshape(1, 1, *inputs[0].shape[2:]))[0, 0]
    seen = see(inputs[0])
    seen = seen.reshape(*seen.shape[:4], -1)
    where = np.take_along_axis(places.reshape(1, 1, *seen.shape[2:]), seen.argmax(-1)[..., None], -1)[..., 0]
    return onehot(where.astype(int) - 1, inputs[0][0, 0].size).reshape(*where.shape, *inputs[0].shape[2:])


def adaptive(layer, inputs):
    """rows[i,h] and columns[j,w]: 1 over a window's length where it covers h or w."""
    found = []
    for length, out in zip(inputs[0].shape[2:], layer.output_size, strict=True):
        i, h = np.arange(out)[:, None], np.arange(length)
        covered = (h >= i * length // out) & (h < -(-(i + 1) * length // out))
        found.append(covered / covered.sum(1, keepdims=True))
    return dict(zip(("rows", "columns"), found, strict=True))


def table(layer, inputs):
    sigma, slope = TABLE[layer.row]
    return {"sigma": lambda u: sigma(u, *layer._numbers()), "slope": lambda u: slope(u, *layer._numbers())}


def margin(layer, inputs):
    left, right = layer.padding
    return {"index": np.pad(np.arange(inputs[0].shape[-1]), (left, right), layer.mode)}


def kept(layer, inputs):
    ones = np.ones_like(inputs[0])
    return {"keep": (bp.functional.dropout(ones, layer.cache[0], layer.p) > 0) * 1.0} if layer.call else {}


def heads(layer, inputs):
    """cut(q) (N, heads, L, E) and its reverse, and the output's weights."""
    count = layer.num_heads
    return {
        "cut": lambda a: a.reshape(*a.shape[:2], count, -1).swapaxes(1, 2),
        "join": lambda a: a.swapaxes(1, 2).reshape(len(a), a.shape[2], -1),
        "E": layer.embed_dim // count,
        "softmax": softmax,
        "W_o": layer.out_proj.weight.data,
        "b_o": layer.out_proj.bias.data,
    }


# Layer -> (how one with sizes of its own is made, what its inputs are, more words).


def x(rng, *shape):
    return rng.standard_normal(shape)


def linear(kind, rng, n):
    return kind(n + 1, n + 2, dtype=float), (x(rng, n + 3, n + 1),)


def element_wise(kind, rng, n):
    return kind(), (x(rng, n, n + 1),)


def convolution(kind, rng, n):
    layer = kind(n, n + 1, (2, 3), stride=(1, n), padding=(n, 0), dilation=(1, 2), dtype=float)
    return layer, (x(rng, 2, n, n + 4, n + 6),)


def pooling(kind, rng, n):
    return kind((2, 3), stride=(1, 2), padding=(1, n % 2)), (x(rng, 2, n, n + 4, n + 3),)


def recurrent(kind, rng, n):
    return kind(n + 1, n, dtype=float), (x(rng, n + 2, 3, n + 1), *states(kind, rng, n))


def states(kind, rng, n):
    return (np.stack([x(rng, 1, 3, n)] * 2) if kind.__name__ == "LSTM" else x(rng, 1, 3, n),)


def numbers(kind, rng, n):
    options = {"HuberLoss": {"delta": 0.8}, "SmoothL1Loss": {"beta": 0.7}}.get(kind.__name__, {})
    return kind(**options), (x(rng, n, n + 1), x(rng, n, n + 1))


def probabilities(kind, rng, n):
    a, y = rng.uniform(0.1, 0.9, (2, n, n + 1))
    return kind(), (np.log(a) if kind.__name__ == "KLDivLoss" else a, y)


def classes(kind, rng, n):
    options = {"label_smoothing": 0.1 * n} if kind.__name__ == "CrossEntropyLoss" else {}
    return kind(**options), (x(rng, n + 1, n + 2), rng.integers(0, n + 2, n + 1))


CASES = {
    "Linear": linear,
    "Bias": lambda kind, rng, n: (kind(n, dtype=float), (x(rng, 4, n),)),
    **dict.fromkeys(("ReLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax", "ELU", "GELU", "SiLU"), element_wise),
    "PReLU": lambda kind, rng, n: (kind(dtype=float), (x(rng, n, 4),)),
    **dict.fromkeys(("Conv2d", "ConvTranspose2d"), convolution),
    **dict.fromkeys(("MaxPool2d", "AvgPool2d"), pooling),
    "AdaptiveAvgPool2d": lambda kind, rng, n: (kind((n, 3)), (x(rng, 2, n, n + 3, 5),)),
    "Dropout": lambda kind, rng, n: (kind(0.3), (x(rng, n, 20),)),
    "ReflectionPad1d": lambda kind, rng, n: (kind((n, 1)), (x(rng, 2, 2, n + 3),)),
    "Embedding": lambda kind, rng, n: (kind(n + 2, n, dtype=float), (rng.integers(0, n + 2, 2 * n),)),
    "GroupNorm": lambda kind, rng, n: (kind(n, 2 * n, dtype=float), (x(rng, 3, 2 * n, n + 1),)),
    "LayerNorm": lambda kind, rng, n: (kind(n + 1, dtype=float), (x(rng, 3, n + 1),)),
    "RMSNorm": lambda kind, rng, n: (kind(n + 1, dtype=float), (x(rng, 3, n + 1),)),
    "BatchNorm1d": lambda kind, rng, n: (kind(n, dtype=float), (x(rng, 5, n),)),
    "SyncBatchNorm": lambda kind, rng, n: (kind(n, dtype=float), (x(rng, 5, n, 3),)),
    **dict.fromkeys(("RNN", "GRU", "LSTM"), recurrent),
    "MultiheadAttention": lambda kind, rng, n: (
        kind(2 * n, 2, batch_first=True, dtype=float),
        (x(rng, 2, n + 1, 2 * n), x(rng, 2, n + 2, 2 * n), x(rng, 2, n + 2, 2 * n)),
    ),
    "GraphConv": lambda kind, rng, n: (kind(n, n + 1, dtype=float), (x(rng, 4, n), x(rng, 4, 4))),
    **dict.fromkeys(("MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss"), numbers),
    **dict.fromkeys(("BCELoss", "KLDivLoss"), probabilities),
    "BCEWithLogitsLoss": lambda kind, rng, n: (kind(), (x(rng, n, 3), rng.uniform(0.1, 0.9, (n, 3)))),
    **dict.fromkeys(("CrossEntropyLoss", "NLLLoss"), classes),
}
MORE = {
    **dict.fromkeys(("Conv2d", "ConvTranspose2d", "AvgPool2d"), windows),
    "MaxPool2d": lambda layer, inputs: windows(layer, inputs) | {"taken": largest(layer, inputs)},
    "AdaptiveAvgPool2d": adaptive,
    **dict.fromkeys(("ELU", "GELU", "SiLU"), table),
    "RNN": lambda layer, inputs: {"sigma": np.tanh, "slope": lambda h: 1 - h**2},
    "MultiheadAttention": heads,
    "ReflectionPad1d": margin,
    "Dropout": kept,
    "SyncBatchNorm": lambda layer, inputs: {"over_shards": lambda a: a},
}


@functools.cache
def lines_of(name):
    """All Lines that were run of a layer, forward and backward, with SHAPES shapes."""
    lines, rng = [], np.random.default_rng(0)

    def words(module):
        arrays = {path.rpartition(".")[2]: p.data for path, p in module.named_parameters()}
        given = {"onehot": onehot, "before": before, "after": after, "sigmoid": expit}
        for letter, path in {"X": "weight", "gamma": "weight", "w": "weight", "mu": "bias", "beta": "bias"}.items():
            given[letter] = arrays.get(path, np.zeros(1))
        if len(inputs) > 1 and np.asarray(inputs[1]).dtype.kind == "i":
            given["C"] = inputs[0].shape[1]
        return given | (MORE[name](module, inputs) if name in MORE else {})

    kind = watched(getattr(bp, name), lines, words)
    with bp.use_kernels("reference"):
        for n in range(1, 1 + SHAPES):
            bp.manual_seed(n)
            module, inputs = CASES[name](kind, rng, n + 1)
            for _, array in [*module.named_parameters(), *module.named_buffers()]:
                if array.data.dtype.kind == "f":
                    array.data[...] = x(rng, *array.shape)
            out = module(*inputs)
            delta = x(rng, *out.shape) if isinstance(out, np.ndarray) else rng.standard_normal()
            module.backward(delta)
    return lines


@pytest.mark.parametrize("name", CASES)
def test_every_numbered_line_computes_what_stands_on_it(name):
    lines = lines_of(name)
    assert lines
    for line in lines:
        assert not line.differs(), f"{line.file}:{line.line} is not {line.said}: {line.differs()}"


def test_another_operator_in_any_comment_is_noticed():
    seen = {}
    for name in CASES:
        for line in lines_of(name):
            for said in other_operators(line.said):
                key = f"{line.file}:{line.line} {said}"
                seen[key] = seen.get(key, False) or noticed(line, said)
    assert len(seen) > 200
    assert [key for key, one in seen.items() if not one] == []


def noticed(line, said):
    try:
        with np.errstate(all="ignore"):
            return bool(line.differs(said))
    except (ValueError, TypeError, IndexError):
        return True


# An optimizer's formulas, in the order in which they are applied; their comments stand above its kernel's name.
OPTIMIZERS = [
    ("SGD", {}, "15"),
    ("SGD", {"momentum": 0.7, "dampening": 0.2}, "15a 15b"),
    ("RMSprop", {"alpha": 0.8}, "41a 41b"),
    ("RMSprop", {"alpha": 0.8, "momentum": 0.7}, "41a 41c 41d"),
    ("Adam", {"betas": (0.8, 0.9)}, "42a 42b 42c"),
    ("AdamW", {"betas": (0.8, 0.9), "weight_decay": 0.3}, "43 42a 42b 42c"),
]
STATES = {"v": "momentum", "s": "square"}
STATES_OF_ADAM = {"m": "mean", "s": "square"}


def steps_of(name, options, marks):
    """Lines: the third step of an optimizer, whose values are theta and the states that it keeps."""
    kind = getattr(bp, name)
    source = Path(sys.modules[kind.__module__].__file__).read_text()
    said = {part.numbers[0]: part for parts in computed(source).values() for part in parts}
    for n in range(1, 1 + SHAPES):
        rng = np.random.default_rng(n)
        p = bp.Parameter(x(rng, n, 3))
        optimizer = kind([p], lr=0.3, **options)
        kept = STATES_OF_ADAM if "Adam" in name else STATES
        for _ in range(3):
            theta, g, state = p.data.copy(), x(rng, n, 3), optimizer.state[p]
            given = {letter: state[word].copy() for letter, word in kept.items() if word in state}
            optimizer.zero_grad()
            p.accumulate(g)
            optimizer.step()
        group = optimizer.param_groups[0]
        names = {key: group[key] for key in group if key not in ("params", "lr", "betas")}
        names |= {"beta1": group["betas"][0], "beta2": group["betas"][1]} if "betas" in group else {}
        names |= {"eta": 0.3, "beta": group.get("momentum"), "g": g, "t": 3, "sqrt": np.sqrt, "theta": theta, **given}
        found = {letter: state[word] for letter, word in kept.items() if word in state} | {"theta": p.data}
        yield [said[mark] for mark in marks.split()], names, found


def agree(said, names, found):
    names = dict(names)
    with np.errstate(all="ignore"):
        for part in said:
            exec(f"{part.name} = {part.expression}", names)
    return all(same(names[name], value) for name, value in found.items())


@pytest.mark.parametrize(("name", "options", "marks"), OPTIMIZERS)
def test_an_optimizers_step_is_what_its_comments_say(name, options, marks):
    with bp.use_kernels("reference"):
        steps = list(steps_of(name, options, marks))
    for said, names, found in steps:
        assert agree(said, names, found)
    others = [[agree(other, *rest) for other in other_operators(said)] for said, *rest in steps]
    assert not any(all(one) for one in zip(*others, strict=True)) and others[0]


def test_the_number_of_every_formula_stands_on_a_line_that_computes_it():
    ran = {number for name in CASES for line in lines_of(name) for part in line.said for number in part.numbers}
    ran |= {mark for _, _, marks in OPTIMIZERS for mark in marks.split()}
    itself = {"16", "17", "18", "19", "20", "44", "45", "46", "47"}  # these lines are the arithmetic (the file beside)
    missing = [f for f in ENTRIES if f not in itself and not any(belongs(number, f) for number in ran)]
    assert missing == []


def test_every_comment_in_numpy_is_run_by_a_case():
    said = {
        (path.stem, line)
        for folder in (Path(more_activations.__file__).parent, Path(bp.loss.__file__).parent)
        for path in folder.glob("*.py")
        for line in computed(path.read_text())
    }
    ran = {(line.file.rpartition(".")[2], line.line) for name in CASES for line in lines_of(name)}
    assert said - ran == set()
