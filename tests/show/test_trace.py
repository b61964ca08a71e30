"""The trace: the lecture's table with the lecture's numbers, and the drawn graph."""

import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import backprop as bp
from backprop.show.colors import BLUE, ORANGE
from backprop.show.numbers import number, numbers
from backprop.show.trace import drawing
from backprop.show.trace.formula import Formula


def lecture(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def lines(trace):
    """(left, right) of each line, without spaces and with bars as a letter b."""
    pairs = [line.split("|") for line in str(trace).splitlines()[2:]]
    return [tuple(half.replace(" ", "").replace("v\u0304", "b").replace("v\u0307", "d") for half in p) for p in pairs]


def test_the_lectures_forward_and_reverse_traces_line_by_line():
    assert lines(bp.trace(lecture, 2, 5)) == [
        ("v₋₁=x1=2", "df/dx1=b₋₁=5.5"),
        ("v₀=x2=5", "df/dx2=b₀=1.716"),
        ("v₁=log(v₋₁)=0.693", "b₋₁=b₋₁+b₁*(1/v₋₁)=5.5"),
        ("v₂=v₋₁*v₀=10", "b₀=b₀+b₂*v₋₁=1.716"),
        ("", "b₋₁=b₂*v₀=5"),
        ("v₃=sin(v₀)=-0.959", "b₀=b₃*cos(v₀)=-0.284"),
        ("v₄=v₁+v₂=10.693", "b₂=b₄*1=1"),
        ("", "b₁=b₄*1=1"),
        ("v₅=v₄-v₃=11.652", "b₃=b₅*(-1)=-1"),
        ("", "b₄=b₅*1=1"),
        ("f=v₅=11.652", "b₅=df/df=1"),
    ]


def test_the_lectures_function_in_forward_mode():
    trace = bp.trace(lecture, 2, 5, mode="forward")
    assert [right for _, right in lines(trace)] == [
        "d/dx1d/dx2",
        "d₋₁=dx1=1=0",
        "d₀=dx2=0=1",
        "d₁=d₋₁*(1/v₋₁)=0.5=0",
        "d₂=d₋₁*v₀+d₀*v₋₁=5=2",
        "d₃=d₀*cos(v₀)=0=0.284",
        "d₄=d₁*1+d₂*1=5.5=2",
        "d₅=d₄*1+d₃*(-1)=5.5=1.716",
        "df=d₅=5.5=1.716",
    ]
    assert [float(dot) for dot in trace.tangents[-1].values] == [trace.gradients["x1"], trace.gradients["x2"]]


def test_columns_stand_under_each_other_though_bars_take_no_room():
    from backprop.columns import width

    rows = str(bp.trace(lecture, 2, 5)).splitlines()
    assert len({width(row.split("|")[0]) for row in rows}) == 1
    right = [row.split("|")[1] for row in rows[2:]]
    assert len({width(text[: text.index("=")]) for text in right}) == 1


def test_numbers_are_short_and_true():
    texts = [
        number(x) for x in (11.65207, 5.5, 2, 0, -0.2837, 0.06931, 1.2e-5, 1e6, 123456.7, 1e-300, np.inf, np.nan, 100)
    ]
    assert texts == [
        "11.652",
        "5.5",
        "2",
        "0",
        "-0.284",
        "0.0693",
        "1.2e-05",
        "1e+06",
        "123456.7",
        "1e-300",
        "inf",
        "nan",
        "100",
    ]
    assert numbers(np.array([[1.0, 0.5], [2, 3]])) == "[[1 0.5] [2 3]]"
    assert numbers(np.zeros((3, 4))) == "(3, 4)"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lambda a, b: a - (b - a), "a - (b - a)"),
        (lambda a, b: (a - b) - a, "a - b - a"),
        (lambda a, b: a * (1 - b), "a * (1 - b)"),
        (lambda a, b: a * (b * a), "a * b * a"),
        (lambda a, b: a * (b / a), "a * (b / a)"),
        (lambda a, b: a / (b * a), "a / (b * a)"),
        (lambda a, b: a * b / a, "a * b / a"),
        (lambda a, b: (a + b) ** 2, "(a + b) ** 2"),
        (lambda a, b: a ** (b - 1), "a ** (b - 1)"),
        (lambda a, b: -a * -b, "-a * (-b)"),
        (lambda a, b: -(a + b), "-(a + b)"),
        (lambda a, b: (-a) ** b, "(-a) ** b"),
        (lambda a, b: a**1, "a"),
        (lambda a, b: -1.5 * np.cos(a) / b, "-1.5 * cos(a) / b"),
        (lambda a, b: a - (-2), "a - (-2)"),
        (lambda a, b: (a.real > 0) * b, "[a > 0] * b"),
    ],
)
def test_a_formula_has_brackets_where_they_are_needed(formula, text):
    assert str(formula(Formula("a"), Formula("b"))) == text


