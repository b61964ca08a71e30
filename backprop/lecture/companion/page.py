"""The companion: one self-contained page beside the lecture."""

import html
import inspect
from pathlib import Path

from backprop.kernels import use_kernels
from backprop.lecture.companion import sessions, sources, verdicts
from backprop.lecture.companion.entries import ENTRIES
from backprop.lecture.companion.moment import resolve
from backprop.lecture.companion.notation import display
from backprop.lecture.companion.pictures import PICTURES
from backprop.lecture.companion.questions import of_moments, seconds
from backprop.lecture.companion.sources import prose
from backprop.lecture.companion.timeline import LECTURES, MOMENTS
from backprop.lecture.formulas import belongs, legend, stated

BY_COLUMN = ("1", "2", "3", "4", "5", "6", "7")  # in these the slide and the code differ by a transpose
SHORT = 24  # lines of kernels that are shown unfolded
HERE = Path(__file__).parent
KEYS = (("/", "search"), ("j k", "next, previous"), ("t", "light or dark"), ("Esc", "show all"))


def write(path, video=""):
    """Write the page into the file `path`, whose folder is created if needed. Returns the path.

    video   the address of the lecture's video, to which the minutes become links, as VIDEO#t=SECONDS
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with use_kernels("reference"):  # nothing is worth compiling for such small arrays
        path.write_text(whole(video=video), encoding="utf-8")
    return path


def whole(moments=MOMENTS, video=""):
    """The whole page as a text."""
    asked = of_moments(moments)
    parts = enumerate(moments)
    sections = "\n".join(_section(moment, number, asked.get(moment, ()), video) for number, moment in parts)
    keys = "".join(f"<span><kbd>{key}</kbd> {what}</span>" for key, what in KEYS)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>backprop beside the lecture</title>
<style>{_text("page.css")}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<button id="menu" aria-expanded="false" aria-controls="timeline">Timeline</button>
<strong>backprop beside the lecture</strong>
<label>Search <input id="search" type="search" placeholder="a word, a formula's number" autocomplete="off"></label>
<output id="found" for="search"></output>
<button id="theme" title="light or dark (t)">◐<span class="sr">light or dark</span></button>
</header>
<nav id="timeline" aria-label="Timeline">
{_timeline(moments)}
</nav>
<main id="main" tabindex="-1">
<p class="lead">To read beside Recitation 4 of “EE-556 Mathematics of data” (EPFL, 2021):
<a href="https://tube.switch.ch/videos/kNKcdLNaKF">the video</a>. Each formula of the lectures stands beside the line of
code that computes it, an example to work by hand, and the check that it is right. Slides write one sample as a column;
the code has N samples as rows, so each product appears transposed. δ<sub>z</sub> is ∂L/∂z, with z's shape. Commands are
for the project's root, with its own Python, <code>.venv/bin/python</code>.</p>
<p class="keys">{keys}</p>
{sections}
</main>
<script>{_text("page.js")}</script>
</body>
</html>
"""


def _timeline(moments):
    """The lectures on the left: times and ideas, under each the numbers of its formulas."""
    lines = []
    for letter, title in LECTURES.items():
        items = []
        for number, moment in enumerate(moments):
            if moment.lecture == letter:
                marks = "".join(f"<a class=f href='#f-{n}'>({n})</a>" for n in moment.formulas)
                missing = "" if moment.built else "<em class=missing>not built</em>"
                time = f"<time>{html.escape(moment.time)}</time>" if moment.time else ""
                name = f"<a href='#m-{number}'>{time}<span>{html.escape(moment.title)}</span></a>"
                items.append(f"<li data-for='m-{number}'>{name}{missing}<div class=marks>{marks}</div></li>")
        if items:
            lines.append(f"<h2>{html.escape(title)}</h2><ol>{''.join(items)}</ol>")
    return "".join(lines)


def _section(moment, number, questions, video):
    """One moment: what it is about, what was asked, where it is in the code, how to see it, and its formulas."""
    missing = ", ".join(moment.missing) or "no code"
    built = "" if moment.built else f"<em class=missing>not built: {html.escape(missing)}</em>"
    time = _minutes(f"{moment.lecture} {moment.time}".strip(), moment, video)
    places = "".join(f"<li>{_place(name)}</li>" for name in moment.places if resolve(name) is not None)
    command = f"<pre class=command tabindex=0>{html.escape(moment.command)}</pre>" if moment.command else ""
    session = sessions.page(moment.session) if moment.session else ""
    picture = PICTURES[moment.picture]() if moment.picture else ""
    asked = "".join(_question(question, moment, video) for question in questions)
    formulas = "\n".join(_formula(ENTRIES[n]) for n in moment.formulas)
    return (
        f"<section id='m-{number}' class=moment tabindex=-1><h2>{time} {html.escape(moment.title)} {built}</h2>"
        f"<p>{prose(moment.text)}</p>{asked}<ul class=places>{places}</ul>{command}"
        f"{session}{picture}{formulas}</section>"
    )


