"""The live page as one document, which loads nothing else; and frozen, with the numbers of one picture in it."""

import base64
import json
from pathlib import Path

import numpy as np

from backprop.lecture.live import wire
from backprop.lecture.live.accounts import account, page_of
from backprop.show.numbers import without_nan

HERE = Path(__file__).parent
SCRIPTS = ["state", "wire", "maps", "drawing", "cards", "learning", "rows", "address", "page"]  # .js, in this order
BRIGHTEST = 8  # numbers of each row whose accounts a frozen page has
FEW = 16  # a row of at most so many has all of them


def document(nonce="", frozen=None):
    """The page as HTML; with `frozen`, a dict, it needs no server. The nonce is that of the policy."""
    scripts = "\n".join(_text(f"{name}.js") for name in SCRIPTS)
    given = json.dumps(without_nan(frozen), allow_nan=False).replace("<", "\\u003c")
    parts = {"@STYLE@": _text("page.css"), "@SCRIPT@": scripts, "@NONCE@": nonce, '"@FROZEN@"': given}
    page = _text("page.html")
    for name, part in parts.items():
        page = page.replace(name, part)
    return page


def policy(nonce):
    """The page's Content-Security-Policy: its own scripts, its own server, nothing else."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def frozen(studio, test=0, target=None):
    """What a page without a server shows: the pass of a test image, its deltas for `target` (the label), and accounts.

    Raises OptionError for an image that is not there.
    """
    label = studio.label(test)
    facts, arrays, way = studio.see("", False, test, label if target is None else target)
    accounts = {
        f"{row} {kind} {entry}": account(way, row, kind, entry, pages=False)
        for row, shown in enumerate(way.rows)
        for kind in ("value", "delta")
        for entry in _brightest(shown.value if kind == "value" else shown.delta)
    }
    return {
        "test": test,
        "target": facts["target"],
        "hello": studio.hello(),
        "see": base64.b64encode(wire.answer(facts, arrays)).decode(),
        "accounts": accounts,
        "pages": [[page_of(way, row, kind) for kind in ("value", "delta")] for row in range(len(way.rows))],
    }


def _brightest(array):
    flat = np.abs(np.asarray(array)).reshape(-1)
    return np.argsort(-flat, kind="stable")[: flat.size if flat.size <= FEW else BRIGHTEST].tolist()


def _text(name):
    return (HERE / name).read_text(encoding="utf-8")
