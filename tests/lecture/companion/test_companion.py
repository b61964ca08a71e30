"""The companion: every formula has its line, its docstring, its numbers, its check and its place on the page."""

import ast
import doctest
import html
import inspect
import re
from pathlib import Path

import pytest

import backprop as bp
from backprop.lecture.companion import sessions, sources, verdicts, write
from backprop.lecture.companion import whole as whole_page
from backprop.lecture.companion.entries import ENTRIES, Entry
from backprop.lecture.companion.moment import Moment, resolve
from backprop.lecture.companion.notation import display, mathml
from backprop.lecture.companion.timeline import MOMENTS
from backprop.lecture.companion.worked import NAMES, SESSIONS
from backprop.lecture.formulas import NUMBER, belongs, marked, numbers, stated
from tests.lecture import chromium

ROOT = Path(__file__).parents[3]
CODE = [path for path in (ROOT / "backprop").rglob("*.py") if "companion" not in path.parts]


@pytest.fixture(scope="module")
def whole():
    """The page."""
    with bp.use_kernels("reference"):
        return whole_page()


def article(whole, number):
    """What the page says of one formula."""
    found = re.search(rf"<article id='f-{number}' .*?</article>", whole, re.DOTALL)
    return found[0] if found else ""


def lacks(entry, text):
    """What is missing of a formula: in the code, and in `text`, its part of the page."""
    missing = []
    said = [number for home in entry.homes for s in stated(inspect.getdoc(home)) for number in s.numbers]
    if not any(belongs(number, entry.number) for number in said):
        missing.append("docstring")
    lines = [number for home in entry.homes for marks in marked(inspect.getsource(home)).values() for number in marks]
    if not any(belongs(number, entry.number) for number in lines):
        missing.append("code line")
    shown = {
        "formula": "<div class=statement>" in text and "<math" in text,
        "highlighted line": re.search(rf"<span class=hit>[^\n]*\({entry.number}[a-k]?\)", text),
        "numbers": "<div class=gave>" in text,
        "verdict": "✓ agrees" in text or "<p class=verdict>" in text,
    }
    return missing + [name for name, there in shown.items() if not there]


@pytest.mark.parametrize("number", ENTRIES)
def test_every_formula_has_its_docstring_its_line_and_its_place_on_the_page(whole, number):
    assert lacks(ENTRIES[number], article(whole, number)) == []


def test_a_formula_without_its_docstring_line_or_page_would_be_noticed(whole):
    class Silent(bp.Tanh):
        """Says nothing."""

        def backward(self, delta):
            return delta

    entry = Entry("4", "", "", (Silent,), ())
    assert lacks(entry, article(whole, "4")) == ["docstring", "code line"]
    assert lacks(ENTRIES["4"], "") == ["formula", "highlighted line", "numbers", "verdict"]
    assert "highlighted line" in lacks(ENTRIES["4"], article(whole, "4").replace("(4)", "(x)"))


def test_every_number_that_stands_in_the_code_or_the_readme_has_an_entry():
    rows = re.findall(r"^\| (\(.*?)\|", (ROOT / "backprop" / "lecture" / "README.md").read_text(), re.MULTILINE)
    in_readme = {n for row in rows for n in numbers(row)}
    in_code = {n for path in CODE for marks in marked(path.read_text()).values() for n in marks}
    assert len(in_readme) > 40 and len(in_code) > 40
    assert in_readme == set(ENTRIES)
    strange = {number for number in in_code if not any(belongs(number, entry) for entry in ENTRIES)}
    assert strange <= {"0", "64"}  # a number of threads, and of bits, in brackets


def test_every_formula_stands_at_one_moment_of_the_timeline():
    placed = [number for moment in MOMENTS for number in moment.formulas]
    assert sorted(placed) == sorted(ENTRIES)


def test_every_moment_of_the_lecture_is_there_in_its_order_and_built(whole):
    times = [moment.time for moment in MOMENTS if moment.lecture == "A"]
    starts = [int(m) * 60 + int(s) for m, s in (time.split(" - ")[0].split(":") for time in times)]
    assert len(times) == 29 and starts == sorted(starts) and times[0] == "1:53 - 4:40" and times[-1] == "82:30 - 83:25"
    assert [moment.title for moment in MOMENTS if not moment.built] == []
    assert "not built" not in whole
    assert all(html.escape(moment.title) in whole for moment in MOMENTS)


