"""The evaluation trace: a formula step by step, with its values on the way there and its adjoints on the way back."""

import contextlib
import inspect
from typing import NamedTuple

import numpy as np

from backprop.errors import GradientError, OptionError, ShapeError
from backprop.graph import ModuleCall, Value, ancestry, forward, handed_down
from backprop.show.trace import drawing, table
from backprop.show.trace.symbols import BAR, DOT, Symbols


def trace(f, *inputs, names=None, mode="reverse"):
    """Evaluate f step by step, and differentiate it step by step. Returns a Trace: print it, or save its picture.

    f        a function of Values that returns one number; it may use operators, NumPy's functions and Modules
    inputs   numbers or arrays, one for each argument of f
    names    what the inputs are called; by default, what f calls them
    mode     "reverse": adjoints, from the end back (17). "forward": tangents, a column for each input (18).

    Inputs are v₀ and below, what is computed from them v₁ and above, level by level, as in the lecture (A 14:55-20:07),
    whose function this is. Its second half is read upward, as it is computed:

    >>> print(trace(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2, 5))
    forward primal trace (16), read downward  |  reverse adjoint trace (17), read upward
                                              |
    v₋₁  = x1        = 2                      |  df/dx1  = v̄₋₁                   = 5.5
    v₀   = x2        = 5                      |  df/dx2  = v̄₀                    = 1.716
    v₁   = log(v₋₁)  = 0.693                  |  v̄₋₁     = v̄₋₁ + v̄₁ * (1 / v₋₁)  = 5.5
    v₂   = v₋₁ * v₀  = 10                     |  v̄₀      = v̄₀ + v̄₂ * v₋₁         = 1.716
                                              |  v̄₋₁     = v̄₂ * v₀               = 5
    v₃   = sin(v₀)   = -0.959                 |  v̄₀      = v̄₃ * cos(v₀)          = -0.284
    v₄   = v₁ + v₂   = 10.693                 |  v̄₂      = v̄₄ * 1                = 1
                                              |  v̄₁      = v̄₄ * 1                = 1
    v₅   = v₄ - v₃   = 11.652                 |  v̄₃      = v̄₅ * (-1)             = -1
                                              |  v̄₄      = v̄₅ * 1                = 1
    f    = v₅        = 11.652                 |  v̄₅      = df/df                 = 1
    """
    if mode not in ("reverse", "forward"):
        raise OptionError(f"mode must be 'reverse' or 'forward', got {mode!r}")
    inputs = [Value(np.array(x, float) if np.asarray(x).dtype.kind in "iub" else np.array(x)) for x in inputs]
    if mode == "forward" and any(x.size != 1 for x in inputs):
        raise OptionError("inputs must be numbers, not arrays, in forward mode: it has a column for each of them")
    output = f(*inputs)
    if not isinstance(output, Value) or not output.requires_grad:
        raise GradientError(f"f does not depend on its inputs: it returned {output!r}")
    if output.size != 1:
        raise ShapeError(f"f must return a single number, got shape {output.shape}; use sum()")
    names = _names(f, len(inputs)) if names is None else [" ".join(str(name).split()) for name in names]
    if len(set(names)) != len(inputs):
        raise OptionError(f"expects {len(inputs)} different names, one for each input, got {', '.join(names)}")
    return Trace(inputs, output, names, mode)


class Step(NamedTuple):
    """One line of the forward trace: `symbol` = `formula` = `value`."""

    node: Value
    symbol: str
    formula: str
    value: np.ndarray


class Share(NamedTuple):
    """One line of the reverse trace: the child passes a share to its parent, whose adjoint so far is `value`."""

    child: Value
    parent: Value
    symbol: str
    formula: str
    value: np.ndarray


class Tangent(NamedTuple):
    """One line of the forward-mode trace, with a value for each input."""

    symbol: str
    formula: str
    values: list


