"""The READMEs are true: their code runs, their names exist, their files are there."""

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
from backprop.lecture.examples import examples

ROOT = Path(__file__).parents[1]
FOLDERS = "backprop", "data_tools", "scripts"  # elsewhere tools leave READMEs of their own, such as pytest's cache
PAGES = [ROOT / "README.md", *sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("README.md"))]
README = (ROOT / "README.md").read_text()


def page(folder):
    return (ROOT / folder / "README.md").read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_and_pictures_exist(path):
    targets = re.findall(r"\]\(([^)]+)\)", path.read_text())
    here = [target.partition("#")[0] for target in targets if not target.startswith("https://")]
    assert [target for target in here if not (path.parent / target).exists()] == []


def test_the_only_address_is_that_of_the_lecture():
    addresses = {address for path in PAGES for address in re.findall(r"https?://[^\s)]+", path.read_text())}
    assert addresses == {"https://tube.switch.ch/videos/kNKcdLNaKF"}


def test_the_front_page_leads_to_every_other():
    linked = {os.path.normpath(target) for target in re.findall(r"\]\(([^)]+)\)", README)}
    assert {str(path.relative_to(ROOT)) for path in PAGES} - linked == {"README.md"}


def test_the_front_page_has_two_screens_and_few_words():
    assert len(README.splitlines()) < 100 and len(README.encode()) < 7000


def test_nobody_is_told_to_install_another_projects_package():
    """`pip install backprop` gives other people's package."""
    for path in [*PAGES, *ROOT.glob("backprop/**/*.py"), *ROOT.glob("scripts/**/*.py")]:
        assert not re.search(r"pip install (-\S+ )*'?backprop", path.read_text()), path


def blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(
    "path", [path for path in PAGES if blocks(path.read_text())], ids=lambda path: path.parent.name
)
def test_its_python_runs_and_prints_what_it_says(path, capsys):
    text, whole = path.read_text(), []
    for block in blocks(text):
        exec(compile(block, str(path), "exec"), {})
        printed = capsys.readouterr().out.splitlines()
        whole += printed
        said = text.partition(block)[2].partition("\nprints\n\n")
        if said[0] == "```\n" and path.parent.name != "layers":  # of a check the last digits differ
            assert all(f"    {line}" in text.splitlines() for line in printed)
    assert path.parent.name != "training" or "(64, 784) -> (64, 32)" in "".join(whole)


def test_no_picture_is_shown_twice():
    """scripts/bench.py once wrote its depth.png over the other picture of that name."""
    pictures = [p for path in PAGES for p in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", path.read_text())]
    pictures = [os.path.basename(p) for p in pictures if "scripts/pictures" in p]
    assert len(pictures) > 5 and len(pictures) == len(set(pictures))


def test_it_counts_the_examples_of_the_gradient_check_rightly():
    count = len(examples())
    assert f"checks {count} examples, of every layer and loss: {count} of {count} are ok" in page("backprop/check")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_scripts_exist(path):
    for script in set(re.findall(r"scripts/\w+\.py", path.read_text())):
        assert (ROOT / script).exists()


def test_its_dictionary_names_what_exists():
    rows = re.findall(r"^\| \(\d.*$", page("backprop/lecture"), re.MULTILINE)
    assert len(rows) >= 12
    for name in ("Linear", "ReLU", "Sigmoid", "Tanh", "MSELoss", "CrossEntropyLoss", "SGD", "Conv2d", "Dropout"):
        assert hasattr(bp, name)
        assert any(name in row for row in rows)


def test_it_has_one_line_that_trains_and_one_that_tests():
    lines = [line for line in README.splitlines() if line.startswith("    python3 -m venv .venv && ")]
    ends = [line.rpartition(" && ")[2] for line in lines]
    assert ends == [".venv/bin/python scripts/train_mnist.py", ".venv/bin/python -m pytest -n auto --dist loadfile"]


def test_its_trace_is_the_one_that_is_printed():
    trace = str(bp.trace(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2, 5))
    assert "\n".join(f"    {line}" for line in trace.splitlines()) in page("backprop/graph")


def test_its_own_layer_has_twelve_lines_and_prints_what_it_says(capsys):
    block = next(b for b in blocks(page("backprop/layers")) if "class Scale" in b)
    layer = block.partition("\nx = ")[0]
    assert len([line for line in layer.splitlines() if line.strip()]) == 12
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "[1. 2. 3.]" and f"    {printed[-1]}" in page("backprop/layers")
    assert [line.split()[-1] for line in printed[2:4]] == ["ok", "ok"]


def test_it_counts_the_planted_mistakes_rightly():
    spec = importlib.util.spec_from_file_location("planted", ROOT / "tests" / "check" / "planted.py")
    planted = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(planted)
    assert f"Of {len(planted.plants())} mistakes planted in nine layers" in page("backprop/check")


def test_its_words_for_mistakes_are_those_that_the_diagnosis_has():
    sources = "".join(path.read_text() for path in (ROOT / "backprop" / "check" / "diagnosis").glob("*.py"))
    for words in (
        "sigma' is missing: delta is passed on unchanged, not multiplied by the slope",
        "axis is not summed",
    ):
        assert any(words in path.read_text() for path in PAGES) and words in sources
