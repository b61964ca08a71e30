"""(9): from scores to shares, and back: delta is what the shares lack of the label."""

import numpy as np

import backprop as bp
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, Sheet, short

CLASSES, LABEL = 4, 2


def scores():
    """The columns are classes; a row for each step."""
    z = np.array([[2.0, -1, 1, 0]])
    loss = bp.CrossEntropyLoss()
    L = loss(z, np.array([LABEL]))
    delta = loss.backward()[0]
    z, grown = z[0], np.exp(z[0])
    s = grown / grown.sum()

    sheet, x, step = Sheet("scores", 560, 300), 150, HIGH + 30
    rows = []
    words = ("scores", "e to each", "over their sum", "the label", "share − label")
    for number, (name, array, kind) in enumerate(
        [("z", z, "value"), ("e^z", grown, "value"), ("s", s, "value"), ("y", np.eye(CLASSES)[LABEL], "value"),
         ("delta_z", delta, DELTA)]
    ):  # fmt: skip
        rows.append(sheet.grid(name, array, x, 30 + number * step, kind, label=" "))
        sheet.label(name, x - 14, 30 + number * step + 18, kind, "end")
        sheet.label(words[number], x + 215, 30 + number * step + 18, "soft", "start")
    Z, G, S, Y, D = rows
    sheet.grid("L", L, x + 340, 30 + 2 * step, label="L")
    Loss = sheet.grids[-1]
    sheet.met(Loss, 0, [(S, LABEL)], f"−log {short(s[LABEL])} = {short(L)}")
    for c in range(CLASSES):
        sheet.met(G, c, [(Z, c)], f"e^{short(z[c])} = {short(grown[c])}")
        sheet.met(S, c, [(G, k) for k in range(CLASSES)], f"{short(grown[c])} / {short(grown.sum())} = {short(s[c])}")
        sheet.met(D, c, [(S, c), (Y, c)], f"{short(s[c])} − {int(c == LABEL)} = {short(delta[c])}")
    sheet.tour([(Z, LABEL), (G, LABEL), (S, LABEL), (Loss, 0), (D, LABEL), (D, 0)])
    return sheet.html(
        "Softmax and cross-entropy: a step raises the label's share and lowers the others; the deltas sum to 0."
    )
