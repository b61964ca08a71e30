"""1,000 random expressions, 1,000 random programs of arrays: five ways to a derivative, one result.

Reverse mode (17), forward mode (18), the complex step (20), SciPy's differences (19), and PyTorch if installed.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.differentiate import derivative

import backprop as bp
from backprop import graph

try:
    import torch
except ImportError:
    torch = None

EXACT = 1e-11  # of what only rounds, relative to the largest derivative on the way

# name -> (as NumPy and Value write it, as PyTorch does, whether a point is well inside its domain and away from kinks)
ONE = {
    "negative": (lambda a: -a, lambda a: -a, lambda a: True),
    "abs": (abs, abs, lambda a: abs(a) > 0.05),
    "exp": (np.exp, "exp", lambda a: a < 4),
    "log": (np.log, "log", lambda a: a > 0.1),
    "sqrt": (np.sqrt, "sqrt", lambda a: a > 0.1),
    "sin": (np.sin, "sin", lambda a: True),
    "cos": (np.cos, "cos", lambda a: True),
    "tan": (np.tan, "tan", lambda a: abs(np.cos(a)) > 0.2),
    "tanh": (np.tanh, "tanh", lambda a: True),
    "sigmoid": (lambda a: a.sigmoid(), "sigmoid", lambda a: True),
    "relu": (lambda a: a.relu(), "relu", lambda a: abs(a) > 0.05),
    "square": (lambda a: a**2, lambda a: a**2, lambda a: True),
    "times 3": (lambda a: 3 * a, lambda a: 3 * a, lambda a: True),
    "2 minus": (lambda a: 2 - a, lambda a: 2 - a, lambda a: True),
    "1 over": (lambda a: 1 / a, lambda a: 1 / a, lambda a: abs(a) > 0.1),
    "2 to the": (lambda a: 2**a, lambda a: 2**a, lambda a: abs(a) < 5),
}
TWO = {
    "add": (lambda a, b: a + b, lambda a, b: a + b, lambda a, b: True),
    "subtract": (lambda a, b: a - b, lambda a, b: a - b, lambda a, b: True),
    "multiply": (lambda a, b: a * b, lambda a, b: a * b, lambda a, b: True),
    "divide": (lambda a, b: a / b, lambda a, b: a / b, lambda a, b: abs(b) > 0.1),
    "power": (lambda a, b: a**b, lambda a, b: a**b, lambda a, b: a > 0.1 and abs(b) < 3),
    "maximum": (np.maximum, "maximum", lambda a, b: abs(a - b) > 0.05),
    "minimum": (np.minimum, "minimum", lambda a, b: abs(a - b) > 0.05),
    "where": (
        lambda a, b: np.where(a > b, np.sin(a), b * a),
        lambda a, b: torch.where(a > b, torch.sin(a), b * a),
        lambda a, b: abs(a - b) > 0.05,
    ),
}


@st.composite
def expressions(draw):
    """A point of three numbers and a list of steps (name, operands) that stays small and smooth around that point.

    A step may use any earlier result, so values are shared; a step outside its operation's domain is left out.
    """
    numbers = st.floats(-2, 2).filter(lambda x: abs(x) > 0.05)
    point = draw(st.lists(numbers, min_size=3, max_size=3))
    steps, seen = [], [np.float64(x) for x in point]
    for _ in range(draw(st.integers(3, 14))):
        name = draw(st.sampled_from([*ONE, *TWO]))
        count = 1 if name in ONE else 2
        operands = [draw(st.integers(0, len(seen) - 1)) for _ in range(count)]
        if name in TWO and draw(st.booleans()):
            operands[0] = len(seen) - 1  # so that expressions grow deep, too
        ours, _, fits = (ONE if count == 1 else TWO)[name]
        a = [seen[k] for k in operands]
        if fits(*a):
            result = ours(*[graph.Value(x) for x in a]).item()
            if abs(result) < 50:
                seen.append(np.float64(result))
                steps.append((name, operands))
    return point, steps


def run(inputs, steps, by_torch=False):
    """The sum of the last three results, so that few steps are without effect."""
    seen = list(inputs)
    for name, operands in steps:
        ours, theirs, _ = (ONE if name in ONE else TWO)[name]
        function = ours if not by_torch else getattr(torch, theirs) if isinstance(theirs, str) else theirs
        seen.append(function(*[seen[k] for k in operands]))
    return seen[-1] + seen[-2] * seen[-3]


@settings(max_examples=1000, deadline=None)
@given(expressions())
def test_reverse_forward_complex_step_scipy_and_pytorch_agree(expression):
    point, steps = expression
    x = [graph.Value(number) for number in point]
    y = run(x, steps)
    adjoints = dict(graph.reverse(y))
    reverse = np.array([adjoints.get(v, 0.0) for v in x])
    size = 1 + max(abs(float(vbar)) for vbar in adjoints.values())

    forward, steepest = [], 1.0
    for one in x:
        tangents = [0 if dot is None else float(dot) for _, dot in graph.forward(y, {v: v is one for v in x})]
        forward.append(tangents[-1])
        steepest = max(steepest, *map(abs, tangents))
    size = max(size, steepest)
    np.testing.assert_allclose(forward, reverse, rtol=0, atol=EXACT * size)

    def moved(k, number):
        return [graph.Value(np.asarray(number if j == k else other)) for j, other in enumerate(point)]

    for k in range(3):
        exact = run([graph.Value(v.data.astype(complex)) for v in moved(k, point[k] + 1e-30j)], steps).data.imag / 1e-30
        np.testing.assert_allclose(exact, reverse[k], rtol=0, atol=EXACT * size)

        found = derivative(
            np.vectorize(lambda number, k=k: run(moved(k, number), steps).item()),
            point[k],
            initial_step=0.01 / steepest,  # so that no kink is within reach
            tolerances={"atol": 1e-9, "rtol": 1e-9},
        )
        assert abs(found.df - reverse[k]) <= 1e-6 * size + 10 * found.error

    if torch is not None:
        tensors = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in point]
        theirs = run(tensors, steps, by_torch=True)
        theirs.backward()
        assert theirs.item() == pytest.approx(y.item(), rel=1e-12, abs=1e-12)
        theirs = [0.0 if t.grad is None else t.grad.item() for t in tensors]
        np.testing.assert_allclose(theirs, reverse, rtol=0, atol=EXACT * size)


SLICES = [0, -1, slice(None, None, 2), (Ellipsis, 0), None, [0, 0]]  # the last reads one entry twice


@st.composite
def programs(draw):
    """Shapes of two inputs and a list of steps (name, operands, option) on arrays, which broadcast where they can."""
    shapes = [tuple(draw(st.lists(st.integers(1, 3), max_size=3))) for _ in range(2)]
    seen, steps = [np.zeros(shape) for shape in shapes], []

    def add(name, operands, option=None):
        try:
            result = step(name, [seen[k] for k in operands], option)
        except (ValueError, IndexError, TypeError):  # shapes that do not fit, and two numbers have no product @
            return
        if result.size < 200:
            seen.append(result)
            steps.append((name, operands, option))

    for _ in range(draw(st.integers(2, 8))):
        name = draw(st.sampled_from(["add", "multiply", "matmul", "sum", "mean", "max", "sin", "reshape", "transpose"]))
        name = draw(st.sampled_from([name, "index", "concatenate", "stack", "where"]))
        a, b = (draw(st.integers(0, len(seen) - 1)) for _ in range(2))
        rank = seen[a].ndim
        if name in ("add", "multiply", "matmul", "where"):
            add(name, [a, b])
        elif name in ("sum", "mean", "max"):
            axes = [None, *range(-rank, rank)]
            if name != "max" and rank > 1:
                axes.append((0, -1))
            add(name, [a], (draw(st.sampled_from(axes)), draw(st.booleans())))
        elif name == "transpose":
            add(name, [a], draw(st.permutations(range(rank))))
        elif name == "index":
            add(name, [a], draw(st.sampled_from(SLICES)))
        elif name in ("concatenate", "stack"):
            add(name, [a, draw(st.sampled_from([a, b]))], draw(st.integers(-1, 1)))
        else:
            add(name, [a])
    return shapes, steps


def step(name, a, option):
    """One step, with NumPy's functions: of arrays, of complex arrays and of Values."""
    if name in ("sum", "mean", "max"):
        return getattr(np, name)(a[0], axis=option[0], keepdims=option[1])
    simple = {
        "add": lambda: a[0] + a[1],
        "multiply": lambda: a[0] * a[1],
        "matmul": lambda: a[0] @ a[1],
        "sin": lambda: np.sin(a[0]),
        "where": lambda: np.where(real(a[0]) > real(a[1]), a[0], a[1] * a[1]),
        "reshape": lambda: np.reshape(a[0], -1),
        "transpose": lambda: np.transpose(a[0], option),
        "index": lambda: a[0][option],
        "concatenate": lambda: np.concatenate(a, axis=option),
        "stack": lambda: np.stack(a, axis=option),
    }
    return simple[name]()


