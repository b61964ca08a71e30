"""The numbered lines that are the arithmetic themselves: another operator on any of them is noticed."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import backprop as bp
from backprop.check import differences
from backprop.check.diagnosis import case
from backprop.graph import modes, module_call, operations
from backprop.lecture.formulas import marked
from backprop.optim.schedule import decay, one_cycle
from tests.numbered_lines import other_pages, page, same

SHAPES = 3  # of each


# Each probe takes the names of a page and a size, and returns (what the page computes, what the formula says).


def step_lr(names, n):
    t = np.arange(9)
    return rates(names["StepLR"], step_size=n + 1, gamma=0.3 + n / 10), 0.7 * (0.3 + n / 10) ** np.floor(t / (n + 1))


def cosine(names, n):
    t = np.arange(9)
    said = 0.1 + (0.7 - 0.1) * (1 + np.cos(np.pi * t / (n + 2))) / 2
    return rates(names["CosineAnnealingLR"], T_max=n + 2, eta_min=0.1), said


def line(names, n):
    t = np.arange(9)
    said = 0.7 * (0.9 + (0.2 * n - 0.9) * np.minimum(t / (n + 2), 1))
    return rates(names["LinearLR"], start_factor=0.9, end_factor=0.2 * n, total_iters=n + 2), said


def one_cycle_lr(names, n):
    t, end = np.arange(9), 10 + n
    top = 0.25 * end - 1
    part, y0, y1 = t / top, 0.7 / 5, 0.7
    after = t > top
    part[after], y0, y1 = (t[after] - top) / (end - 1 - top), np.where(after, y1, y0), np.where(after, 0.7 / 50, y1)
    options = {"max_lr": 0.7, "total_steps": end, "pct_start": 0.25, "div_factor": 5, "final_div_factor": 10}
    return rates(names["OneCycleLR"], **options), y0 + (y1 - y0) * (1 - np.cos(np.pi * part)) / 2


def rates(kind, **options):
    """lr in nine steps, from 0.7 on."""
    optimizer = bp.SGD([bp.Parameter(np.zeros(1))], lr=0.7, momentum=0.5)
    schedule, found = kind(optimizer, **options), []
    for _ in range(9):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(found)


def adjoints(names, n):
    """L = sum(x^3 + x sin x), in which x is used four times."""
    x = bp.Value(np.random.default_rng(n).standard_normal((n, n + 1)))
    L = (x * x * x + x * np.sin(x)).sum()
    a = x.data
    return dict(names["reverse"](L))[x], 3 * a**2 + np.sin(a) + a * np.cos(a)


def quotients(names, n):
    """f(theta) = A theta^2, of which a central difference is the derivative."""
    A, theta = np.random.default_rng(n).standard_normal((2, n, n))
    subject = SimpleNamespace(run=lambda: A @ theta[0] ** 2, probe=np.zeros(n))
    at = theta[0].copy()
    return names["slopes"](subject, theta[0]), 2 * A * at


def imaginary(names, n):
    theta = np.random.default_rng(n).standard_normal(n).astype(complex)
    found = names["complex_step"](lambda: (np.sin(theta) * theta).sum(), theta, range(n))
    return found, (np.cos(theta) * theta + np.sin(theta)).real


def tangent_of_a_module(names, n):
    a, adot = np.random.default_rng(n).standard_normal((2, n, n + 1))
    return names["ModuleCall"](bp.Tanh(), [a], [0]).push(None, [a], [adot]), (1 - np.tanh(a) ** 2) * adot


LINES = {  # page -> number of the formula -> probe
    decay: {"44": step_lr, "45": cosine, "47": line},
    one_cycle: {"46": one_cycle_lr},
    modes: {"17": adjoints},
    case: {"19": quotients},
    differences: {"20": imaginary},
    module_call: {"20": tangent_of_a_module},
}


@pytest.mark.parametrize(
    ("module", "number"), [(module, number) for module, numbers in LINES.items() for number in numbers]
)
def test_a_line_that_is_the_arithmetic_computes_its_formula_and_with_another_operator_it_does_not(module, number):
    probe = LINES[module][number]
    assert all(same(*probe(page(module), n)) for n in range(1, 1 + SHAPES))
    lines = [line for line, numbers in marked(inspect.getsource(module)).items() if number in numbers]
    others = [(line, other) for line in lines for other in other_pages(module, line)]
    assert others
    for line, other in others:
        assert differs(probe, other), f"an operator in line {line} of {module.__name__} may be another"


def differs(probe, names):
    try:
        with np.errstate(all="ignore"):
            return not all(same(*probe(names, n)) for n in range(1, 1 + SHAPES))
    except (ArithmeticError, ValueError, TypeError, IndexError, bp.BackpropError):
        return True


# The table of operations: (16) is phi, and its derivatives, of which (17) and (18) are made, stand beside it.


def wrong_rows(names):
    """Operations whose adjoints are not those of their phi: <phi'(a) adot, vbar> = <adot, abar>, by a complex step."""
    wrong = set()
    for n in range(1, 1 + SHAPES):
        rng = np.random.default_rng(n)
        for name, make in names["ELEMENTWISE"].items():
            phi, slopes = make[0], make[1:]
            parents = [rng.uniform(0.2, 2, (n, n + 2)) for _ in slopes]
            parents = [a - (name in ("abs", "relu", "tanh", "maximum")) for a in parents]
            options = {"c": rng.random((n, n + 2)) < 0.5} if name == "where" else {}
            v = phi(*parents, **options)
            for place, slope in enumerate(slopes):
                moved = [a + 1e-30j if k == place else a + 0j for k, a in enumerate(parents)]
                with np.errstate(all="ignore"):
                    if not same(
                        np.broadcast_to(slope(v, *parents, **options), v.shape), phi(*moved, **options).imag / 1e-30
                    ):
                        wrong.add(name)
    return wrong


def test_every_slope_in_the_table_is_that_of_its_operation_and_with_another_operator_it_is_not():
    assert wrong_rows(vars(operations)) == set()
    source = inspect.getsource(operations).splitlines()
    rows = [place for place, text in enumerate(source, 1) if text.startswith('    "') and "lambda" in text]
    seen = 0
    for place in rows:
        for other in other_pages(operations, place):
            name = source[place - 1].split('"')[1]
            if name in other["ELEMENTWISE"]:
                seen += 1
                assert wrong_rows(other) == {name}, source[place - 1]
    assert seen > 20
