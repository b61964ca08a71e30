"""What the values of a graph are called, v₋₁, v₀, v₁, ..., and their local rules in these names."""

import numpy as np

from backprop.graph import ModuleCall
from backprop.show.numbers import numbers, subscript
from backprop.show.trace.formula import Formula

BAR, DOT = "\u0304", "\u0307"  # drawn over the letter before them


class Symbols:
    """The names of the values in `order`: first the inputs, the last of which is v₀, then all others."""

    def __init__(self, order, inputs):
        first = 1 - len(inputs)
        self.names = {v: "v" + subscript(first + place) for place, v in enumerate(order)}

    def of(self, v, mark=""):
        """v's name, with a mark over its letter; a constant is its own name."""
        if v in self.names:
            return Formula(self.names[v][0] + mark + self.names[v][1:])
        return v.data[()] if v.size == 1 else Formula(numbers(v.data))

    def primal(self, v):
        """phi of v's parents.        (16)"""
        if not v.parents:
            return "a parameter" if v.parameter is not None else "a value from outside"
        return str(self._applied(v, [self.of(parent) for parent in v.parents]))

    def slope(self, v, place):
        """dv/d(its parent at `place`), where v is computed entry by entry; else None.

        The rule itself, from the table of operations, is run on names instead of numbers.
        """
        if not hasattr(v.operation, "slopes"):
            return None
        options = {key: Formula("condition") for key in v.options}
        return v.operation.slopes[place](self.of(v), *[self.of(parent) for parent in v.parents], **options)

    def share(self, v, place):
        """What v passes to its parent at `place`.        (17)"""
        vbar, slope, name = self.of(v, BAR), self.slope(v, place), v.operation.name
        if slope is not None:
            stretched = v.parents[place].shape != v.shape  # it was broadcast: used once for each copy
            return f"sum({vbar * slope})" if stretched else str(vbar * slope)
        if name == "matmul" and all(parent.ndim > 1 for parent in v.parents):
            a, b = (f"{self.of(parent)}ᵀ" for parent in v.parents)
            return f"{vbar} @ {b}" if place == 0 else f"{a} @ {vbar}"
        return f"{name}.backward({vbar})" if isinstance(v.operation, ModuleCall) else f"{name}ᵀ({vbar})"

    def tangent(self, v, name):
        """How v changes with its parents, or, for an input called `name`, by itself.        (18)"""
        moving = [(place, parent) for place, parent in enumerate(v.parents) if parent.requires_grad]
        if not v.parents:
            return f"d{name}"
        dots = {place: self.of(parent, DOT) for place, parent in moving}
        if v.operation.name == "max" or isinstance(v.operation, ModuleCall):
            return f"{v.operation.name}′({', '.join(map(str, dots.values()))})"
        if v.operation.name == "matmul":
            a, b = (self.of(parent) for parent in v.parents)
            return " + ".join(str(dots[place] @ b if place == 0 else a @ dots[place]) for place in dots)
        if hasattr(v.operation, "slopes"):
            return " + ".join(str(dot * self.slope(v, place)) for place, dot in dots.items())
        return str(self._applied(v, [dots.get(place, 0) for place in range(len(v.parents))]))

    @staticmethod
    def _applied(v, operands):
        name, options = v.operation.name, v.options
        if name == "index":
            return f"{operands[0]}[{_place(options['at'])}]"
        arguments = [
            f"{key}={options[key]}"
            for key in ("axis", "shape", "axes", "keepdims")
            if options.get(key) is not None and options[key] is not False
        ]
        if "c" in options:
            operands = [Formula("condition"), *operands]
        return (
            f"{name}({', '.join(map(str, [*operands, *arguments]))})" if arguments else Formula.apply(name, *operands)
        )


def _place(at):
    """An index as it is typed."""
    if isinstance(at, tuple):
        return ", ".join(map(_place, at))
    if isinstance(at, slice):
        ends = ["" if end is None else str(end) for end in (at.start, at.stop, at.step)]
        return ":".join(ends[:2]) + (f":{ends[2]}" if ends[2] else "")
    return "..." if at is Ellipsis else numbers(at) if isinstance(at, np.ndarray) else str(at)