class Trace:
    """The steps of one evaluation and of its derivatives.

    value       f's, an array                       steps      the forward trace, in its order
    gradients   name of an input -> df/d(input)     shares     the reverse trace in its order, from the output back
    adjoints    node of the graph -> df/d(node)     tangents   the forward-mode trace, if that was asked for
    """

    def __init__(self, inputs, output, names, mode="reverse"):
        self.inputs, self.output, self.names, self.mode = inputs, output, list(names), mode
        order = _by_level(inputs, output)
        self.symbols = Symbols(order, inputs)
        self.value = output.data
        self.steps = [Step(v, str(self.symbols.of(v)), self._formula(v), v.data) for v in order]
        self.adjoints, self.shares = {output: np.ones(output.shape, output.dtype)}, []  # (17) begins with 1
        with _gradients_kept(order):
            for v in reversed(order):
                self._hand_down(v)
        self.gradients = dict(zip(self.names, [self.adjoints[v] for v in inputs], strict=True))
        self.tangents = self._tangents(order) if mode == "forward" else []

    def _formula(self, v):
        own = dict(zip(self.inputs, self.names, strict=True))
        return own[v] if v in own else self.symbols.primal(v)

    def _hand_down(self, v):
        """v's adjoint is complete; each parent gets its share of it."""
        vbar = self.adjoints.setdefault(v, np.zeros(v.shape, v.dtype))  # of an input that f does not use
        places = [place for place, parent in enumerate(v.parents) if parent.requires_grad]
        for place, (parent, share) in zip(places, handed_down(v, vbar), strict=True):
            symbol, formula = str(self.symbols.of(parent, BAR)), self.symbols.share(v, place)
            if parent in self.adjoints:
                formula, share = f"{symbol} + {formula}", np.asarray(self.adjoints[parent] + share)
            self.adjoints[parent] = share
            self.shares.append(Share(v, parent, symbol, formula, share))

    def _tangents(self, order):
        columns = []
        for x in self.inputs:
            seeds = {v: np.full(v.shape, v is x, v.dtype) for v in self.inputs}
            moved = {v: dot for v, dot in forward(self.output, seeds) if dot is not None}
            columns.append({**seeds, **moved})
        return [
            Tangent(
                str(self.symbols.of(v, DOT)),
                self.symbols.tangent(v, self._formula(v)),
                [column.get(v, np.zeros(v.shape)) for column in columns],
            )
            for v in order
        ]

    def __str__(self):
        return table.text(self)

    __repr__ = __str__

    def dot(self):
        """The graph in Graphviz's language, values and adjoints on it."""
        return drawing.dot(self)

    def save(self, path):
        """Draw the graph into a file .svg or .png, for which Graphviz must be installed, or .dot. Returns the path."""
        return drawing.save(self, path)

    def _repr_html_(self):
        """For a notebook: the table, and under it the picture where Graphviz is installed."""
        return table.html(self) + drawing.inline_svg(self)


@contextlib.contextmanager
def _gradients_kept(order):
    """Within this block a module's backward may add to its parameters' gradients; afterwards they are as before."""
    modules = [v.operation.module for v in order if isinstance(v.operation, ModuleCall)]
    parameters = {p for module in modules for p in module.parameters()}
    kept = [(p, None if p.grad is None else p.grad.copy()) for p in parameters]
    try:
        yield
    finally:
        for p, grad in kept:
            p.grad = grad


def _by_level(inputs, output):
    """The inputs, then all else that the output was computed from, level by level: each needs only earlier levels."""
    order = ancestry(output)
    level = dict.fromkeys(inputs, 0)
    for v in order:
        if v not in level:
            level[v] = 1 + max((level[parent] for parent in v.parents if parent.requires_grad), default=0)
    others = [v for v in order if level[v] > 0]
    return [*inputs, *sorted(others, key=lambda v: (level[v], v.born))]


def _names(f, count):
    """What f calls its first `count` arguments."""
    try:
        arguments = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        arguments = []
    names = [a.name for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)][:count]
    return names if len(names) == count else [f"x{place + 1}" for place in range(count)]
