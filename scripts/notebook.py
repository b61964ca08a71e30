"""Run a notebook from top to bottom, and store in it what its cells show.

    python scripts/notebook.py scripts/recitation.ipynb
    python scripts/notebook.py scripts/recitation.ipynb --check         run it, and leave the file alone

Nothing of Jupyter is needed. A cell shows what it prints and what its last line gives: as HTML or as a picture, where
available, and as text.
"""

import argparse
import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path

from data_tools import terminal
from data_tools.atomic import replacing


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    book = json.loads(options.notebook.read_text(encoding="utf-8"))
    run(book)
    if not options.check:
        with replacing(options.notebook) as temporary:
            temporary.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{options.notebook}: {sum(cell['cell_type'] == 'code' for cell in book['cells'])} cells were run")
    return 0


def run(book):
    """Run all code cells in one namespace, in their order, and put what they show into the book."""
    space, number = {"__name__": "__main__"}, 0
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["execution_count"], cell["outputs"] = number, outputs("".join(cell["source"]), space, number)


def outputs(source, space, number):
    """What a cell shows, as a notebook's file has it."""
    tree, printed = ast.parse(source, f"<cell {number}>"), io.StringIO()
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {number}>", "exec"), space)
        value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), space) if last else None
    shown = []
    if printed.getvalue():
        shown.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        result = {"output_type": "execute_result", "execution_count": number, "metadata": {}}
        shown.append({**result, "data": representations(value)})
    return shown


def representations(value):
    """Type -> how the value shows itself."""
    data = {"text/plain": _lines(repr(value))}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = _lines(value._repr_html_())
    if hasattr(value, "_repr_png_"):
        data["image/png"] = base64.b64encode(value._repr_png_()).decode()
    return data


def _lines(text):
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    sys.exit(terminal.run(main))
