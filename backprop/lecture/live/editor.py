"""The little editor: some lines of Python that describe a network and how it learns. They are read, and never run.

    bp.manual_seed(0)
    net = bp.Sequential(
        bp.Flatten(),
        bp.Linear(784, 128),
        bp.ReLU(),
        bp.Linear(128, 10),
    )
    for p in net.parameters():
        bp.init.normal_(p, std=0.01)
    optimizer = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    batch_size = 64

Only these statements are known, in this order, all but the network optional. Only the LAYERS, OPTIMIZERS and INITIAL
below are called, and their arguments are numbers, words, None, or tuples of these. `net = models.lenet()` is known
too, and `allow_wrong_classes = True`. The `for` gives weights their first values; biases keep theirs.
"""

import ast
from typing import NamedTuple

import backprop as bp
from backprop.errors import OptionError
from backprop.lecture.live.budget import Budget, expect_small
from backprop.models.networks import MODELS
from backprop.module import Module, init
from backprop.module.rng import undisturbed
from backprop.show.summary import as_typed

# fmt: off
LAYERS = (
    "Linear", "Bias", "Flatten", "Identity", "Dropout", "Conv2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d",
    "BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm2d", "ReLU", "LeakyReLU", "ELU", "SELU",
    "GELU", "SiLU", "Mish", "Softplus", "Softsign", "Sigmoid", "Tanh", "Hardtanh", "Hardsigmoid", "ReLU6", "PReLU",
)
OPTIMIZERS = "SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad"
INITIAL = (
    "zeros_", "constant_", "normal_", "uniform_", "trunc_normal_", "orthogonal_", "xavier_normal_", "xavier_uniform_",
    "kaiming_normal_", "kaiming_uniform_",
)
# fmt: on
LONGEST = 8000  # characters
MOST_BATCH = 1024
MOST_EXPLAINED = 256
PARAMETERS = "net.parameters()"


class Described(NamedTuple):
    """What the lines describe."""

    text: str
    net: Module
    optimizer: object
    batch_size: int
    allow_wrong_classes: bool
    seed: int = 0
    images: int = 64  # that may go through it at once


def read(text, image, classes):
    """The Described of a text, for images (C, H, W).

    Raises OptionError with the number of the line for what is not known, too large, or refused by the engine.
    """
    if len(text) > LONGEST:
        raise OptionError(f"at most {LONGEST} characters, got {len(text)}")
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise OptionError(f"{f'line {line}: ' if line else ''}this is not Python") from None
    with undisturbed():  # a text that is refused leaves no trace
        return _described(text, lines, image, classes)


def _described(text, lines, image, classes):
    net, optimizer, batch_size, allow, seed, budget, initialized = None, None, 64, False, 0, Budget(image), False
    bp.manual_seed(seed)
    for line in lines:
        with _Line(line):
            match line:
                case ast.Expr(ast.Call(ast.Attribute(ast.Name("bp"), "manual_seed"), [number], [])) if net is None:
                    seed = _whole(number, 0, (1 << 63) - 1)
                    bp.manual_seed(seed)
                case ast.Assign([ast.Name("net")], ast.Call() as call) if net is None:
                    net = _network(call, image, classes, budget)
                case ast.For(ast.Name("p"), over, [ast.Expr(ast.Call() as call)], []) if (
                    net and not initialized and _words(over) == PARAMETERS
                ):
                    _initialize(net, call)
                    initialized = True
                case ast.Assign([ast.Name("optimizer")], ast.Call() as call) if net and not optimizer:
                    optimizer = _optimizer(net, call)
                case ast.Assign([ast.Name("batch_size")], value):
                    batch_size = _whole(value, 1, MOST_BATCH)
                case ast.Assign([ast.Name("allow_wrong_classes")], ast.Constant(bool() as value)):
                    allow = value
                case _:
                    raise OptionError("this statement is not supported, or out of order")
    if net is None:
        raise OptionError("a network is missing: net = bp.Sequential(...)")
    budget.expect_batches_of(batch_size)
    optimizer = optimizer or bp.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return Described(text, net, optimizer, batch_size, allow, seed, budget.most_images(MOST_EXPLAINED))


def written(model, image, classes, rest=""):
    """The text that describes one of MODELS: its layers, where it is a chain of those that are known."""
    with undisturbed():
        net = MODELS[model](image=image, classes=classes)
    if not all(type(layer).__name__ in LAYERS for layer in net.children()):
        return f"net = models.{model}()\n{rest}"
    layers = "".join(f"    bp.{as_typed(layer)},\n" for layer in net.children())
    return f"net = bp.Sequential(\n{layers})\n{rest}"


def _network(call, image, classes, budget):
    match call:
        case ast.Call(ast.Attribute(ast.Name("models"), name), [], []) if name in MODELS:
            net = MODELS[name](image=image, classes=classes)
            budget.add(net)
            return net
        case ast.Call(ast.Attribute(ast.Name("bp"), "Sequential"), parts, []):
            return bp.Sequential(*(_layer(part, budget) for part in parts))
    raise OptionError("net must be bp.Sequential(...) or models.NAME()")


def _layer(part, budget):
    with _Line(part):
        name, args, options = _call(part, LAYERS)
        expect_small(getattr(bp, name), args, options)
        layer = getattr(bp, name)(*args, **options)
        budget.add(layer)
        return layer


def _optimizer(net, call):
    if not call.args or _words(call.args[0]) != PARAMETERS:
        raise OptionError(f"an optimizer begins with {PARAMETERS}")
    name, args, options = _call(ast.Call(call.func, call.args[1:], call.keywords), OPTIMIZERS)
    return getattr(bp, name)(net.parameters(), *args, **options)


def _initialize(net, call):
    match call:
        case ast.Call(ast.Attribute(ast.Attribute(ast.Name("bp"), "init"), name), [ast.Name("p"), *args], keywords):
            name, args, options = _call(ast.Call(ast.Attribute(ast.Name("bp"), name), args, keywords), INITIAL)
            for p in net.parameters():
                if p.data.ndim > 1:
                    getattr(init, name)(p, *args, **options)
        case _:
            raise OptionError("first values are given by bp.init.NAME(p, ...)")


def _call(call, known):
    """(name, arguments, options) of `bp.NAME(...)`, all literals."""
    match call:
        case ast.Call(ast.Attribute(ast.Name("bp"), name), args, keywords) if name in known:
            try:
                return name, [*map(_literal, args)], {word.arg or "**": _literal(word.value) for word in keywords}
            except (ValueError, TypeError, RecursionError, MemoryError):
                raise OptionError(f"{name} takes numbers, words, None, or tuples of these") from None
    raise OptionError(f"{_words(call)[:40]} is not known here; known are {', '.join(known)}")


def _literal(node):
    value = ast.literal_eval(node)
    if isinstance(value, (bytes, complex, set, dict)) or isinstance(value, int) and abs(value) > 1 << 62:
        raise ValueError
    return value


def _whole(node, least, most):
    if isinstance(node, ast.Constant) and type(node.value) is int and least <= node.value <= most:
        return node.value
    raise OptionError(f"expects a whole number from {least} to {most}")


def _words(node):
    return ast.unparse(node)


class _Line:
    """Puts the number of the line in front of what goes wrong there."""

    def __init__(self, node):
        self.node = node

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, Exception) and not getattr(error, "placed", False):
            told = OptionError(f"line {self.node.lineno}: {str(error)[:400] or type(error).__name__}")
            told.placed = True
            raise told from None
