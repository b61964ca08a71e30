"""The companion's pictures and questions: what a cell says is true, and what it lights up is there."""

import re

import numpy as np
import pytest

import backprop as bp
from backprop.lecture.companion import whole
from backprop.lecture.companion.pictures import PICTURES, sheet
from backprop.lecture.companion.questions import QUESTIONS, of_moments
from backprop.lecture.companion.timeline import MOMENTS
from tests.lecture import chromium


@pytest.fixture(autouse=True)
def _reference():
    with bp.use_kernels("reference"):
        yield


@pytest.fixture
def drawn(monkeypatch):
    """A function that draws a picture and returns its Sheet."""
    made = []
    kept = sheet.Sheet.html
    monkeypatch.setattr(sheet.Sheet, "html", lambda self, caption: made.append(self) or kept(self, caption))

    def draw(name):
        PICTURES[name]()
        return made[-1]

    return draw


def test_each_picture_stands_at_one_moment():
    assert sorted(moment.picture for moment in MOMENTS if moment.picture) == sorted(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_the_sum_that_a_cell_says_is_the_number_in_it(drawn, name):
    said = 0
    for grid in drawn(name).grids:
        for index, (_, words) in grid.met.items():
            formula = words.replace("−", "-").replace("·", "*")
            parts = re.match(r"(?:\(\d+\) *)*([\d.*+/e^ (),max-]+) = (-?[\d.]+)", formula.split("  ")[-1])
            if parts and not re.search("log|x1|x2", words):
                value = eval(re.sub(r"e\^(-?[\d.]+)", r"np.exp(\1)", parts[1]), {"np": np})
                assert value == pytest.approx(grid[index], abs=6e-3), (grid.name, index, words)
                assert float(parts[2]) == pytest.approx(grid[index], abs=6e-4)
                said += 1
    assert said >= 3


@pytest.mark.parametrize("name", PICTURES)
def test_what_a_cell_lights_up_is_on_the_picture(name):
    text = PICTURES[name]()
    ids = re.findall(r'<g class="cell [\w ]+" id="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 8
    for met in re.findall(r'data-met="([^"]*)"', text) + re.findall(r"data-tour='([^']*)'", text):
        assert set(met.split()) <= set(ids)


def test_a_cell_of_the_window_sees_its_patch(drawn):
    grids = {grid.name: grid for grid in drawn("window").grids}
    parts, words = grids["z"].met[(1, 0)]
    assert [index for grid, index in parts if grid is grids["a"]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert words == "(10)  10 + 1·0 + 2·1 + 0·4 + −1·0 = 12"


def test_the_questions_stand_where_they_were_asked():
    placed = of_moments(MOMENTS)
    assert [q.time for moment in MOMENTS for q in placed.get(moment, ())] == [q.time for q in QUESTIONS]
    times = {q.time: moment.time for moment, asked in placed.items() for q in asked}
    assert times["10:09"] == "9:42 - 13:33" and times["29:31"] == "29:50 - 32:41" and times["71:09"] == "71:09 - 72:39"


def test_minutes_become_links_to_a_video():
    moments = [moment for moment in MOMENTS if moment.lecture in "AB"][:5]
    text = whole(moments, video="my lecture.mp4")
    assert "<a href='my lecture.mp4#t=514'><time>A 8:34 - 9:42</time></a>" in text
    assert "<a href='my lecture.mp4#t=609'><time>10:09</time></a>" in text
    assert "#t=" not in whole(moments)


@pytest.mark.skipif(not chromium.installed(), reason="no Chromium is installed here")
def test_pointing_at_a_cell_lights_up_what_met_in_it(tmp_path):
    moments = [moment for moment in MOMENTS if moment.picture in ("layer", "graph")]
    (tmp_path / "page.html").write_text(whole(moments), encoding="utf-8")
    with chromium.Chromium() as browser:
        browser.open(tmp_path / "page.html")
        browser.click("#layer-3-0-0")  # u[0, 0]
        met = browser.run("[...document.querySelectorAll('.cell.met')].map(cell => cell.id)")
        assert met == ["layer-0-0-0", "layer-0-0-1", "layer-1-0-0", "layer-1-0-1", "layer-2-0-0"]
        assert browser.run("document.querySelector('.picture output').textContent").startswith("u[0,0] = (1) (2)")
        slider = "document.querySelectorAll('figure.picture')[1].querySelector('.tour input')"
        browser.run(f"({slider}.value = 6, {slider}.dispatchEvent(new Event('input')))")
        assert browser.run("document.querySelectorAll('.cell.later').length") == 7  # the adjoints
        browser.run(f"({slider}.value = 13, {slider}.dispatchEvent(new Event('input')))")
        assert browser.run("document.querySelectorAll('.cell.later').length") == 0
        assert browser.errors == []
