"""Runs a layer's page and compares what its numbered lines compute with what their comments say in NumPy.

    return F.linear_input_grad(delta, self.weight)  # (7) delta @ X

The page's source is compiled with a probe before and after every such statement. A comment without a name is compared
with what the statement returns, assigns or adds to a gradient; one with a name, with the variable, or the module's
buffer, of that name. Other names only define something for later comments; one that is defined by itself, such as
delta_h = delta + after(z * delta_h), is computed from the last step to the first.
"""

import ast
import copy
import inspect
import itertools
import sys
from typing import NamedTuple

import numpy as np

from backprop.lecture.formulas import computed
from backprop.module import Buffer

SAME = 1e-9


class Line(NamedTuple):
    """One run of a numbered statement: where it is, its Computed, what it computed, and the names that it could see."""

    file: str
    line: int
    said: tuple
    value: object
    names: dict
    own: frozenset  # those of them that are its variables

    def differs(self, said=None):
        """What is not as the comments say: names, or "" for the value of the statement."""
        names, wrong, compared = dict(self.names), [], False
        for part in said or self.said:
            if not part.name:
                compared = True
                wrong += [] if same(eval(part.expression, names), self.value) else [""]
                continue
            bound = [node.id for node in ast.walk(ast.parse(part.name)) if isinstance(node, ast.Name)]
            known = {name: names[name] for name in bound if name in self.own}
            rounds = 1
            if not known and set(bound) & names_in(part.expression):
                names[part.name] = np.zeros_like(names["delta"])
                rounds = len(names["delta"]) + 1
            for _ in range(rounds):
                exec(f"{part.name} = {part.expression}", names)
            compared = compared or bool(known)
            wrong += [name for name, value in known.items() if not same(names[name], value)]
            names |= known
        assert compared, f"{self.file}:{self.line}: its comments say nothing of what it computes"
        return wrong


def names_in(expression):
    return {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}


def same(a, b):
    """Whether two arrays of one shape, or two numbers, are equal but for rounding."""
    a, b = np.asarray(a), np.asarray(b)
    return (a.shape == b.shape or a.size == b.size == 1) and bool(
        np.allclose(a, b, rtol=SAME, atol=SAME * (1 + np.abs(b).max(initial=0)))
    )


def watched(kind, lines, words):
    """The class `kind` anew, from its page's source: each run of a numbered statement of it is put into `lines`.

    `words(module)` are names that the comments know beside NumPy's, their variables and the module's arrays.
    """
    module = sys.modules[kind.__module__]
    source = inspect.getsource(module)
    tree = ast.parse(source)
    said = computed(source)
    names = dict(vars(module))
    names["_watch_"] = Watch(module.__name__, said, lines, words)
    ast.fix_missing_locations(Looks(said).visit(tree))
    exec(compile(tree, module.__file__, "exec"), names)
    return names[kind.__name__]


class Looks(ast.NodeTransformer):
    """Puts a look before and behind each statement of which something is said."""

    def __init__(self, said):
        self.said = said

    def look(self, statement):
        if statement.end_lineno not in self.said:
            return statement
        line, parameter = statement.end_lineno, "None"
        after = "None"
        match statement:
            case ast.Return(value=value):
                (keep,) = ast.parse("_value_ = 0").body
                keep.value = value
                inner, after, end = [keep], "_value_", ast.parse("def f(): return _value_").body[0].body
            case ast.Assign(targets=targets):
                named = [target.id for target in targets if isinstance(target, ast.Name)]
                inner, after, end = [statement], named[-1] if named else "None", []
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="accumulate"))):
                inner, parameter, end = [statement], ast.unparse(owner), []
            case _:
                inner, end = [statement], []
        (before,) = ast.parse(f"_seen_ = _watch_.before(locals(), {parameter})").body
        (behind,) = ast.parse(f"_watch_.behind({line}, _seen_, locals(), {after}, {parameter})").body
        return [before, *inner, behind, *end]

    visit_Return = visit_Assign = visit_Expr = look


class Watch:
    def __init__(self, file, said, lines, words):
        self.file, self.said, self.lines, self.words = file, said, lines, words

    def before(self, variables, parameter):
        module = variables["self"]
        grad = None if parameter is None or parameter.grad is None else parameter.grad.copy()
        return {name: array.data.copy() for name, array in vars(module).items() if isinstance(array, Buffer)}, grad

    def behind(self, line, seen, variables, value, parameter):
        buffers, grad = seen
        module = variables["self"]
        if parameter is not None:
            value = parameter.grad - (0 if grad is None else grad)
        names = {name: getattr(np, name) for name in np.__all__}
        names |= buffers | self.words(module)
        own = {name: plain(thing) for name, thing in variables.items() if not name.startswith("_")}
        said = self.said[line]
        for name in buffers:  # a buffer that the statement has changed is what it computed
            if any(part.name == name for part in said):
                value = vars(module)[name].data.copy()
                said = [part._replace(name="") if part.name == name else part for part in said]
        self.lines.append(Line(self.file, line, tuple(said), plain(value), names | own, frozenset(own)))


def plain(thing):
    """What a comment sees of a variable: a copy of its array, or itself."""
    if isinstance(thing, Buffer):
        return thing.data.copy()
    return copy.copy(thing) if isinstance(thing, np.ndarray) else thing


OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
OTHER |= {ast.FloorDiv: ast.Mult, ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}


def other_operators(said):
    """Copies of the Computed of a line, in each of which one operator is another."""
    for place, part in enumerate(said):
        for tree in other_trees(ast.parse(part.expression)):
            yield *said[:place], part._replace(expression=ast.unparse(tree)), *said[place + 1 :]


def other_pages(module, line):
    """The names of a module, made anew from its source for each operator on that line, which is another there."""
    for other in other_trees(ast.parse(inspect.getsource(module)), lambda node: node.lineno == line):
        yield page(module, other)


def page(module, tree=None):
    """The names of a module, made anew from its source, or from a tree of it."""
    names = dict(vars(module))
    exec(compile(tree or inspect.getsource(module), module.__file__, "exec"), names)
    return names


def other_trees(tree, wanted=lambda node: True):
    """Copies of a tree, in each of which one operator that is wanted is another."""
    for place, node in enumerate(ast.walk(tree)):
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare)) and wanted(node):
            other = copy.deepcopy(tree)
            changed = next(itertools.islice(ast.walk(other), place, None))
            match changed:
                case ast.BinOp(op=op) if type(op) in OTHER:
                    changed.op = OTHER[type(op)]()
                case ast.BinOp(op=ast.MatMult()):
                    changed.op = ast.Mult()
                case ast.Compare(ops=[op]) if type(op) in OTHER:
                    changed.ops = [OTHER[type(op)]()]
                case ast.UnaryOp(op=ast.USub()):
                    changed.op = ast.UAdd()
                case _:
                    continue
            yield other
