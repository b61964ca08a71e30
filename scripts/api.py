"""Make the API reference: every public name with its docstring, each formula's number linked to the companion page.

pip install -e '.[docs]'
python scripts/api.py                    api/index.html, and the companion beside it
python scripts/api.py --out DIR
"""

import argparse
import html
import os
import re
import sys
from pathlib import Path

from backprop.lecture.companion import write
from backprop.lecture.companion.entries import ENTRIES
from backprop.lecture.formulas import NUMBER, belongs
from data_tools import terminal

MODULES = ("backprop", "!backprop.kernels", "!backprop.lecture", "data_tools", "!data_tools.__main__")
COMPANION = "where the companion is"  # stands for its path until all pages are written


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("api"), metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        import pdoc
    except ModuleNotFoundError:
        print(f"error: pdoc is missing: {terminal.python()} -m pip install -e '.[docs]'", file=sys.stderr)
        return 1
    pdoc.render.env.filters["to_html"] = docstring
    pdoc.pdoc(*MODULES, output_directory=options.out)
    companion = write(options.out / "companion.html")
    for page in options.out.rglob("*.html"):
        there = Path(os.path.relpath(companion, page.parent)).as_posix()
        page.write_text(page.read_text(encoding="utf-8").replace(COMPANION, there), encoding="utf-8")
    print(f"the reference is in {options.out / 'index.html'}")
    return 0


def docstring(text):
    """A docstring as it is in the code, since its columns have a meaning; numbers of formulas are links."""

    def link(found):
        entry = next((entry for entry in ENTRIES if belongs(found[1], entry)), None)
        return f"<a href='{COMPANION}#f-{entry}'>{found[0]}</a>" if entry else found[0]

    linked = re.sub(rf"(?<!\w){NUMBER}", link, html.escape(text))  # not the argument of sqrt(3)
    return f"<pre>{linked}</pre>"


if __name__ == "__main__":
    sys.exit(terminal.run(main))
