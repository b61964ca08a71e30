"""Exercises: what a learner is given, and that every answer is graded as it should be, whatever it does."""

import ast
import inspect
import re
import time

import pytest

import backprop as bp
from backprop.lecture import exercises
from backprop.lecture.exercises.blanks import blanks, parts
from backprop.lecture.formulas import stated

# Right answers in NumPy, by the number that stands behind the blank.
RIGHT = {
    "Linear": {
        "(5)": "self.weight.accumulate(delta.T @ a)",
        "(6)": "self.bias.accumulate(delta.sum(axis=0))",
        "(7)": "return delta @ self.weight.data",
    },
    "ReLU": {"(4)": "return np.where(a > 0, delta, 0)"},
    "Sigmoid": {"(4)": "return delta * a * (1 - a)"},
    "Tanh": {"(4)": "return delta * (1 - a**2)"},
    "Softmax": {"(4s)": "return s * (delta - (delta * s).sum(axis=dim, keepdims=True))"},
    "MSELoss": {"(8b)": "return 2 * (a - b) * self.scale(delta, E)"},
    "CrossEntropyLoss": {"(40) (9b)": "return (np.exp(log_s) - np.eye(log_s.shape[1])[y]) * self.scale(delta, E)"},
    "Conv2d": {
        "(11)": "self.bias.accumulate(delta.sum(axis=(0, 2, 3)))",
        "(12)": """(s, t), (y, x), (d, e) = self.stride, self.padding, self.dilation
        wide = np.pad(a, [(0, 0), (0, 0), (y, y), (x, x)])
        below, g = np.zeros_like(wide), np.zeros_like(self.weight.data)
        for p, q in np.ndindex(*self.kernel_size):
            met = np.s_[:, :, d * p : d * p + s * delta.shape[2] : s, e * q : e * q + t * delta.shape[3] : t]
            g[:, :, p, q] = np.einsum("noij,ncij->oc", delta, wide[met])
            below[met] += np.einsum("oc,noij->ncij", self.weight.data[:, :, p, q], delta)
        self.weight.accumulate(g)""",
        "(13)": "return below[:, :, y : y + a.shape[2], x : x + a.shape[3]]",
    },
    "MaxPool2d": {
        "(14b)": """where, image = self.cache
        below = np.zeros((*delta.shape[:2], image[0] * image[1]))
        for n, c, i, j in np.ndindex(*delta.shape):
            below[n, c, where[n, c, i, j]] += delta[n, c, i, j]
        return below.reshape(*delta.shape[:2], *image)"""
    },
}


def answered(name):
    """The learner's file with the right answers."""
    lines = []
    for line in exercises.exercise(name).splitlines():
        code, _, comment = line.partition("  # ")
        if code.strip().endswith(("...", "(...)")) and comment in RIGHT[name]:
            line = code[: len(code) - len(code.lstrip())] + RIGHT[name][comment]
        lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.fixture
def graded(tmp_path):
    """Grade one answer: the right one with one text replaced by another."""

    def grade(name, right="", wrong="", seconds=60):
        text = answered(name)
        assert right in text
        (tmp_path / exercises.file_of(name)).write_text(text.replace(right, wrong) if right else text)
        (result,) = exercises.check(tmp_path, [name], seconds)
        return result

    return grade


@pytest.mark.parametrize("name", exercises.DEFAULT)
def test_every_exercise_can_be_solved_in_numpy(graded, name):
    result = graded(name)
    assert result.ok, str(result)
    assert set(result.arrays.values()) == {"right"}


