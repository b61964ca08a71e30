"""The page in a browser: what it shows are the engine's numbers, whatever one does with it."""

import base64
import math

import numpy as np
import pytest

pytest.importorskip("websockets", reason="the live page needs the extra `web`")

from backprop.lecture.live import page as pages  # noqa: E402
from backprop.lecture.live.accounts import account  # noqa: E402
from backprop.lecture.live.passes import Pass  # noqa: E402
from tests.lecture import chromium  # noqa: E402
from tests.lecture.live.served import serving, studio  # noqa: E402

pytestmark = pytest.mark.skipif(not chromium.installed(), reason="Chromium is not to be had")
READY = "seen !== null && !looking && !learningState.left"


@pytest.fixture(scope="module")
def room():
    made = studio("lenet")
    made.do(made.learn, 120).result()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(room):
    with serving(room) as running:
        yield running


@pytest.fixture(scope="module")
def tab():
    with chromium.Chromium() as one:
        yield one


@pytest.fixture
def page(tab, server):
    """The page, opened anew at a test image; no script of it may have failed in the end."""
    tab.errors.clear()
    tab.open("data:text/html,")
    tab.open(f"{server.address}#test=3")
    tab.wait(READY)
    yield tab
    assert not tab.errors


def arrays(page):
    """Every array that the page shows: [(symbol, values, deltas or None)]."""
    code = """seen.rows.map(row => [row.symbol, ...[row.value, row.back].map(a => a && base64(
        new Uint8Array(new Float32Array(a).buffer)))])"""
    for symbol, *both in page.run(code):
        yield symbol, *(a and np.frombuffer(base64.b64decode(a), np.float32) for a in both)


def expect_the_engines_numbers(page, room):
    x = next(arrays(page))[1].reshape(1, 1, 28, 28)
    target = page.run("state.target")
    way = room.do(Pass, room.net, x, None if target < 0 else target).result()
    shown = [*arrays(page)]
    assert [symbol for symbol, *_ in shown] == [row.symbol for row in way.rows]
    for (symbol, value, delta), row in zip(shown, way.rows, strict=True):
        assert np.array_equal(value, np.ravel(row.value)), symbol
        assert (delta is None) == (row.delta is None)
        assert delta is None or np.array_equal(delta, np.ravel(row.delta)), symbol
    return way


def place(page, element, u=0.5, v=0.5):
    box = page.run(f"(() => {{ const b = document.querySelector({element!r}).getBoundingClientRect(); "
                  "return [b.left, b.top, b.width, b.height]; })()")  # fmt: skip
    return box[0] + u * box[2], box[1] + v * box[3]


def line(page, *corners):
    points = [place(page, "#pad", *corner) for corner in corners]
    for start, end in zip(points, points[1:], strict=False):
        for k in range(9):
            yield start[0] + (end[0] - start[0]) * k / 8, start[1] + (end[1] - start[1]) * k / 8


def test_a_digit_is_drawn_answered_and_followed_back_to_its_pixels(page, room):
    page.draw([*line(page, (0.25, 0.2), (0.75, 0.2), (0.4, 0.9))])
    page.wait(f"{READY} && state.source === 'ink' && seen.rows[0].value.some(x => x > 0)")
    expect_the_engines_numbers(page, room)
    image = next(arrays(page))[1].reshape(28, 28)
    assert image.max() == 1 and image.any(axis=1).sum() == 20  # high, as MNIST's digits are
    best = int(np.argmax(page.run("seen.shares")))
    page.click(f"#scores button:nth-child({best + 1})")
    page.wait(f"{READY} && seen.target === {best} && seen.rows[0].back")
    way = expect_the_engines_numbers(page, room)
    assert math.isclose(page.run("seen.rows.at(-1).value[0]"), float(way.rows[-1].value))

    rows = len(way.rows)
    lanes = "[...row.querySelectorAll('.pair > div')].map(lane => !lane.classList.contains('later'))"
    visible = f"[...document.querySelectorAll('.row')].map(row => {lanes})"
    page.click("#first")
    assert page.run(visible) == [[True, False]] + [[False, False]] * (rows - 1)
    for step in range(1, 2 * rows):
        page.click("#forth")
        shown = np.array(page.run(visible))
        assert shown[:, 0].sum() == min(step + 1, rows) and shown[:, 1].sum() == max(step + 1 - rows, 0)
    assert shown.all()