def torch_step(name, a, option):
    if name == "max" and option[0] is None:
        return (lambda top: top.reshape((1,) * a[0].ndim) if option[1] else top)(a[0].reshape(-1).max(0).values)
    if name == "max":
        return a[0].max(option[0], keepdim=option[1]).values
    if name in ("sum", "mean"):
        axes = tuple(range(a[0].ndim)) if option[0] is None else option[0]
        return getattr(torch, name)(a[0], axes, keepdim=option[1]) if a[0].ndim else a[0]
    simple = {
        "matmul": lambda: torch.matmul(*a),
        "sin": lambda: torch.sin(a[0]),
        "where": lambda: torch.where(a[0] > a[1], a[0], a[1] * a[1]),
        "reshape": lambda: a[0].reshape(-1),
        "transpose": lambda: a[0].permute(option),
        "concatenate": lambda: torch.cat(a, option),
        "stack": lambda: torch.stack(a, option),
    }
    return simple[name]() if name in simple else step(name, a, option)


def real(a):
    return a.data.real if isinstance(a, graph.Value) else a.real


def run_program(inputs, steps, one_step=step):
    """The sum over all entries of every result, each weighted by its own sines: no delta is all ones."""
    seen = list(inputs)
    for name, operands, option in steps:
        seen.append(one_step(name, [seen[k] for k in operands], option))
    weights = [np.sin(1 + np.arange(int(np.prod(a.shape)))).reshape(tuple(a.shape)) for a in seen]
    if one_step is torch_step:
        weights = [torch.tensor(w) for w in weights]
    return sum((a * w).sum() for a, w in zip(seen, weights, strict=True))