def test_a_moment_whose_code_is_not_there_is_called_not_built():
    text = whole_page([Moment("A", "90:00 - 91:00", "Dreams", "Not yet.", places=("layers.Linear", "layers.Dream"))])
    assert "<em class=missing>not built: layers.Dream</em>" in text
    assert "<em class=missing>not built</em>" in text  # in the timeline
    assert resolve("layers.Linear") is bp.Linear and resolve("layers.Dream") is None and resolve("dreams") is None


def test_commands_on_the_page_name_files_that_exist():
    named = {name for moment in MOMENTS for name in re.findall(r"scripts/[\w.]+", moment.command)}
    assert len(named) > 4
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("number", SESSIONS)
def test_every_worked_session_gives_what_it_says(number):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    test = doctest.DocTestParser().get_doctest(SESSIONS[number], dict(NAMES), f"({number})", None, 0)
    assert runner.run(test).failed == 0
    assert any(values for _, values in sessions.run(number))


def test_the_source_on_the_page_is_the_code_as_it_stands():
    forward, backward = sources.of_home(bp.Linear, "5")
    lines = (ROOT / backward.path).read_text().splitlines()
    for offset, line in enumerate(backward.text.splitlines()):
        assert lines[backward.first + offset - 1].strip() == line.strip()
    (hit,) = backward.lines
    assert lines[hit - 1].endswith("self.weight.accumulate(F.linear_weight_grad, delta, a)  # (5) delta.T @ a")
    assert forward.lines == ()  # "(5) needs it" computes nothing


def test_a_wrong_layer_is_shown_as_wrong(monkeypatch):
    class Flipped(bp.Tanh):
        def backward(self, delta):
            return -super().backward(delta)

    import numpy as np

    report = Flipped().check(np.ones((2, 2)))
    monkeypatch.setattr(verdicts, "reports", lambda: [(Flipped, "a batch", report)])
    text = verdicts.page((Flipped,))
    assert "✗ DISAGREES" in text and "WRONG" in text and "✓" not in text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("dL/dX[o,i] = sum_n delta[n,o]", ["<mfrac>", "<munder><mo>∑</mo><mi>n</mi></munder>", "<mi>δ</mi>"]),
        (
            "delta_{h_{t-1}}",
            ["<msub><mi>δ</mi><mrow><msub><mi>h</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></msub>"],
        ),
        ("sigma'(u)", ["<mi>σ</mi><mo>′</mo>"]),
        ("vbar_i", ["<mover><mi>v</mi><mo>¯</mo></mover>"]),
        ("a / (1 - p)", ["<mfrac><mrow><mi>a</mi></mrow><mrow><mn>1</mn><mo>−</mo><mi>p</mi></mrow></mfrac>"]),
        ("sqrt(v) <- 2", ["<msqrt>", "<mo>←</mo>"]),
        ("clip(a, -d, d) / E", ["<mi>clip</mi><mrow><mo>(</mo><mi>a</mi>", "</mrow><mrow><mi>E</mi></mrow></mfrac>"]),
        ("a < b", ["<mo>&lt;</mo>"]),
        ("that what", ["that&nbsp;what"]),
    ],
)
def test_index_notation_is_typeset(text, pieces):
    for piece in pieces:
        assert piece in mathml(text)


def test_words_in_a_formula_may_break_its_line_and_a_pure_formula_has_one_of_its_own():
    assert display("u = a X^T").startswith("<math display=block>")
    assert display("delta_u = delta where a > 0, else 0").count("<math ") == 3
    long = "z = mu + sum_{c,p,q} X[o,c,p,q] a[n,c, s i + d p - pad, s j + d q - pad]"
    assert "</math> <math displaystyle=true><mo form=infix>+</mo>" in display(long)
    assert " where " in display("delta_u = delta where a > 0, else 0")


