"""The recitation's notebook: it runs from top to bottom, and shows what it says."""

import json
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
import data_tools
from backprop.show import lessons
from backprop.show.picture import Picture

NOTEBOOK = Path(__file__).parents[2] / "scripts" / "recitation.ipynb"


@pytest.fixture
def notebook(script):
    return script("notebook")


def shown(book, kind):
    """All that the cells show of a kind: "text/html", "image/png", or "stdout"."""
    found = []
    for cell in book["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {"stdout": output.get("text")})
            found += ["".join(data[kind])] if kind in data else []
    return found


def imports(book):
    code = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code")
    return {line.split()[1].partition(".")[0] for line in code.splitlines() if line.startswith(("import ", "from "))}


def test_it_runs_from_top_to_bottom(notebook, small_digits, monkeypatch):
    monkeypatch.setattr(data_tools, "find", lambda wanted: (data_tools.load(small_digits), "a few digits"))
    book = json.loads(NOTEBOOK.read_text())
    notebook.run(book)
    assert [len(shown(book, kind)) for kind in ("text/html", "image/png")] == [6, 1]
    printed = "".join(shown(book, "stdout"))
    assert "puts out 784 scores, but the labels are of 10 classes" in printed
    assert "step 200: loss 0.0" in printed and "answers [0 1 1 0]" in printed
    assert any("the sign is flipped" in text for text in shown(book, "text/html"))


def test_it_needs_no_framework_but_this_project():
    assert imports(json.loads(NOTEBOOK.read_text())) == {"numpy", "backprop", "data_tools"}


def test_what_is_kept_in_it_was_shown_by_mnist_and_is_free_of_errors():
    book = json.loads(NOTEBOOK.read_text())
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    printed = "".join(shown(book, "stdout"))
    assert "mnist (60000, 1, 28, 28)" in printed and "loss at the end 2.3" in printed
    assert len(shown(book, "text/html")) == 6 and len(shown(book, "image/png")) == 1


def test_the_command_keeps_what_cells_show_and_check_does_not(notebook, tmp_path, capsys):
    path = tmp_path / "small.ipynb"
    cells = [{"cell_type": "markdown", "source": ["# a"]}]
    cells += [{"cell_type": "code", "source": [text]} for text in ("a = 2\nprint('hi')\na * 3", "a", "None", "")]
    path.write_text(json.dumps({"cells": cells}))
    assert notebook.main([str(path), "--check"]) == 0
    assert "outputs" not in path.read_text()
    assert notebook.main([str(path)]) == 0
    first, second, third, fourth = [cell for cell in json.loads(path.read_text())["cells"] if "outputs" in cell]
    assert first["outputs"][0]["text"] == ["hi\n"] and first["outputs"][1]["data"]["text/plain"] == ["6"]
    assert second["outputs"][0]["data"]["text/plain"] == ["2"]
    assert third["outputs"] == fourth["outputs"] == []
    assert "4 cells were run" in capsys.readouterr().out


def test_a_cell_that_fails_stops_the_notebook(notebook, tmp_path):
    with pytest.raises(ZeroDivisionError):
        notebook.run({"cells": [{"cell_type": "code", "source": ["1 / 0"]}]})


def test_networks_and_gradient_checks_show_themselves_as_tables():
    net = bp.Sequential(bp.Linear(3, 2), bp.Sequential(bp.ReLU()))
    assert "<td>?</td>" in net._repr_html_()
    net(np.ones((4, 3), np.float32))
    table = net._repr_html_()
    assert "<td>1.0</td><td>ReLU()</td><td>(4, 2)</td><td>(4, 2)</td>" in table and table.count("<tr") == 4

    class Wrong(bp.Tanh):
        """<b>"""

        def backward(self, delta):
            return -super().backward(delta)

    right, wrong = (kind().check(np.ones((2, 2)))._repr_html_() for kind in (bp.Tanh, Wrong))
    assert "<td class=ok>ok</td>" in right and "<p>input" not in right
    assert "<td class=wrong>WRONG</td>" in wrong and "<p>input: the sign is flipped" in wrong


def test_a_picture_is_a_png_in_memory():
    picture = Picture(lambda file: lessons.losses({"a": [2.0, 1.0]}, file, "title", 2.3))
    assert picture._repr_png_().startswith(b"\x89PNG")
