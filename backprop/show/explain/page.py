"""An explanation as a page: the same table, with a bar beside each delta, to be opened in a browser."""

import html

from backprop.show.colors import BLUE, GREY, ORANGE, PAPER
from backprop.show.explain import table

PAGE = "body { font: 14px/1.45 system-ui, sans-serif; color: #1c2430; margin: 2em auto; padding: 0 2em }"
STYLE = f"""
table.explain {{ border-collapse: collapse; color: #1c2430; background: white }}
table.explain {{ font: 12.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace }}
table.explain td, table.explain th {{ padding: .18em .7em; text-align: right; white-space: nowrap }}
table.explain td.text, table.explain th.text {{ text-align: left }}
table.explain th {{ border-bottom: 1px solid {GREY}; font-weight: 600 }}
table.explain tr:nth-child(even) td {{ background-color: {PAPER} }}
table.explain tr.total td {{ border-top: 1px solid {GREY}; font-weight: 600 }}
table.explain .first {{ border-left: 2px solid {GREY} }}
table.explain .forward {{ color: {BLUE}; text-align: left }}
table.explain .backward {{ color: {ORANGE}; text-align: left }}
table.explain .bar {{ background: {ORANGE}; display: inline-block; height: .75em; opacity: .75 }}
"""
LONGEST = 9  # em
TEXTS = (0, 1, 2)  # the columns of the left half that hold words


def page(explanation):
    """A whole page."""
    name = html.escape(explanation.name)
    return (
        f"<!DOCTYPE html>\n<html lang='en'>\n<head><meta charset='utf-8'/><title>{name}, explained</title>\n"
        f"<style>{PAGE}</style></head>\n"
        f"<body><h1>{name}, explained</h1>\n{body(explanation)}\n</body>\n</html>"
    )


def body(explanation):
    """The part that a notebook shows, too."""
    left, right = table.cells(explanation.rows)
    bars = [0, *table.bars(explanation.rows), 0]
    lines = [
        f"<tr><th class='forward' colspan='{len(left[0])}'>forward, read downward</th>"
        f"<th class='backward first' colspan='{len(right[0])}'>backward, read upward</th></tr>"
    ]
    for place, (a, b) in enumerate(zip(left, right, strict=True)):
        tag = "td" if place else "th"
        cells = [_cell(tag, text, "text" if column in TEXTS else "") for column, text in enumerate(a)]
        for column, text in enumerate(b):
            kind = {0: "first", 1: "text", 2: "text"}.get(column, "")
            if column == 1 and place:
                text, inside = "", f"<span class='bar' style='width:{LONGEST * bars[place]:.2f}em'></span>"
            else:
                inside = ""
            cells.append(_cell(tag, text, kind, inside))
        total = " class='total'" if place == len(left) - 1 else ""
        lines.append(f"<tr{total}>{''.join(cells)}</tr>")
    sentences = [f"{text[0].upper()}{text[1:]}." for text in (explanation.title(), explanation.verdict()) if text]
    return (
        f"<style>{STYLE}</style><p>{html.escape(' '.join(sentences))}</p>\n<table class='explain'>\n"
        + "\n".join(lines)
        + "\n</table>"
    )


def _cell(tag, text, kind, inside=""):
    return f"<{tag} class='{kind}'>{html.escape(text)}{inside}</{tag}>"
