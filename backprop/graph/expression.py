"""A formula that a stranger typed, as a function of Values. It is read, never run as Python."""

import ast
import operator

import numpy as np

from backprop.errors import ExpressionError
from backprop.graph.value import Value

LONGEST, DEEPEST = 1000, 50  # letters, and brackets within brackets

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
    """`text` as a function of one Value for each of its `names`, in the order in which they first stand in it.

    Python's grammar, of which only ALLOWED may be used; anything else is an ExpressionError. Numbers are floats, so
    that no power of whole numbers can fill the memory.

    >>> f = Expression("log(x1) + x1*x2 - sin(x2)")
    >>> f.names, f(Value(2), Value(5)).item()
    (['x1', 'x2'], 11.652071455223084)
    """

    def __init__(self, text):
        if len(text) > LONGEST:
            raise ExpressionError(f"the expression has {len(text)} letters, at most {LONGEST} are read")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
            raise ExpressionError(f"{_short(text)} is no expression: {reason}") from None
        self.text, self.names = text, []
        self._expect_allowed(tree)
        self._tree = tree

    def __call__(self, *inputs):
        if len(inputs) != len(self.names):
            raise ExpressionError(
                f"{_short(self.text)} wants {', '.join(self.names) or 'no inputs'}, got {len(inputs)}"
            )
        return self._value(self._tree, dict(zip(self.names, inputs, strict=True)))

    def _expect_allowed(self, tree):
        """A loop over all parts of the tree, from left to right, with the depth of each."""
        waiting = [(tree, 1)]
        while waiting:
            part, depth = waiting.pop()
            if depth > DEEPEST:
                raise ExpressionError(f"the expression is nested more than {DEEPEST} levels deep")
            waiting += [(inner, depth + 1) for inner in reversed(self._parts(part))]

    def _parts(self, part):
        """What an allowed part is made of; ExpressionError for any other part."""
        match part:
            case ast.Constant(value=int() | float()) if not isinstance(part.value, bool):
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
        raise ExpressionError(f"{_short(ast.unparse(part))} may not stand in an expression; what may: {ALLOWED}")

    def _value(self, part, inputs):
        value = self._computed(part, inputs)
        if not value.requires_grad and not np.isfinite(value.data).all():
            raise ExpressionError(f"{_short(ast.unparse(part))} is {value.data}")
        return value

    def _computed(self, part, inputs):
        match part:
            case ast.Constant(value=number):
                return Value(float(number), requires_grad=False)
            case ast.Name(id=name):
                return inputs[name] if name in inputs else Value(CONSTANTS[name], requires_grad=False)
            case ast.UnaryOp(op=op, operand=a):
                return OPERATORS[type(op)](self._value(a, inputs))
            case ast.BinOp(op=op, left=a, right=b):
                return OPERATORS[type(op)](self._value(a, inputs), self._value(b, inputs))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return FUNCTIONS[name][1](*[self._value(a, inputs) for a in arguments])


def _short(text):
    return f"`{text}`" if len(text) <= 60 else f"`{text[:60]}...`"