def test_every_statement_of_every_formula_can_be_typeset():
    for entry in ENTRIES.values():
        for home in entry.homes:
            for statement in stated(inspect.getdoc(home)):
                for line in statement.text.splitlines():
                    text = display(line)
                    for tag in ("mrow", "msub", "mfrac", "math", "mi"):
                        assert text.count(f"<{tag}>") + text.count(f"<{tag} ") == text.count(f"</{tag}>"), line


def test_docstrings_formulas_are_read_with_their_reasons():
    first, second = stated(bp.Linear.__doc__)[:2]
    assert first == (("1", "2"), "forward", "u[n,o] = sum_i a[n,i] X[o,i] + mu[o]", "")
    assert second.text == "dL/dX[o,i] = sum_n delta[n,o] a[n,i]"
    assert second.why == "X[o,i] multiplied a[n,i] in every sample n"
    adam = stated(bp.Adam.__doc__)[0]
    assert adam.numbers == ("42a",) and adam.why.startswith("a running mean of g")
    assert re.fullmatch(NUMBER, "(4s)")


def test_what_the_letters_of_a_formula_mean_stands_under_it(whole):
    assert "h, w are places in a, i, j in z, and p, q in the filter" in article(whole, "12")
    assert "a (..., I)   weight X (O, I)" in article(whole, "5")


def test_dropouts_random_numbers_are_no_formula(whole):
    """`np.uint64(11)` was once taken for the number of one."""
    assert "SplitMix64" not in whole and "0x9E3779B97F4A7C15" not in whole


@pytest.mark.parametrize("number", ENTRIES)
def test_every_kernel_on_a_card_has_a_highlighted_statement(whole, number):
    """A docstring or a signature computes nothing. A card without a kernel says so."""
    blocks = sources.kernels(number)
    for block in blocks:
        try:
            (function,) = ast.parse(block.text).body
        except SyntaxError:  # the rows of a table: each is the formula
            assert block.lines
            continue
        doc = function.body[0] if ast.get_docstring(function) else None
        said = range(doc.lineno, doc.end_lineno + 1) if doc else ()
        hits = {line - block.first + 1 for line in block.lines}
        assert hits and min(hits) > function.lineno and not hits & set(said), (block.path, function.name)
    assert ("It has no kernel of its own" in article(whole, number)) == (not blocks)


def test_a_block_is_shown_once(whole):
    for number in ENTRIES:
        shown = re.findall(r"<figure>.*?</figure>", article(whole, number), re.DOTALL)
        assert len(shown) == len(set(shown)), number


def test_no_formula_is_left_half_read(whole):
    """A power that was not raised, a differential that was taken for a name, and a genitive for a derivative."""
    formulas = re.findall(r"<math.*?</math>", whole, re.DOTALL)
    assert len(formulas) > 200
    for formula in formulas:
        assert "^" not in formula and "`" not in formula
        assert not re.search(r"<mi>d[a-z]</mi>", formula), formula
    assert "a’s" in re.sub("<[^>]*>", "", article(whole, "25")) and "<mo>′</mo>" not in article(whole, "25")
    assert "′" not in mathml("n's weight is 1 - z") and "′" in mathml("sigma'(u)")


def test_true_is_printed_as_true():
    assert "True" in sessions.drawn(True) and "1" not in sessions.drawn(True)


def test_a_mark_behind_a_bracket_highlights_the_whole_statement():
    text = "def f(a):\n    x = (\n        a + 1\n    )  # (7)\n    return x\n"
    assert sources._hits(text, "7") == [2, 3, 4]
    assert sources._hits('def f(a):\n    """a (7)"""\n    return a\n', "7") == [3]
    long = "    a += 1\n" * 9
    assert sources._hits(f'def f(a):\n    """a (7)"""\n{long}    return a\n', "7") == []


def test_the_page_needs_nothing_but_itself(whole):
    whole = whole.replace('<a href="https://tube.switch.ch/videos/kNKcdLNaKF">', "<a>")  # a link is no need
    assert not re.search(r"(src|href)=[\"']?(https?:|//|[\w/]+\.(css|js|png))", whole)
    assert "@import" not in whole and "url(" not in whole.replace("url(#", "")


# As a reader sees it.


