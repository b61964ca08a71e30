"""scripts/api.py: the reference, made by pdoc where it is installed."""

import re
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def api(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import api

    yield api
    sys.modules.pop("api")


def test_numbers_of_formulas_in_a_docstring_are_links_and_its_columns_stay(api):
    text = api.docstring("forward   (9a)  L = a < b   (5)\n  and (99)")
    assert re.findall(r"#(f-\w+)'>(\(\w+\))", text) == [("f-9", "(9a)"), ("f-5", "(5)")]
    assert text.startswith("<pre>forward   <a") and "a &lt; b" in text and "\n  and (99)" in text


def test_an_argument_in_brackets_is_no_number_of_a_formula(api):
    """`1/sqrt(3)` was once a link to (3)."""
    assert "href" not in api.docstring("u begins at about 1/sqrt(3) of a's size")


def test_without_pdoc_the_cure_is_named(api, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pdoc", None)
    assert api.main([]) == 1
    assert "pip install -e '.[docs]'" in capsys.readouterr().err


def test_the_reference_has_every_public_room_and_leads_to_the_companion(api, monkeypatch, tmp_path, capsys):
    pytest.importorskip("pdoc")
    monkeypatch.setattr(api, "MODULES", ("backprop.layers.linear",))
    monkeypatch.setattr(api, "write", lambda path: path.write_text("the companion") and path)
    assert api.main(["--out", str(tmp_path)]) == 0
    page = tmp_path / "backprop" / "layers" / "linear.html"
    (link, *_) = re.findall(r"href='([^']*)#f-5'", page.read_text())
    assert (page.parent / link).read_text() == "the companion"