@pytest.mark.parametrize(
    ("name", "right", "wrong", "array", "words"),
    [
        ("Linear", "delta.T @ a", "-delta.T @ a", "weight", "the sign is flipped"),
        (
            "Linear",
            "delta.sum(axis=0)",
            "delta.mean(axis=0)",
            "bias",
            "0.25 times what it should be (there are N = 4 samples)",
        ),
        ("Linear", "delta.sum(axis=0)", "delta[0]", "bias", "the batch axis is not summed"),
        ("Linear", "delta @ self", "delta[::-1] @ self", "input", "delta is permuted"),
        ("ReLU", "np.where(a > 0, delta, 0)", "delta", "input", "sigma' is missing"),
        ("ReLU", "a > 0", "delta > 0", "input", "sigma' is evaluated at the wrong variable, delta"),
        (
            "CrossEntropyLoss",
            " * self.scale(delta, E)",
            " * delta",
            "input",
            "5 times what it should be (there are N = 5 samples)",
        ),
        ("Conv2d", "g[:, :, p, q] =", "g[:, :, ~p, ~q] =", "weight", "convolution for cross-correlation"),
        ("Conv2d", "below[met] +=", "below[met] =", "input", "overwritten instead of accumulated"),
        ("MaxPool2d", "]] +=", "]] =", "input", "overwritten instead of accumulated"),
    ],
)
def test_a_wrong_answer_is_told_with_its_diagnosis_and_its_formula(graded, name, right, wrong, array, words):
    result = graded(name, right, wrong)
    assert result.status == "WRONG"
    assert [path for path, verdict in result.arrays.items() if verdict != "right"] == [array]
    assert result.lines[0].startswith(f"{array}: ") and words in result.lines[0]
    assert result.lines[1].startswith("    look at (")


def test_what_is_not_written_is_not_called_wrong_and_the_rest_is_graded(graded):
    result = graded("Linear", "self.bias.accumulate(delta.sum(axis=0))", "self.bias.accumulate(...)")
    assert result.status == "not written"
    assert result.arrays == {"weight": "right", "bias": "not written", "input": "right"}
    assert result.lines == ["(6) dL/dmu[o] = sum_n delta[n,o]"]


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ("return delta @ a", "fails", ", in backward: return delta @ a"),
        ("return undefined", "fails", "NameError: name 'undefined' is not defined"),
        ("raise SystemExit(0)", "fails", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "fails", "KeyboardInterrupt"),
        ("import os; os._exit(0)", "no answer", "its process ended with exit status 0, before it could be judged"),
        ("import os; os.abort()", "no answer", "ended by signal 6"),
        ("return backward(", "fails", "was never closed"),
        ("return None", "WRONG", "input: backward does not return an array of floats"),
        ("return delta * np.nan", "WRONG", "input: backward gives NaN or infinity"),
        ("return (delta @ self.weight.data).T", "WRONG", "input: transposed: its shape is (5, 4) instead of (4, 5)"),
        ("return self.backward(delta)", "fails", "RecursionError"),
        ("return np.ones((1 << 40, 2))", "fails", "Unable to allocate"),
    ],
)
def test_an_answer_that_fails_is_told_and_never_takes_the_grader_down(graded, wrong, status, words):
    result = graded("Linear", "return delta @ self.weight.data", wrong)
    assert result.status == status
    assert any(words in line for line in result.lines), result.lines


def test_an_endless_answer_is_ended_with_all_that_it_started(graded, tmp_path):
    started = time.perf_counter()
    loop = f"import subprocess; subprocess.Popen(['sleep', '600']).pid; open({str(tmp_path / 'at')!r}, 'w').write('x')"
    result = graded("ReLU", "return np.where", f"{loop}\n        while True: pass\n        return np.where", seconds=8)
    assert (tmp_path / "at").exists()
    assert time.perf_counter() - started < 40
    assert result.status == "endless"
    assert result.lines == ["it did not end within 8 seconds: is there a loop that never ends?"]


def test_what_an_answer_prints_is_shown_and_bounded(graded):
    result = graded("ReLU", "return np.where", "print('here', delta.shape)\n        return np.where")
    assert result.ok and "    | here (3, 4)\n" in str(result)
    result = graded("ReLU", "return np.where", "print('x\\n' * 100)\n        return np.where")
    assert "more lines" in str(result)
    flood = "while True: print('x' * 10_000, flush=True)\n        return np.where"
    assert graded("ReLU", "return np.where", flood, seconds=30).status in ("fails", "no answer")


