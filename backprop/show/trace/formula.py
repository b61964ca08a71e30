"""A Formula is a name that records, as text, what is computed with it.

The local rules in the table of operations are functions; run on Formulas instead of numbers, they write themselves
down, so that a trace prints the very code that was run:

>>> a = Formula("a")
>>> str(1 / (2 * a)), str(-np.sin(a) * Formula("b")), str(2 * a ** np.array(1.0))
('1 / (2 * a)', '-sin(a) * b', '2 * a')
"""

import numpy as np

from backprop.graph.operators import Operators
from backprop.show.numbers import numbers

# From the loosest to the tightest. A quotient is looser than a product here, so that a * (b / c) keeps its brackets.
SUM, QUOTIENT, PRODUCT, SIGN, POWER, ATOM = range(6)
INFIX = {
    "add": ("+", SUM, SUM, SUM),  # its sign, how it binds, how tightly its left and its right side must bind
    "subtract": ("-", SUM, SUM, QUOTIENT),
    "multiply": ("*", PRODUCT, QUOTIENT, PRODUCT),
    "divide": ("/", QUOTIENT, QUOTIENT, SIGN),
    "matmul": ("@", PRODUCT, QUOTIENT, SIGN),
    "power": ("**", POWER, ATOM, ATOM),
}


class Formula(Operators):
    """`text`, and how tightly its outermost operation binds, which decides where brackets are needed.

    It is used like a Value; `apply` writes a text instead of making a node.
    """

    def __init__(self, text, binds=ATOM):
        self.text, self.binds = text, binds

    def __str__(self):
        return self.text

    @staticmethod
    def apply(name, *operands):
        """The formula of an operation: with its sign where it has one, else as name(...)."""
        if name == "power" and not isinstance(operands[1], Formula) and np.all(operands[1] == 1):
            return operands[0]
        operands = [operand if isinstance(operand, Formula) else _constant(operand) for operand in operands]
        if name == "negative":
            return Formula(f"-{operands[0]._within(SIGN)}", SIGN)
        if name not in INFIX:
            return Formula(f"{name}({', '.join(map(str, operands))})")
        sign, binds, left, right = INFIX[name]
        return Formula(f"{operands[0]._within(left)} {sign} {operands[1]._within(right, behind=True)}", binds)

    def _within(self, least, behind=False):
        bare = self.binds >= least and not (behind and self.text.startswith("-"))
        return self.text if bare else f"({self.text})"

    def __gt__(self, other):
        """1 where it is true, else 0"""
        return Formula(f"[{self} > {other}]")

    def __eq__(self, other):
        """The condition of an exception, which a formula leaves out"""
        return False

    @property
    def real(self):
        """The formula itself: formulas do not show complex numbers"""
        return self

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        return self.apply(ufunc.__name__, *operands)

    def __array_function__(self, function, types, arguments, options):
        """np.where(exception, ..., general case): rules have the general case last."""
        if function is not np.where:
            raise TypeError(f"np.{function.__name__} has no formula")
        return arguments[-1]


def _constant(value):
    if np.ndim(value):
        return Formula(numbers(value))
    return Formula(f"{value:.6g}", ATOM if np.iscomplexobj(value) or value >= 0 else SIGN)
