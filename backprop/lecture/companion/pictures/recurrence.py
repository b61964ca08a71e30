"""(33): one layer used three times, unrolled: h is handed on, and delta handed back through all the steps."""

import numpy as np

import backprop as bp
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, WIDE, Sheet, short, times

STEPS, OWN, STATE = 3, 1.0, 2.0  # the weights of the input, and of the state before


def recurrence():
    layer = bp.RNN(1, 1, nonlinearity="relu", bias=False, dtype=np.float64)
    layer.weight_ih_l0, layer.weight_hh_l0 = bp.Parameter(np.array([[OWN]])), bp.Parameter(np.array([[STATE]]))
    x, delta = np.array([1.0, 3, -4]), np.array([0.0, 0, 1])
    h = layer(x[:, None, None])[:, 0, 0]
    delta_x = layer.backward(delta[:, None, None])[:, 0, 0]

    sheet = Sheet("recurrence", 560, 300)
    X, H, D = [], [], []
    for t in range(STEPS):
        at = 60 + 170 * t
        H.append(sheet.grid(f"h_{t + 1}", h[t], at, 50))
        D.append(sheet.grid(f"delta_u{t + 1}", delta_x[t] / OWN, at, 50 + HIGH, DELTA, label=" "))
        X.append(sheet.grid(f"x_{t + 1}", x[t], at, 190))
        sheet.arrow(at + WIDE / 2, 166, at + WIDE / 2, 50 + 2 * HIGH + 4)
        sheet.label(f"W_ih = {short(OWN)}", at + WIDE / 2 + 6, 140, "soft", "start")
        before = [(H[t - 1], 0)] if t else []
        parts = [times(x[t], OWN), *([times(h[t - 1], STATE)] if t else [])]
        sheet.met(H[t], 0, [(X[t], 0), *before], f"max(0, {' + '.join(parts)}) = {short(h[t])}")
        if t:
            sheet.arrow(at - 170 + WIDE + 4, 50 + HIGH / 2, at - 4, 50 + HIGH / 2, f"·{short(STATE)}")
            sheet.arrow(at - 4, 50 + 1.5 * HIGH, at - 170 + WIDE + 4, 50 + 1.5 * HIGH, "", DELTA)
    sheet.label("L = h_3", 60 + 170 * 2 + WIDE + 18, 70, "soft", "start")
    for t in reversed(range(STEPS)):
        after = [(D[t + 1], 0)] if t + 1 < STEPS else []
        above = times(D[t + 1][0], STATE) if after else "1"
        words = f"{above}·{int(h[t] > 0)} = {short(D[t][0])}: what comes back, times the slope of ReLU"
        sheet.met(D[t], 0, [*after, (H[t], 0)], words)
    sheet.label("orange: deltas of u; those of x are the same, times W_ih", 60, 275, "soft", "start")
    sheet.tour([(H[0], 0), (H[1], 0), (H[2], 0), (D[2], 0), (D[1], 0), (D[0], 0)], hides=True)
    return sheet.html("A recurrent layer, unrolled: W_hh = 2 multiplies delta at each step back.")