def test_while_one_draws_what_is_in_sight_is_new_and_afterwards_all_of_it(page, room):
    page.run("target(3)")
    page.wait(f"{READY} && seen.target === 3")
    asked = "window.asked = [], (() => { const send = socket.send.bind(socket); socket.send = text => "
    page.run(f"({asked} {{ window.asked.push(JSON.parse(text)); send(text); }}; }})(), 0)")
    points = [*line(page, (0.3, 0.3), (0.7, 0.3), (0.5, 0.8))]
    for kind, (x, y) in [("mousePressed", points[0]), *(("mouseMoved", point) for point in points)]:
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    page.wait(f"{READY} && seen.rows[0].value.some(x => x > 0)")
    last = page.run("window.asked.filter(r => r.do === 'see').at(-1).last")
    assert last < page.run("seen.rows.length - 1")
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)
    page.wait(f"{READY} && window.asked.filter(r => r.do === 'see').at(-1).last > {last}")
    expect_the_engines_numbers(page, room)


def test_a_click_on_any_number_shows_what_it_is_made_of(page, room):
    page.run("target(3)")
    page.wait(f"{READY} && seen.target === 3")
    way = expect_the_engines_numbers(page, room)
    for row, kind, entry in (
        (1, "value", 1000),
        (4, "value", 77),
        (3, "delta", 200),
        (9, "delta", 5),
        (12, "value", 3),
    ):
        page.run("goto(Infinity)")
        canvas = f"canvas[data-row='{row}'][data-kind='{kind}']"
        page.run(f"document.querySelector({canvas!r}).scrollIntoView({{block: 'center'}})")
        x, y = page.run(
            f"(() => {{ const c = document.querySelector({canvas!r}), box = c.getBoundingClientRect(); "
            f"return cornerOf({entry}, c.at).map((z, k) => [box.left, box.top][k] + z + c.at.cell / 2); }})()"
        )
        page.draw([(x, y)])
        told = room.do(account, way, row, kind, entry).result()  # in its thread: Python 3.11 parses code in one alone
        page.wait(f"document.querySelector('#card h2').textContent === {told['name']!r}")
        texts = page.run(
            "[...document.querySelectorAll('#card tr')].map(tr => [...tr.children].map(td => td.textContent))"
        )
        if told["terms"]:
            first = told["terms"][0]
            assert texts[1][1:] == [page.run(f"short({first[part]})") for part in ("number", "slope", "product")]
        assert page.run("document.querySelectorAll('#card .hit').length") or "Flatten" in way.rows[row].layer
        assert page.run("met.map(m => m[2].length)") == [len(entries) for _, _, entries in told["met"]]


def test_it_learns_two_hundred_steps_while_one_looks(page, room):
    before = page.run("seen.steps"), page.run("seen.rows.at(-1).value[0]")
    page.click("#somesteps")
    page.wait(f"{READY} && seen.steps === {before[0] + 200}")
    assert room.steps == before[0] + 200
    assert f"{room.steps} steps" in page.run("document.querySelector('#progress').textContent")
    expect_the_engines_numbers(page, room)


