"""The trace's command line."""

import pytest

LECTURE = "log(x1) + x1*x2 - sin(x2)"


def test_the_lectures_numbers_are_printed(script, capsys):
    assert script("trace").main([LECTURE, "x1=2", "x2=5"]) == 0
    out = capsys.readouterr().out
    for number in ("= 0.693", "= 10 ", "= -0.959", "= 10.693", "= 11.652", "= 5.5", "= 1.716"):
        assert number in out


def test_forward_mode_and_a_drawing(script, capsys, tmp_path):
    path = tmp_path / "graph.dot"
    assert script("trace").main([LECTURE, "x1=2", "x2=5", "--forward", "--svg", str(path)]) == 0
    out = capsys.readouterr().out
    assert "forward tangent trace" in out and f"the graph is drawn in {path}" in out
    assert path.read_text(encoding="utf-8").startswith("digraph")


@pytest.mark.parametrize("formula", ["-x", "-x*2 + x", "- x", "-h*x"])
def test_a_formula_may_begin_with_a_minus_sign(script, capsys, formula):
    assert script("trace").main([formula, "x=-3", *(["h=2"] if "h" in formula else [])]) == 0
    assert "df/dx" in capsys.readouterr().out


def test_values_may_be_arrays_and_stand_behind_options(script, capsys, tmp_path):
    assert script("trace").main(["sum(x*y)", "--svg", str(tmp_path / "g.dot"), "x=1,-2,3", "y=2"]) == 0
    assert "[1 -2 3]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["__import__('os').system('ls')", "x=1"], "is not allowed in an expression"),
        (["10**1000000000 * x", "x=1"], "`10**1000000000` is inf"),
        (["(" * 300 + "x" + ")" * 300, "x=1"], "too many nested parentheses"),
        ([LECTURE, "x1=2"], "x2 has no value: add x2=NUMBER"),
        ([LECTURE, "x1=2", "x2=5", "x3=1"], "x3=1: x3 does not occur in"),
        (["pi*x", "x=1", "pi=3"], "pi=3: pi is a constant"),
        (["x", "x"], "'x' is not a value: write NAME=NUMBER, such as x1=2"),
        (["x", "x=two"], "'x=two' is not a value"),
        (["x", "=2"], "'=2' is not a value"),
        (["log(x)", "x=0"], "v₁ = log(v₀) is -inf"),
        (["exp(x)", "x=1000"], "v₁ = exp(v₀) is inf"),
        (["tanh(x)", "x=1,2"], "f must return a single number"),
        (["sum(x)", "x=1,2", "--forward"], "inputs must be numbers, not arrays, in forward mode"),
        (["2 + 3"], "does not depend on its inputs"),
        (["x", "x=1", "x=2"], "x has two values"),
        (["x", "x=1", "--svg", "graph.jpg"], "must end in .svg, .png or .dot"),
        (["x", "x=1", "--svg", "/nowhere/at/all.dot"], "No such file or directory"),
    ],
    ids=range(17),
)
def test_what_is_wrong_is_told_in_one_line_and_by_the_exit_status(script, capsys, arguments, message):
    assert script("trace").main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert "Traceback" not in error


def test_a_name_may_be_typed_in_another_form_of_the_same_letter(script, capsys):
    assert script("trace").main(["µ*x", "µ=2", "x=3"]) == 0
    assert "= 6" in capsys.readouterr().out


def test_its_help_names_every_function(script):
    from backprop.graph.expression import CONSTANTS, FUNCTIONS

    words = script("trace").__doc__.replace(",", " ").replace(".", " ").split()
    assert {*FUNCTIONS, *CONSTANTS} <= set(words)
