"""The types of the public names, in backprop/__init__.pyi, are those of the code: names, parameters, defaults."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import backprop as bp

ROOT = Path(__file__).parents[1]
STUB = ast.parse((ROOT / "backprop" / "__init__.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
IMPORTED = {alias.asname for node in STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names}
PUBLIC = {name: thing for name, thing in vars(bp).items() if not name.startswith("_") and not inspect.ismodule(thing)}
FORWARD = ("forward", "backward", "__call__", "build", "__getattr__")  # each module names its own inputs, parameters


def test_every_public_name_has_its_types():
    assert set(PUBLIC) <= set(CLASSES) | set(FUNCTIONS) | IMPORTED
    assert set(FUNCTIONS) | set(CLASSES) <= set(PUBLIC)


def parameters(node):
    """(name, whether it has a default, kind) of each parameter of a stub's function."""
    a = node.args
    plain = [*a.posonlyargs, *a.args]
    given = [False] * (len(plain) - len(a.defaults)) + [True] * len(a.defaults)
    yield from [(p.arg, default, "plain") for p, default in zip(plain, given, strict=True)]
    yield from [(a.vararg.arg, False, "*")] if a.vararg else []
    yield from [(p.arg, d is not None, "named") for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    yield from [(a.kwarg.arg, False, "**")] if a.kwarg else []


def of_code(function):
    kinds = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**", "KEYWORD_ONLY": "named"}
    for p in inspect.signature(function).parameters.values():
        yield p.name, p.default is not p.empty, kinds.get(p.kind.name, "plain")


def methods():
    for name, node in CLASSES.items():
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and not part.decorator_list and part.name not in FORWARD:
                yield pytest.param(name, part, id=f"{name}.{part.name}")


@pytest.mark.parametrize(("name", "node"), list(methods()))
def test_a_methods_parameters_are_those_of_the_code(name, node):
    function = inspect.getattr_static(PUBLIC[name], node.name, None) or getattr(PUBLIC[name], node.name)
    assert inspect.isfunction(function), f"{name} has no {node.name}"
    if node.name == "__init__" and "*args" in str(inspect.signature(function)):
        return  # handed on to its base
    assert list(parameters(node))[1:] == list(of_code(function))[1:]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_parameters_are_those_of_the_code(name):
    assert list(parameters(FUNCTIONS[name])) == list(of_code(PUBLIC[name]))


def test_a_class_that_takes_options_of_its_own_says_so():
    for name, node in CLASSES.items():
        own = inspect.isfunction(vars(PUBLIC[name]).get("__init__"))
        assert not own or any(getattr(part, "name", "") == "__init__" for part in node.body), name


def test_a_type_checker_reads_the_programs_of_the_readmes(tmp_path):
    pytest.importorskip("mypy")
    pages = [path for path in ROOT.rglob("README.md") if ".venv" not in path.parts]
    blocks = [b for path in pages for b in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)]
    for number, block in enumerate(blocks):
        (tmp_path / f"program_{number}.py").write_text(block)
    command = [sys.executable, "-m", "mypy", "--config-file", "setup.cfg", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    (tmp_path / "program_0.py").write_text('import backprop as bp\n\nbp.Linear("2", 3)\nbp.Linaer(2, 3)\n')
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert "incompatible type" in done.stdout and "Linaer" in done.stdout