@pytest.fixture(scope="module")
def browser():
    if not chromium.installed():
        pytest.skip("no Chromium is installed here")
    with chromium.Chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, whole, tmp_path_factory):
    """The page in the browser, in a wide window, by day."""
    path = tmp_path_factory.mktemp("page") / "companion.html"
    path.write_text(whole)
    browser.errors.clear()
    browser.media()
    browser.open(path)
    browser.run("(() => { localStorage.clear(); })()")
    browser.open(path)
    yield browser
    assert browser.errors == []
    assert browser.requests == [path.resolve().as_uri()]  # it asked for nothing else


VISIBLE = "[...document.querySelectorAll('{}')].filter(e => e.offsetParent !== null).length"


def test_a_click_in_the_timeline_goes_there_and_the_timeline_follows(opened):
    opened.click("nav a[href='#f-13']")
    top = opened.run("document.getElementById('f-13').getBoundingClientRect().top")
    assert 0 <= top < 120
    assert opened.run("document.querySelector('nav li.here').textContent").startswith("55:50 - 59:22Convolution")


def test_searching_hides_what_does_not_match_and_escape_shows_all_again(opened):
    assert opened.run(VISIBLE.format("section.moment")) == len(MOMENTS)
    opened.press("/")
    assert opened.run("document.activeElement.id") == "search"
    opened.call("Input.insertText", text="hadamard")
    opened.settle()
    assert opened.run(VISIBLE.format("section.moment")) < 3
    opened.press("Escape")
    assert opened.run(VISIBLE.format("section.moment")) == len(MOMENTS)
    opened.press("/")
    opened.call("Input.insertText", text="(12)")
    opened.settle()
    assert opened.run(VISIBLE.format("article.formula")) == 1
    assert opened.run("document.getElementById('found').textContent") == f"1 of {len(MOMENTS)}"
    opened.press("Escape")


def test_j_and_k_walk_through_the_page_and_t_changes_the_theme(opened):
    seen = []
    for key in "jjjkj":
        opened.press(key)
        seen.append(opened.run("document.activeElement.id"))
    assert seen == ["m-0", "m-1", "m-2", "m-1", "m-2"]
    opened.press("t")
    assert opened.run("document.documentElement.dataset.theme") == "dark"
    opened.click("#theme")
    assert opened.run("document.documentElement.dataset.theme") == "light"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 820, 390])
def test_at_every_width_in_both_themes_nothing_is_cut_off_and_all_is_legible(opened, width, theme, tmp_path):
    opened.media(theme)
    opened.size(width, 900)
    opened.settle()
    assert opened.run("document.documentElement.scrollWidth") <= width
    ink, paper = (opened.run(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor"))
    assert contrast(ink, paper) > 7
    soft = opened.run("getComputedStyle(document.querySelector('figcaption')).color")
    assert contrast(soft, paper) > 4.5
    assert opened.screenshot(tmp_path / "page.png").stat().st_size > 20_000


def test_on_a_phone_the_timeline_is_behind_a_button(opened):
    opened.size(390, 844)
    assert opened.run("document.getElementById('timeline').offsetParent") is None
    opened.click("#menu")
    assert opened.run("getComputedStyle(document.getElementById('timeline')).display") == "block"
    opened.click("nav a[href='#f-8']")
    assert opened.run("getComputedStyle(document.getElementById('timeline')).display") == "none"


def test_on_paper_everything_is_open_and_the_timeline_is_gone(opened):
    opened.media(medium="print")
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run("[...document.querySelectorAll('details')].every(part => part.open)")
    assert opened.run("getComputedStyle(document.getElementById('timeline')).display") == "none"


def contrast(a, b):
    """WCAG's ratio of two colours, from 1 to 21."""

    def luminance(color):
        channels = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_the_page_is_written_where_it_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr("backprop.lecture.companion.page.whole", lambda video: f"the page {video}")
    assert write(tmp_path / "new" / "c.html").read_text() == "the page "


def test_moments_without_a_formula_show_what_happens(whole):
    assert all(moment.session in SESSIONS for moment in MOMENTS if moment.session)
    assert "insert Flatten() before it, or use a convolution's bias" in whole
    assert "use mm(a, b.T) to multiply rows" in whole