def test_every_slope_in_the_table_can_be_written_down():
    from backprop.graph.operations import ELEMENTWISE

    texts = {}
    for name, (_, *slopes) in ELEMENTWISE.items():
        a = [Formula("a"), Formula("b")][: len(slopes)]
        options = {"c": Formula("c")} if name == "where" else {}
        texts[name] = [str(slope(Formula("v"), *a, **options)) for slope in slopes]
    assert texts == {
        "add": ["1", "1"],
        "subtract": ["1", "-1"],
        "multiply": ["b", "a"],
        "divide": ["1 / b", "-v / b"],
        "power": ["b * a ** (b - 1)", "v * log(a)"],
        "maximum": ["[a > b]", "[b > a]"],
        "minimum": ["[b > a]", "[a > b]"],
        "where": ["c", "1 - c"],
        "negative": ["-1"],
        "abs": ["sign(a)"],
        "exp": ["v"],
        "log": ["1 / a"],
        "sqrt": ["1 / (2 * v)"],
        "sin": ["cos(a)"],
        "cos": ["-sin(a)"],
        "tan": ["1 + v * v"],
        "tanh": ["1 - v * v"],
        "sigmoid": ["v * (1 - v)"],
        "relu": ["[a > 0]"],
    }


def test_what_stands_in_the_trace_is_the_rule_that_was_run(monkeypatch):
    """The text comes from the table: another rule there, another text here, and another number."""
    from backprop.graph import OPERATIONS

    monkeypatch.setattr(OPERATIONS["sin"], "slopes", (lambda v, a: 2 * np.cos(a),))
    trace = bp.trace(np.sin, 0.0, names=["x"])
    assert ("v₁=sin(v₀)=0", "b₀=b₁*2*cos(v₀)=2") in lines(trace)


def test_modules_parameters_arrays_and_constants_have_their_lines():
    layer = bp.Linear(2, 2)
    layer.weight, layer.bias = bp.Parameter([[1, 0], [0, 2]]), bp.Parameter([0, 1])
    trace = bp.trace(lambda x: (layer(x) @ layer.weight)[0].sum() * 3, np.ones((1, 2), np.float32))
    assert lines(trace)[:4] == [
        ("v₀=x=[[11]]", "df/dx=b₀=[[312]]"),
        ("v₁=Linear(v₀)=[[13]]", "b₀=Linear.backward(b₁)=[[312]]"),
        ("v₂=aparameter=[[10][02]]", ""),
        ("v₃=v₁@v₂=[[16]]", "b₂=v₁ᵀ@b₃=[[33][99]]"),
    ]
    text = str(trace)
    for part in ("v₃[0]", "indexᵀ(v̄₄)", "sumᵀ(v̄₅)", "v̄₆ * 3"):
        assert part.replace("v̄", "v\u0304") in text
    many = bp.trace(lambda x: np.where(x > 0, x, 0).reshape(5, 2).max(axis=1).mean(), np.arange(10.0))
    for part in ("where(condition, v₀, 0)", "reshape(v₁, shape=(5, 2))", "max(v₂, axis=1)", "= (10,)"):
        assert part in str(many)


