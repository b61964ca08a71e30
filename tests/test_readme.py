"""The README says what is so: its code runs, its names exist, its files are there."""

import importlib.util
import re
from pathlib import Path

import numpy as np

import backprop as bp
from backprop.examples import examples

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_its_python_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "(64, 784) -> (64, 32)" in capsys.readouterr().out


def test_its_links_and_pictures_exist():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert len(targets) > 10
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_no_picture_is_shown_twice():
    """scripts/bench.py once wrote its depth.png over the other picture of that name."""
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert len(pictures) > 5 and len(pictures) == len(set(pictures))


def test_it_counts_the_examples_of_the_gradient_check_rightly():
    count = len(examples())
    assert f"checks {count} examples, of every layer and loss: {count} of {count} are ok" in README


def test_its_scripts_exist():
    for path in set(re.findall(r"scripts/\w+\.py", README)):
        assert (ROOT / path).exists()


def test_its_dictionary_names_what_exists():
    rows = re.findall(r"^\| \(\d.*$", README, re.MULTILINE)
    assert len(rows) >= 12
    for name in ("Linear", "ReLU", "Sigmoid", "Tanh", "MSELoss", "CrossEntropyLoss", "SGD", "Conv2d", "Dropout"):
        assert hasattr(bp, name)
        assert any(name in row for row in rows)


def test_it_has_one_line_that_trains_and_one_that_tests():
    lines = [line for line in README.splitlines() if line.startswith("    python3 -m venv .venv && ")]
    assert [line.split()[-1] for line in lines] == ["scripts/train_mnist.py", "pytest"]


def test_its_trace_is_the_one_that_is_printed():
    trace = str(bp.trace(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2, 5))
    assert "\n".join(f"    {line}" for line in trace.splitlines()) in README


def test_its_own_layer_has_twelve_lines_and_prints_what_it_says(capsys):
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "class Scale" in b)
    layer = block.partition("\nx = ")[0]
    assert len([line for line in layer.splitlines() if line.strip()]) == 12
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "[1. 2. 3.]" and f"    {printed[-1]}" in README
    assert [line.split()[-1] for line in printed[2:4]] == ["ok", "ok"]


def test_it_counts_the_planted_mistakes_rightly():
    spec = importlib.util.spec_from_file_location("planted", ROOT / "tests" / "planted.py")
    planted = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(planted)
    assert f"Of {len(planted.plants())} mistakes planted in six layers" in README


def test_its_words_for_mistakes_are_those_that_the_diagnosis_has():
    sources = "".join(path.read_text() for path in (ROOT / "backprop" / "diagnosis").glob("*.py"))
    for words in (
        "sigma' is missing: delta is handed on as it came, without the slope of the output",
        "axis is not summed",
    ):
        assert words in README and words in sources