def test_its_address_brings_the_same_picture_class_step_and_number_back(page, server):
    page.draw([*line(page, (0.5, 0.15), (0.5, 0.85))])
    page.wait(f"{READY} && state.source === 'ink'")
    page.run("target(1)")
    page.wait(f"{READY} && seen.target === 1")
    page.run("choose(4, 'delta', 30)")
    page.wait("document.querySelector('#card h2').textContent.includes('δ of')")
    page.run("goto(17)")
    card, shown = page.run("document.querySelector('#card').textContent"), [*arrays(page)]
    address = page.run("location.href")
    page.open("data:text/html,")
    page.open(address)
    page.wait(f"{READY} && document.querySelector('#card h2').textContent.includes('δ of')")
    assert page.run("document.querySelector('#card').textContent") == card and page.run("current()") == 17
    for (_, *old), (_, *new) in zip(shown, arrays(page), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize(
    "rest", ["#test=99999999&class=999", "#picture=zz&number=3", "#number=99.value.1&step=-4", "#story=77", "#%"]
)
def test_an_address_that_somebody_broke_still_opens(page, server, rest):
    page.open("data:text/html,")
    page.open(server.address + rest)
    page.wait(READY)


def test_the_keyboard_alone_draws_chooses_steps_and_asks(page, room):
    page.run("pad.focus()")
    page.press(" ")
    for _ in range(8):
        page.press("ArrowDown")
    page.press(" ")
    page.wait(f"{READY} && state.source === 'ink' && seen.rows[0].value.some(x => x > 0)")
    page.run("pad.blur()")
    page.press("3")
    page.wait(f"{READY} && seen.target === 3")
    page.press("Home")
    assert page.run("current()") == 0
    page.press("ArrowRight")
    assert page.run("current()") == 1
    page.press("End")
    page.run("document.querySelector('canvas[data-row=\"1\"]').focus()")
    page.press("ArrowDown")
    page.wait("document.querySelector('#card h2').textContent === 'u₁[0, 1, 0]'")
    dark = page.run("document.documentElement.dataset.theme")
    page.run("document.activeElement.blur()")
    page.press("t")
    assert page.run("document.documentElement.dataset.theme") != dark
    page.press("t")


def test_a_story_that_the_engine_refuses_is_told_in_its_words(page, room):
    text, steps = room.described.text, room.steps
    page.run("tell(3, look)")
    page.wait("document.querySelector('#said').textContent.includes('784')")
    assert room.described.text == text and room.steps == steps


@pytest.mark.parametrize("width, height", [(1920, 1080), (1280, 800), (820, 1180), (390, 844)])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_windows_from_a_projectors_to_a_phones(page, width, height, dark):
    page.size(width, height)
    page.run(f"show_theme('{'dark' if dark else 'light'}'), target(3)")
    page.wait(READY)
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run(
        "[...document.querySelectorAll('.pair canvas')].every(c => c.getBoundingClientRect().right <= innerWidth)"
    )
    page.size(1400, 900)


def test_the_link_to_the_layers_changes_nothing_but_the_focus(page):
    page.run("target(7)")
    page.wait(f"{READY} && seen.target === 7")
    page.run("document.querySelector('#skip').click()")
    assert page.run("[document.activeElement.id, state.target, state.test]") == ["way", 7, 3]


def test_clearing_the_sheet_is_in_the_address(page, server):
    page.click("#clear")
    page.wait(f"{READY} && state.source === 'ink' && location.hash.includes('picture')")
    address = page.run("location.href")
    page.open("data:text/html,")
    page.open(address)
    page.wait(READY)
    assert page.run("seen.rows[0].value.every(x => x === 0)")


def test_what_was_typed_is_kept_until_it_is_built_and_a_refusal_until_it_is_answered(page, room):
    page.run("$('editor').value = 'net = 1', $('editor').dispatchEvent(new Event('input'))")
    page.click("#build")
    page.wait("$('said').textContent.includes('The network before is kept')")
    page.click("#onestep")
    page.wait(READY)
    assert page.run("$('editor').value") == "net = 1"


def test_a_network_that_another_page_has_built_is_shown_with_its_own_text(page, room):
    kept = room.described.text
    room.do(room.build, "net = bp.Sequential(bp.Flatten(), bp.Linear(784, 10))").result()
    page.run("look()")
    page.wait(f"{READY} && $('editor').value.includes('784, 10') && seen.rows.length === 3")
    room.do(room.build, "net = bp.Sequential(bp.Flatten(), bp.Linear(784, 5))\nallow_wrong_classes = True").result()
    page.run("target(7)")  # which this network does not have
    page.wait(f"{READY} && state.target === -1 && seen.rows.length === 3")
    room.do(room.build, kept).result()
    page.run("look()")
    page.wait(f"{READY} && seen.rows.length > 10")


def test_a_frozen_page_needs_no_server(page, room, tmp_path):
    file = tmp_path / "frozen.html"
    file.write_text(pages.document(frozen=pages.frozen(room, test=5)), encoding="utf-8")
    page.open(file)
    page.wait("seen !== null && !looking")
    label = int(room.data.test_labels[5])
    assert page.run("state.target") == label and page.run("socket") is None
    expect_the_engines_numbers(page, room)
    page.run("choose(12, 'value', 4)")
    page.wait("document.querySelector('#card h2').textContent === 'u₅[4]'")
    assert page.run("document.querySelectorAll('#card tr').length") > 5
    smallest = int(np.argmin(np.abs([*arrays(page)][1][1])))
    page.run(f"choose(1, 'value', {smallest})")
    page.wait("document.querySelector('#card').textContent.includes('frozen')")
    assert page.run("document.querySelectorAll('#card .hit').length") > 0


def test_when_the_program_ends_the_page_says_so_and_waits(page):
    own = studio()
    with serving(own) as other:
        page.open(other.address)
        page.wait("seen !== null")
    page.wait("document.querySelector('#about').textContent.includes('has ended')")
    page.errors.clear()  # a refused connection is written there