@pytest.mark.parametrize(
    "trick",
    [
        'open(R, \'w\').write(\'{"status":"right","arrays":{},"lines":[]}\'); os._exit(0)',
        'open(R, \'w\').write(\'{"status":"right","arrays":5}\'); os._exit(0)',
        "open(R, 'w').write('[' * 200000); os._exit(0)",
        "os.remove(R); os.mkfifo(R); os._exit(0)",
        "shutil.rmtree(os.path.dirname(R)); os._exit(0)",
        "os.kill(os.getpid(), 40)",
    ],
)
def test_an_answer_cannot_take_the_grader_down_with_it(tmp_path, trick):
    head = "import os, glob, shutil, tempfile\nR = os.path.join(os.getcwd(), 'result')\n"
    (tmp_path / "relu.py").write_text(f"{head}{trick}\n{answered('ReLU')}")
    (tmp_path / "tanh.py").write_text(answered("Tanh"))
    first, second = exercises.check(tmp_path, ["ReLU", "Tanh"])
    assert first.status == "no answer" and str(first)
    assert second.ok


def test_an_answer_that_changes_the_checker_is_judged_by_the_old_one(graded):
    cheat = "import types; bp.gradcheck = lambda *a, **k: types.SimpleNamespace(rows=[])\n        return delta"
    result = graded("ReLU", "return np.where(a > 0, delta, 0)", f"import backprop as bp; {cheat}")
    assert result.status == "WRONG"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_read_or_told(tmp_path, encoding):
    cookie = f"# -*- coding: {encoding} -*-\n# \xe9\n" if encoding == "latin-1" else ""
    (tmp_path / "relu.py").write_bytes((cookie + answered("ReLU")).encode(encoding))
    (result,) = exercises.check(tmp_path, ["ReLU"])
    assert result.status == ("fails" if encoding == "utf-16" else "right")
    assert "Traceback" not in str(result)


@pytest.mark.parametrize(
    "name", ["RNN", "GRU", "LayerNorm", "BatchNorm2d", "BCELoss", "GroupNorm", "GraphConv", "Linear"]
)
def test_an_untouched_exercise_is_called_not_written(tmp_path, name):
    (tmp_path / exercises.file_of(name)).write_text(exercises.exercise(name))
    (result,) = exercises.check(tmp_path, [name])
    assert result.status == "not written", str(result)


def test_a_mistake_beside_a_blank_is_still_called_wrong(graded):
    text = "self.weight.accumulate(delta.T @ a)"
    result = graded("Linear", text, "self.weight.accumulate(-delta.T @ a)  # and the bias\n        ...")
    assert result.status == "WRONG"


def test_what_is_right_in_float64_alone_is_noted(graded):
    result = graded("Linear", "(delta.T @ a)", "(np.zeros(self.weight.shape) + delta.T @ a)")
    assert result.ok and "in float32, as in training, it raises DTypeError" in result.lines[0]
    result = graded("ReLU", "return np.where(a > 0, delta, 0)", "return delta * (a > 0).astype(float)")
    assert result.ok and "end with .astype(delta.dtype)" in result.lines[0]


def test_signs_that_would_move_the_cursor_are_not_printed(graded):
    result = graded("ReLU", "return np.where", "print('\x1b[2Jgone')\n        return np.where")
    assert "\x1b" not in str(result) and "[2Jgone" in str(result)


def test_a_folder_with_an_odd_name_makes_no_broken_file():
    for folder in (r"C:\Users\me", 'a"""b', "with space"):
        ast.parse(exercises.exercise("ReLU", folder=folder))


def test_a_forward_that_was_changed_is_compared_with_ours(graded):
    result = graded("Linear", "return F.linear(a, self.weight, self.bias)", "return F.linear(a, self.weight)")
    assert result.status == "WRONG" and result.arrays == {"output": "WRONG"}
    assert "output: forward gives" in result.lines[0] and "look at (1) (2) u[n,o]" in result.lines[1]


def test_a_file_without_the_layer_says_so(graded):
    assert "define a Module called ReLU" in graded("ReLU", "class ReLU(", "class Rectifier(").lines[0]


def test_with_forward_the_forward_formulas_are_blanked_too_and_graded():
    text = exercises.exercise("Linear", forward=True)
    assert "        return ...  # (1) (2)\n" in text and "F." not in text
    assert "        self.cache = a  # (5) needs it\n" in text
    assert "out, self.cache = ...  # (14a)" in exercises.exercise("MaxPool2d", forward=True)