def test_an_input_that_is_not_used_has_the_gradient_zero():
    trace = bp.trace(lambda x, y: x * 2, 3, 4)
    assert (trace.value, trace.gradients) == (6, {"x": 2, "y": 0})
    assert bp.trace(lambda x, y: x, 3, 4).gradients == {"x": 1, "y": 0}


def test_inputs_are_called_what_the_function_calls_them():
    assert bp.trace(lambda width, height: width * height, 2, 3).names == ["width", "height"]
    assert bp.trace(lambda *x: x[0] * x[1], 2, 3).names == ["x1", "x2"]
    assert bp.trace(lambda x, n=3: x**n, 2).names == ["x"]
    assert bp.trace(np.exp, 1, names=["t"]).names == ["t"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bp.trace(lambda x: 3.0, 2), bp.GradientError, "f does not depend on its inputs: it returned 3.0"),
        (
            lambda: bp.trace(lambda x: x * 2, [1.0, 2.0]),
            bp.ShapeError,
            r"f must return a single number, .* use sum\(\)",
        ),
        (lambda: bp.trace(lambda x: x.sum(), [1.0, 2.0], mode="forward"), bp.OptionError, "not arrays"),
        (lambda: bp.trace(lambda x: x, 1, mode="sideways"), bp.OptionError, "mode must be 'reverse' or 'forward'"),
        (lambda: bp.trace(lambda x: x, 1).save("graph.pdf"), bp.OptionError, "must end in .svg, .png or .dot"),
        (lambda: bp.trace(lambda x, y: x, 1, 2, names=["a"]), bp.OptionError, "expects 2 different names, .* got a"),
        (lambda: bp.trace(lambda x, y: x, 1, 2, names=["a", "a"]), bp.OptionError, "expects 2 different names"),
    ],
)
def test_what_cannot_be_traced_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_drawing_has_every_value_every_adjoint_and_every_slope(tmp_path):
    trace = bp.trace(lecture, 2, 5)
    text = trace.save(tmp_path / "f.dot").read_text(encoding="utf-8")
    assert text == trace.dot()
    for part in ("v₅ = v₄ - v₃", ">11.652<", "v̄₋₁ = 5.5<".replace("v̄", "v\u0304"), 'label="  1 / v₋₁  "', "n0 -> n2"):
        assert part in text
    slopes = [line.split('"')[1].strip() for line in text.splitlines() if "->" in line]
    assert slopes == ["1 / v₋₁", "v₀", "v₋₁", "cos(v₀)", "1", "1", "1", "-1"]
    assert text.count(f'<font color="{BLUE}">') == text.count(f'<font color="{ORANGE}">') == 7


def test_the_drawing_of_forward_mode_has_tangents_instead_of_adjoints():
    text = bp.trace(lecture, 2, 5, mode="forward").dot()
    assert "v\u0307₂ = 5, 2<" in text and "\u0304" not in text


def test_the_drawing_escapes_what_a_page_would_take_for_markup():
    text = bp.trace(lambda x: x * 2, 1, names=["<b>&"]).dot()
    assert "&lt;b&gt;&amp;" in text and "<b>" not in text


