"""A network as a table: every layer, the shapes that go through it, and its number of parameters."""

import ast
import functools
import inspect

import numpy as np

from backprop.columns import table, wrapped
from backprop.errors import IndexRangeError
from backprop.kernels import use_kernels
from backprop.training.plan import obstacle


def summary(net, input_shape=None, dtype=None):
    """A text with one line per layer: its path, the call that makes it, its input and output shapes, its parameters.

    The last line says whether a step of training is recorded (`bp.compile`, `bp.fit`), and if not, why.

    `input_shape` is that of a whole batch, (N, ...): a copy of the network is called with zeros of that shape. Their
    `dtype` is by default the parameters' type, or integers where an Embedding comes first. Without `input_shape` the
    shapes are those of the last call.

    >>> import backprop as bp
    >>> print(summary(bp.Sequential(bp.Flatten(), bp.Linear(784, 10)), (64, 28, 28)))
      layer                   input         output     parameters
      0      Flatten()        (64, 28, 28)  (64, 784)
      1      Linear(784, 10)  (64, 784)     (64, 10)   7850
             total                                     7850
    A step of training is recorded once, then replayed.
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
    reason = obstacle(net)
    last = "A step of training is recorded once, then replayed."
    if reason is not None:
        last = f"A step of training runs layer by layer: {reason}."
    return "\n".join([*table(rows(net), spare=["input"]), wrapped(last)])


def rows(net):
    """The cells of the table: the heading, a row for each layer, and the total."""
    found = [("layer", "", "input", "output", "parameters")]
    for path, module in net._walk():
        of_children = sum(parameter.size for child in module.children() for parameter in child.parameters())
        own = sum(parameter.size for parameter in module.parameters()) - of_children
        if module.children() and not own:
            continue
        shapes = (
            ("?", "?") if module.call is None else (", ".join(map(str, module.call.inputs)), module.call.output_shape)
        )
        found.append((path, as_typed(module), *shapes, str(own or "")))
    return [*found, ("", "total", "", "", str(sum(parameter.size for parameter in net.parameters())))]


PAIRS = "kernel_size", "stride", "padding", "output_padding", "dilation", "output_size"  # where 2 stands for (2, 2)


def as_typed(module):
    """The call that makes this module, as one would type it: without options that have their default value.

    >>> import backprop as bp
    >>> print(as_typed(bp.Conv2d(1, 6, kernel_size=5, padding=2)), as_typed(bp.MaxPool2d(2)))
    Conv2d(1, 6, 5, padding=2) MaxPool2d(2)
    """
    return _as_typed(type(module), module.extra_repr())


@functools.lru_cache(1024)
def _as_typed(kind, arguments):
    name = kind.__name__
    try:
        call = ast.parse(f"{name}({arguments})", mode="eval").body
        typed = [ast.unparse(value) for value in call.args]
        options = [(keyword.arg, ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (SyntaxError, ValueError, AttributeError):  # a user's extra_repr may return any text
        return f"{name}({arguments})"
    known, kernel = inspect.signature(kind).parameters, None
    for option, value in options:
        if option not in known:  # fixed by its class
            continue
        default = known[option].default
        if option in PAIRS and isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        by_place = known[option].kind is not inspect.Parameter.KEYWORD_ONLY
        if default is inspect.Parameter.empty and by_place and len(typed) == list(known).index(option):
            typed.append(repr(value))
        elif value != default and not (option == "stride" and default is None and value == kernel):
            typed.append(f"{option}={value!r}")
        kernel = value if option == "kernel_size" else kernel
    return f"{name}({', '.join(typed)})"