@pytest.mark.parametrize("name", ["Dropout2d", "GRU", "BatchNorm2d", "ConvTranspose2d", "Embedding"])
def test_our_own_code_is_graded_as_right(tmp_path, name):
    """Dropout's masks were once drawn anew for the answer, which then could not agree with ours."""
    text = exercises.exercise(name)
    for part in parts(getattr(bp, name)):
        for gap in blanks(part):
            ours = inspect.getsource(part).splitlines()[gap.first - 1 : gap.last]
            comment = " ".join(f"({number})" for number in gap.numbers)
            text = text.replace(" " * gap.column + f"{gap.text}  # {comment}", "\n".join(ours), 1)
    assert "..." not in text.rpartition('"""')[2]
    kind = getattr(bp, name)
    text = text.replace("import numpy as np\n", "import numpy as np\nfrom backprop import functional as F\n", 1)
    (tmp_path / exercises.file_of(name)).write_text(text)
    (result,) = exercises.check(tmp_path, [kind.__name__])
    assert result.ok, str(result)


def public():
    kinds = [kind for kind in vars(bp).values() if isinstance(kind, type) and issubclass(kind, bp.Module)]
    return [kind for kind in kinds if any(blanks(part) for part in parts(kind))]


@pytest.mark.parametrize("kind", public(), ids=lambda kind: kind.__name__)
def test_the_learners_copy_of_every_layer_keeps_the_formulas_and_loses_the_code(kind):
    text = exercises.exercise(kind.__name__, forward=True)
    tree = ast.parse(text)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    assert list(classes) == [part.__name__ for part in parts(kind)]
    for part in parts(kind):
        assert ast.get_docstring(classes[part.__name__]) == inspect.getdoc(part)
        for gap in blanks(part, forward=True):
            assert gap.text in text
    exec(compile(tree, "exercise", "exec"), {"__name__": "exercise"})  # it can be imported as it is


def test_more_than_thirty_layers_can_be_exercises():
    assert len(public()) > 30


def test_an_unknown_layer_is_answered_with_the_known_ones():
    with pytest.raises(bp.OptionError, match="no exercise is called 'Linaer'; there are .*Linear"):
        exercises.exercise("Linaer")


def test_the_solution_is_our_source_and_the_numpy_that_it_comes_to():
    text = exercises.solution("ReLU")
    assert text.startswith(inspect.getsource(bp.ReLU).rstrip())
    assert "out[...] = np.where(a.real <= 0, 0, delta)" in text and "sigmoid" not in text
    assert "class Convolution" in exercises.solution("Conv2d")
    assert 'met[:, c] += np.einsum("oc,no...->nc...", X[(o, slice(None), *p)], delta[:, o])' in exercises.solution(
        "Conv2d"
    )
    assert "lambda a, b: 2 * (a - b))," in exercises.solution("MSELoss")


def test_a_plain_case_says_in_its_head_what_is_graded():
    assert "Graded on: labels. Other options of the layer are not asked for." in exercises.exercise("CrossEntropyLoss")
    assert "Graded on" not in exercises.exercise("ReLU")


