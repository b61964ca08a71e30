"""A formula that a user typed, as a function of Values. It is parsed, never run as Python."""

import ast
import math
import operator
import warnings

import numpy as np

from backprop.errors import ExpressionError
from backprop.graph.value import Value

LONGEST, DEEPEST = 1000, 50  # characters, and levels of nesting

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.USub: operator.neg,
    ast.UAdd: lambda a: a,
}
ONE = ("abs", "exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu", "sum", "mean", "max")
FUNCTIONS = {name: (1, getattr(Value, name)) for name in ONE}
FUNCTIONS |= {"ln": FUNCTIONS["log"], "maximum": (2, np.maximum), "minimum": (2, np.minimum)}
CONSTANTS = {"pi": np.pi, "e": np.e}
ALLOWED = f"numbers, names, + - * / ** @, brackets, {', '.join(CONSTANTS)}, and {', '.join(FUNCTIONS)}"


class Expression:
    """`text` as a function of one Value for each of its `names`, in the order of their first appearance.

    The grammar is Python's, of which only ALLOWED may be used; anything else raises ExpressionError. Numbers are
    floats, so that no power of integers can fill the memory.

    >>> f = Expression("log(x1) + x1*x2 - sin(x2)")
    >>> f.names, f(Value(2), Value(5)).item()
    (['x1', 'x2'], 11.652071455223084)
    """

    def __init__(self, text):
        text = text.strip()
        if len(text) > LONGEST:
            raise ExpressionError(f"the expression must have at most {LONGEST} characters, got {len(text)}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's warning about "1or x"
                tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            nested = isinstance(error, (RecursionError, MemoryError))
            reason = "it is nested too deeply" if nested else getattr(error, "msg", "it cannot be parsed")
            raise ExpressionError(f"{_short(text)} is not an expression: {reason}") from None
        self.text, self.names = text, []
        self._steps = self._in_order(tree)

    def __call__(self, *inputs):
        if len(inputs) != len(self.names):
            raise ExpressionError(
                f"{_short(self.text)} expects {', '.join(self.names) or 'no inputs'}, got {len(inputs)}"
            )
        named, values = dict(zip(self.names, inputs, strict=True)), []
        for part, count in self._steps:
            operands = values[len(values) - count :]
            del values[len(values) - count :]
            values.append(self._value(part, operands, named))
        return values.pop()

    def _in_order(self, tree):
        """(part, how many operands) for all parts of the tree, from left to right, operands before what uses them.

        A loop, not a recursion. An operator's left side is not deeper than the operator itself: a long sum is flat.
        """
        waiting, steps = [(tree, 1)], []
        while waiting:
            part, depth = waiting.pop()
            if depth is None:
                steps.append((part, len(self._parts(part))))
                continue
            if depth > DEEPEST:
                raise ExpressionError(f"the expression is nested more than {DEEPEST} levels deep")
            inside = self._parts(part)
            flat = isinstance(part, ast.BinOp)
            waiting.append((part, None))
            waiting += [(a, depth + (place > 0 or not flat)) for place, a in reversed(list(enumerate(inside)))]
        return steps

    def _parts(self, part):
        """What an allowed part is made of; ExpressionError for any other part."""
        match part:
            case ast.Constant(value=int() | float()) if not isinstance(part.value, bool):
                if not math.isfinite(_float(part.value)):
                    raise ExpressionError(f"{self._source(part)} is too large a number")
                return []
            case ast.Name(id=name) if name not in FUNCTIONS:
                if name not in CONSTANTS and name not in self.names:
                    self.names.append(name)
                return []
            case ast.UnaryOp(op=op, operand=a) if type(op) in OPERATORS:
                return [a]
            case ast.BinOp(op=op, left=a, right=b) if type(op) in OPERATORS:
                return [a, b]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                if len(arguments) == FUNCTIONS[name][0]:
                    return arguments
                raise ExpressionError(f"{name} takes {FUNCTIONS[name][0]} argument(s), got {len(arguments)}")
        raise ExpressionError(f"{self._source(part)} is not allowed in an expression; allowed are {ALLOWED}")

    def _value(self, part, operands, named):
        match part:
            case ast.Constant(value=number):
                value = Value(float(number), requires_grad=False)
            case ast.Name(id=name):
                value = named[name] if name in named else Value(CONSTANTS[name], requires_grad=False)
            case ast.UnaryOp(op=op) | ast.BinOp(op=op):
                value = OPERATORS[type(op)](*operands)
            case ast.Call(func=ast.Name(id=name)):
                value = FUNCTIONS[name][1](*operands)
        if not value.requires_grad and not np.isfinite(value.data).all():
            raise ExpressionError(f"{self._source(part)} is {value.data}")
        return value

    def _source(self, part):
        """The part as it was typed."""
        return _short(ast.get_source_segment(self.text, part))


def _float(number):
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _short(text):
    return f"`{text}`" if len(text) <= 60 else f"`{text[:60]}...`"
