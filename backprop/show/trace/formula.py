"""A Formula is a name that writes down what is done with it.

The local rules of the table of operations are functions; run on Formulas instead of numbers they tell themselves, so
that what a trace prints is the code that was run:

>>> a = Formula("a")
>>> str(1 / (2 * a)), str(-np.sin(a) * Formula("b")), str(2 * a ** np.array(1.0))
('1 / (2 * a)', '-sin(a) * b', '2 * a')
"""

import numpy as np

from backprop.graph.operators import Operators
from backprop.show.numbers import numbers

SUM, QUOTIENT, PRODUCT, SIGN, POWER, ATOM = range(6)  # what binds loosely comes first
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

    One types it as one types a Value; `apply` writes a text instead of making a node.
    """

    def __init__(self, text, binds=ATOM):
        self.text, self.binds = text, binds

    def __str__(self):
        return self.text

    @staticmethod
    def apply(name, *operands):
        """The formula of an operation: with its sign where it has one, else as name(...)."""
        operands = [operand if isinstance(operand, Formula) else _constant(operand) for operand in operands]
        if name == "negative":
            return Formula(f"-{operands[0]._within(SIGN)}", SIGN)
        if name == "power" and operands[1].text == "1":
            return operands[0]
        if name not in INFIX:
            return Formula(f"{name}({', '.join(map(str, operands))})")
        sign, binds, left, right = INFIX[name]
        return Formula(f"{operands[0]._within(left)} {sign} {operands[1]._within(right, behind=True)}", binds)

    def _within(self, least, behind=False):
        bare = self.binds >= least and not (behind and self.text.startswith("-"))
        return self.text if bare else f"({self.text})"

    def __gt__(self, other):
        return Formula(f"[{self} > {other}]")

    def __eq__(self, other):
        return False  # the general case: see __array_function__

    @property
    def real(self):
        return self

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        return self.apply(ufunc.__name__, *operands)

    def __array_function__(self, function, types, arguments, options):
        """np.where keeps to the general case, its last argument: rules use it for the exceptions."""
        return arguments[-1]


def _constant(value):
    return Formula(numbers(value), ATOM if np.ndim(value) or np.all(value >= 0) else SIGN)