@settings(max_examples=1000, deadline=None)
@given(programs(), st.integers(0, 2**32 - 1))
def test_programs_of_arrays_agree_too_along_a_random_direction(program, seed):
    shapes, steps = program
    rng = np.random.default_rng(seed)
    points = [rng.uniform(-1, 1, shape) for shape in shapes]
    directions = [rng.standard_normal(shape) for shape in shapes]

    with bp.use_kernels("reference"):
        x = [graph.Value(a) for a in points]
        y = run_program(x, steps)
        adjoints = dict(graph.reverse(y))
        assert all(adjoints[v].shape == v.shape and adjoints[v].dtype == v.dtype for v in adjoints)
        reverse = sum(float((adjoints[v] * d).sum()) for v, d in zip(x, directions, strict=True))
        *_, (last, dot) = graph.forward(y, dict(zip(x, directions, strict=True)))
        assert last is y
        moved = [graph.Value(a + 1e-30j * d) for a, d in zip(points, directions, strict=True)]
        exact = run_program(moved, steps).data.imag / 1e-30
    size = 1 + max(float(np.abs(vbar).sum()) for vbar in adjoints.values())
    np.testing.assert_allclose([float(dot), exact], reverse, rtol=0, atol=EXACT * size)

    @np.vectorize
    def along(t):
        return run_program([a + t * d for a, d in zip(points, directions, strict=True)], steps)

    found = derivative(along, 0.0, initial_step=1e-4)
    assert abs(found.df - reverse) <= 1e-6 * size + 10 * found.error
    if torch is not None:
        tensors = [torch.tensor(a, requires_grad=True) for a in points]
        theirs = run_program(tensors, steps, torch_step)
        theirs.backward()
        assert theirs.item() == pytest.approx(y.item(), rel=1e-12, abs=1e-12)
        for v, t in zip(x, tensors, strict=True):
            np.testing.assert_allclose(adjoints[v], t.grad.numpy(), rtol=0, atol=EXACT * size)
