"""Index notation, as the docstrings have it, typeset as MathML, which browsers draw by themselves.

    dL/dX[o,i] = sum_n delta[n,o] a[n,i]      a fraction, a sum sign with n under it, indices below their letters

Letters have their usual signs (delta, mu, sigma, ...), `*` between arrays is the Hadamard product, `X^T` a transpose,
`vbar` and `xhat` get their bar and hat, `L/E` is a fraction. A word that is not a symbol stays a word.

>>> mathml("u = a X^T")
'<math><mi>u</mi><mo>=</mo><mi>a</mi><msup><mi>X</mi><mo>⊤</mo></msup></math>'
"""

import re

from backprop.lecture.companion.reader import SPACE, Reader

MARKS = ("<mo>,</mo>", "<mo>.</mo>", "<mo>;</mo>", "<mo>:</mo>")
LONGEST_LINE = 60  # characters that need no break
BREAKS = ("<mo>+</mo>", "<mo>−</mo>", "<mo>=</mo>", "<mo>←</mo>")


def mathml(text):
    """The text as one <math> element."""
    return f"<math>{''.join(Reader(text).row())}</math>".replace("&nbsp;</mtext><mtext>&nbsp;", "&nbsp;")


def display(text):
    """A formula on a line of its own. Words in it stay words, and a long one may break, at words or before a sign."""
    pieces = Reader(text).row()
    if not any(map(_is_word, pieces)) and len(text) <= LONGEST_LINE:
        return f"<math display=block>{''.join(pieces)}</math>"
    runs, long, ended = [[]], len(text) > LONGEST_LINE, False
    for before, piece in zip([None, *pieces], pieces, strict=False):
        breaks = long and piece in BREAKS and before not in BREAKS
        if runs[-1] and (_is_word(piece) or _is_word(before) or breaks or ended):
            runs.append([])
        ended = before is not None and _is_word(before) and piece in MARKS  # the comma belongs to the word before it
        runs[-1].append(piece.replace("<mo>", "<mo form=infix>") if breaks else piece)
    return " ".join(map(_run, runs)).replace(" ,", ",").replace(" .", ".").replace(" ;", ";").replace(" :", ":")


def _run(pieces):
    """A word as it is, anything else as a formula in the line."""
    if _is_word(pieces[0]):
        return pieces[0].removeprefix("<mtext>").removesuffix("</mtext>").replace("&nbsp;", " ").strip()
    text = "".join(pieces)
    name = re.fullmatch(rf"<mrow>{SPACE}<mi>(\w+)</mi>{SPACE}</mrow>", text)
    if name:  # between words a name is a word, too
        return name[1]
    mark = re.fullmatch(r"<mo>([,.;:])</mo>", text)
    return mark[1] if mark else f"<math displaystyle=true>{text}</math>"


def _is_word(piece):
    return piece.startswith("<mtext>")