def _minutes(text, moment, video):
    """The minutes of a moment, or of a question in it; with a video a link to them."""
    shown = f"<time>{html.escape(text)}</time>"
    start = text.removeprefix("A ").partition(" ")[0].rstrip(",")
    if not video or moment.lecture != "A":
        return shown
    return f"<a href='{html.escape(video)}#t={seconds(start)}'>{shown}</a>"


def _question(question, moment, video):
    """A question of the room, and behind it, for whoever has thought, the answer."""
    time = _minutes(question.time, moment, video)
    return (
        f"<details class=question><summary>{time} {prose(question.question)}</summary>"
        f"<p>{prose(question.answer)}</p></details>"
    )


def _place(name):
    where = sources.place(resolve(name))
    return f"<code>{html.escape(name)}</code>" + (f" <small>{html.escape(where)}</small>" if where else "")


def _formula(entry):
    """One formula: on the slide, in the code's words, its lines, by hand, and checked."""
    n = entry.number
    slide = "".join(f"<p>{display(text)}</p>" for text in entry.slide.splitlines())
    slide = slide or "<p class=none>The slides have no formula for it.</p>"
    column, rows = (": one sample, a column", ": N samples, rows") if n in BY_COLUMN else ("", "")
    return (
        f"<article id='f-{n}' class=formula tabindex=-1>"
        f"<h3><a href='#f-{n}'>({n})</a> {html.escape(entry.title)}</h3>"
        f"<div class=forms><div><h4>On the slide{column}</h4>{slide}</div>"
        f"<div><h4>In the code{rows}</h4>{_statements(entry)}</div></div>"
        f"<h4>The line</h4>{_lines(entry)}"
        f"<h4>By hand</h4>{sessions.page(n)}"
        f"<h4>Checked</h4>{verdicts.page(entry.checked)}</article>"
    )


def _lines(entry):
    """Its code, each piece once, and the reference kernels behind it, unfolded if they are short."""
    homes = dict.fromkeys(tuple(sources.of_home(home, entry.number)) for home in entry.homes)
    own = [blocks for blocks in homes if not any(set(blocks) < set(others) for others in homes)]
    kernels = sources.kernels(entry.number)
    pointer = sum(block.text.count("\n") for blocks in own for block in blocks) < 3  # it only calls its kernel
    short = pointer or sum(block.text.count("\n") for block in kernels) <= SHORT
    figures = "".join(_figure([block]) for block in kernels)
    behind = f"<details{' open' if short else ''}><summary>the reference kernel</summary>{figures}</details>"
    alone = "<p class=none>It has no kernel of its own: NumPy computes it, or kernels of other formulas.</p>"
    return "".join(map(_figure, own)) + (behind if kernels else alone)


def _statements(entry):
    """What the docstrings say: the formula, and the reason beside it."""
    found = [
        (home, statement)
        for home in entry.homes
        for statement in stated(inspect.getdoc(home))
        if any(belongs(number, entry.number) for number in statement.numbers)
    ]
    formulas = [(home, statement) for home, statement in found if statement.is_formula]
    legends = dict.fromkeys(legend(inspect.getdoc(home)) for home in entry.homes)
    letters = "".join(f"<pre class=legend tabindex=0>{html.escape(text)}</pre>" for text in legends if text)
    return "".join(_statement(*pair) for pair in formulas or found) + letters


def _statement(home, statement):
    marks = " ".join(f"({number})" for number in statement.numbers)
    where = f"<small>{html.escape(home.__name__.removeprefix('backprop.'))} {statement.way} {marks}</small>"
    lines = "".join(f"<p>{display(text)}</p>" for text in statement.text.splitlines())
    why = f"<p class=why>{display(statement.why)}</p>" if statement.why else ""
    return f"<div class=statement>{where}{lines}{why}</div>"


def _figure(blocks):
    """Blocks of one file, under its name."""
    if not blocks:
        return ""
    lines = "".join(block.html() for block in blocks)
    return f"<figure><figcaption>{html.escape(blocks[0].path)}</figcaption>{lines}</figure>"


def _text(name):
    return (HERE / name).read_text(encoding="utf-8")