def test_without_graphviz_the_error_says_so_and_the_text_is_still_there(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    trace = bp.trace(lecture, 2, 5)
    with pytest.raises(bp.ProgramError, match="a .svg or .png needs Graphviz"):
        trace.save(tmp_path / "f.svg")
    assert trace.save(tmp_path / "f.gv").exists()
    assert trace._repr_html_().startswith("<table>") and "<svg" not in trace._repr_html_()


@pytest.mark.skipif(not drawing.installed(), reason="Graphviz is not installed")
def test_graphviz_draws_svg_and_png(tmp_path):
    trace = bp.trace(lecture, 2, 5)
    root = ET.parse(trace.save(tmp_path / "f.svg")).getroot()
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"11.652", "v₂ = v₋₁ * v₀", "cos(v₀)"} <= {text.strip() for text in texts}
    assert trace.save(tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in trace._repr_html_()


def test_the_html_table_is_well_formed():
    table = ET.fromstring(bp.trace(lecture, 2, 5)._repr_html_().split("<svg")[0])
    assert len(table.findall("tr")) == 12


def test_a_trace_leaves_the_gradients_of_a_network_alone():
    layer, w = bp.Linear(2, 1), bp.Parameter(np.ones(1, np.float32))
    layer.backward(layer(np.ones((1, 2), np.float32)))
    before = layer.weight.grad.copy()
    bp.trace(lambda x: (layer(x) * w).sum(), np.ones((1, 2), np.float32))
    np.testing.assert_array_equal(layer.weight.grad, before)
    assert w.grad is None


def test_a_trace_keeps_its_numbers_when_the_input_changes_afterwards():
    x = np.array([1.0, 2.0])
    trace = bp.trace(lambda x: (x * x).sum(), x)
    x[:] = 0
    assert "v₀  = x        = [1 2]" in str(trace)


def test_a_stretched_operand_gets_the_sum_of_its_shares():
    text = str(bp.trace(lambda x, w: (x * w).sum(), [1.0, 2.0, 3.0], 2.0))
    assert "= sum(v\u0304₁ * v₋₁)" in text and "= v\u0304₁ * v₀ " in text


def test_forward_mode_tells_unused_inputs_parameters_choices_and_modules():
    unused = bp.trace(lambda x, y: np.log(x), 2, 5, mode="forward")
    assert lines(unused)[2][1] == "d₀=dy=0=1"
    w = bp.Parameter(np.array(3.0))
    assert lines(bp.trace(lambda x: x * w, 2, mode="forward"))[3][1] == "d₂=d₀*v₁+d₁*v₀=3"
    choice = bp.trace(lambda x, y: np.stack([x, y]).max(), 2.0, 3.0, mode="forward")
    assert "max′(" in str(choice) and choice.tangents[-1].values == [0, 1]
    module = bp.trace(lambda x: bp.Tanh()(x.reshape(1)).sum(), 2.0, mode="forward")
    assert "Tanh′(v\u0307₁)" in str(module)
    product = bp.trace(lambda x: (x.reshape(1, 1) @ np.array([[3.0]])).sum(), 2.0, mode="forward")
    assert "= v\u0307₁ @ [[3]]" in str(product)


def test_constants_are_told_in_full_and_indices_as_they_are_typed():
    text = str(bp.trace(lambda x: x * 1.0004 + x**2.0004 - (-2), 2))
    assert "v₀ * 1.0004" in text and "v₀ ** 2.0004" in text and "2.0004 * v₀ ** 1.0004" in text and "- (-2)" in text
    mask = np.array([[True, False], [False, True]])
    text = str(bp.trace(lambda x: x[mask].sum() + x[1:, ::2].sum() + x[..., None, 0].sum(), np.ones((2, 2))))
    for part in ("v₀[[[1 0] [0 1]]]", "v₀[1:, ::2]", "v₀[..., None, 0]"):
        assert part in text
    text = str(bp.trace(lambda x: x.sum(axis=0, keepdims=True).transpose(1, 0).sum(), np.ones((2, 2))))
    assert "sum(v₀, axis=0, keepdims=True)" in text and "transpose(v₁, axes=(1, 0))" in text


def test_whole_and_boolean_inputs_are_traced_as_floats():
    assert bp.trace(lambda x: (x * x).sum(), np.array([True, False])).gradients["x"].tolist() == [2, 0]


@pytest.mark.skipif(not drawing.installed(), reason="Graphviz is not installed")
def test_a_drawing_that_fails_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(drawing, "dot", lambda trace: "digraph {")
    with pytest.raises(bp.ProgramError, match="Graphviz could not draw it"):
        bp.trace(lecture, 2, 5).save(tmp_path / "g.svg")