def test_an_answer_that_cannot_be_read_fails_and_needs_no_traceback_of_ours(tmp_path):
    """Where something else than a SyntaxError came first, the grading once ended in a name that was not set yet."""
    (tmp_path / "relu.py").mkdir()
    (result,) = exercises.check(tmp_path, ["ReLU"])
    assert result.status == "fails" and "IsADirectoryError" in str(result) and "Traceback" not in str(result)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "Sigmoid",
            "return delta * a * (1 - a)",
            "delta *= a * (1 - a); return delta",
        ),
        ("ReLU", "return np.where(a > 0, delta, 0)", "delta[a <= 0] = 0; return delta"),
        ("MSELoss", "2 * (a - b) * self.scale(delta, E)", "delta * 2 * (a - b) / a.size"),
        ("CrossEntropyLoss", "* self.scale(delta, E)", "* delta / len(y)"),
    ],
)
def test_an_answer_as_its_docstring_has_it_is_right_whatever_it_does_to_its_delta(graded, name, right, wrong):
    """One that wrote into its delta was called wrong, of no kind that is known."""
    result = graded(name, right, wrong)
    assert result.ok, str(result)
    assert ("note: backward overwrites the delta" in str(result)) == ("delta *= " in wrong or "] = 0" in wrong)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "words"),
    [
        ("MSELoss", "2 * (a - b) * self.scale(delta, E)", "2 * (a - b) / a.size", "delta is ignored: this is"),
        ("MSELoss", "2 * (a - b)", "2 * (b - a)", "the sign is flipped"),
        (
            "MSELoss",
            "2 * (a - b) * self.scale(delta, E)",
            "2 * (b - a) / a.size",
            "-1 times .*its sign is flipped",
        ),
        (
            "MSELoss",
            "2 * (a - b) * self.scale(delta, E)",
            "2 * (a - b) / len(a)",
            "4 times .*E / N: 12 elements of 3",
        ),
        ("MSELoss", "2 * (a - b)", "(a - b)", "0.5 times what it should be$"),
        (
            "Softmax",
            "(delta - (delta * s).sum(axis=dim, keepdims=True))",
            "(1 - s) * delta",
            "its own entry alone",
        ),
        ("Tanh", "1 - a**2", "(1 - a) ** 2", r"not of a kind that is known here; it begins with \[\["),
        (
            "ReLU",
            "return np.where(a > 0, delta, 0)",
            "return delta.sum()",
            r"its shape is \(\) instead of \(3, 4\)",
        ),
        ("Linear", "delta @ self.weight.data", "delta @ self.weight.data.T", r"in scope: .*delta \(4, 3\), a \(4, 5\)"),
    ],
)
def test_the_commonest_wrong_ideas_are_told_in_numbers_that_mean_something(graded, name, right, wrong, words):
    """A flipped sign was "-7.95354 times": the random delta that the check hands to a loss."""
    result = graded(name, right, wrong)
    assert result.status in ("WRONG", "fails")
    assert any(re.search(words, line.partition("  [")[0]) for line in result.lines), result.lines


def test_a_formula_that_fails_hides_no_verdict_on_the_others(graded):
    result = graded("Linear", "self.weight.accumulate(delta.T @ a)", "self.weight.accumulate(delta @ a)")
    assert result.status == "fails"
    assert result.arrays == {"weight": "fails", "bias": "right", "input": "right"}
    assert any(line.startswith("in scope: ") for line in result.lines)
    result = graded("Linear", "return delta @ self.weight.data", "return delta[5] @ self.weight.data")
    assert result.arrays == {"weight": "right", "bias": "right", "input": "fails"}


def test_what_fails_beside_a_blank_and_beside_a_mistake_is_told_for_each_array(tmp_path):
    text = answered("Linear").replace("delta.T @ a", "delta @ a").replace("delta.sum(axis=0)", "2 * delta.sum(axis=0)")
    text = text.replace("return delta @ self.weight.data", "return ...")
    (tmp_path / "linear.py").write_text(text)
    (result,) = exercises.check(tmp_path, ["Linear"])
    assert result.arrays == {"weight": "fails", "bias": "WRONG", "input": "not written"}


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "Sigmoid", "CrossEntropyLoss", "LSTM", "BatchNorm2d"])
def test_with_derive_no_backward_formula_is_given_away(name, tmp_path):
    kind, text = getattr(bp, name), exercises.exercise(name, derive=True)
    ast.parse(text)
    assert "derive those of backward" in text and "?" in text
    for part in parts(kind):
        for statement in stated(part.__doc__):
            told = [line.partition(" = ")[2] for line in statement.text.splitlines() if " = " in line]
            shown = [right in re.sub(r"\s+", " ", text) for right in told if len(right) > 5]
            assert not any(shown) if statement.way == "backward" else all(shown), statement
    (tmp_path / exercises.file_of(name)).write_text(text.replace("accumulate(...)", "accumulate(7)"))
    (result,) = exercises.check(tmp_path, [name])
    assert not any("look at" in line for line in result.lines)


def test_with_derive_a_right_answer_is_right_and_a_wrong_one_is_not_shown_the_formula(tmp_path):
    lines = exercises.exercise("Tanh", derive=True)
    right = "return delta * (1 - a**2)"
    for answer, status in ((right, "right"), (right.replace("1 -", "1 +"), "WRONG")):
        (tmp_path / "tanh.py").write_text(lines.replace("return ...", answer))
        (result,) = exercises.check(tmp_path, ["Tanh"])
        assert result.status == status and not any("look at" in line for line in result.lines)
