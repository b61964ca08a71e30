"""The exercises' command line: made, graded, shown."""

import pytest

from backprop.lecture import exercises


@pytest.fixture
def command(script):
    return script("exercises").main


def test_a_new_folder_has_nine_exercises_none_of_them_written(command, tmp_path, capsys):
    assert command(["new", str(tmp_path / "mine")]) == 0
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted(
        map(exercises.file_of, exercises.DEFAULT)
    )
    capsys.readouterr()
    assert command(["check", str(tmp_path / "mine"), "--layers", "ReLU", "Tanh"]) == 1
    out = capsys.readouterr().out
    assert "ReLU              not written  input not written\n    (4) delta_u = delta where a > 0, else 0" in out
    assert "0 of 2 right" in out


def test_an_answer_is_never_overwritten(command, tmp_path, capsys):
    (tmp_path / "relu.py").write_text("mine")
    assert command(["new", str(tmp_path), "--layers", "ReLU"]) == 0
    assert (tmp_path / "relu.py").read_text() == "mine"
    assert "is there already and is left alone" in capsys.readouterr().out


def test_a_right_answer_ends_with_status_0(command, tmp_path, capsys):
    command(["new", str(tmp_path), "--layers", "ReLU"])
    path = tmp_path / "relu.py"
    path.write_text(path.read_text().replace("return ...", "return delta * (self.cache > 0)"))
    assert command(["check", str(tmp_path)]) == 0
    assert "ReLU              right        input right\n1 of 1 right" in capsys.readouterr().out


def test_what_is_not_there_is_said(command, tmp_path, capsys):
    assert command(["check", str(tmp_path)]) == 1
    assert "has no linear.py; `new` makes one" in capsys.readouterr().err
    assert command(["new", str(tmp_path), "--layers", "Linaer"]) == 1
    assert not list(tmp_path.iterdir())
    assert "no exercise is called 'Linaer'" in capsys.readouterr().err


def test_the_solution_is_printed(command, capsys):
    assert command(["solution", "Conv2d"]) == 0
    assert "# (13) add_up(einsum(" in capsys.readouterr().out
