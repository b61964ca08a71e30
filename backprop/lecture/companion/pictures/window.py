"""(10) - (13): a filter slides over an image, and its deltas come back; the numbers of the worked sessions."""

from itertools import product

import numpy as np

import backprop as bp
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, Sheet, short, times, total

SIZE, TAPS, PLACES = 3, 2, 2


def window():
    a = np.array([[1.0, 2, 0], [0, 1, 3], [4, 0, 1]])
    X, mu, delta = np.array([[1.0, 2], [0, -1]]), 10.0, np.array([[1.0, 0], [2, -1]])
    conv = bp.Conv2d(1, 1, TAPS, dtype=np.float64)
    conv.weight, conv.bias = bp.Parameter(X[None, None]), bp.Parameter(np.array([mu]))
    z = conv(a[None, None])[0, 0]
    delta_a = conv.backward(delta[None, None])[0, 0]

    sheet, top, below = Sheet("window", 640, 320), 40, 180
    A = sheet.grid("a", a, 20, top)
    W = sheet.grid("X", X, 240, top)
    M = sheet.grid("mu", mu, 265, top + 2 * HIGH + 26)
    Z = sheet.grid("z", z, 440, top)
    F = sheet.grid("delta_a", delta_a, 20, below, DELTA, label="delta_a")
    G = sheet.grid("dL/dX", conv.weight.grad[0, 0], 240, below + 58, DELTA)
    D = sheet.grid("delta", delta, 440, below, DELTA, label="delta")
    H = sheet.grid("dL/dmu", conv.bias.grad[0], 465, below + 2 * HIGH + 40, DELTA)
    sheet.arrow(A.right + 6, top + HIGH, W.x - 6, top + HIGH)
    sheet.arrow(W.right + 6, top + HIGH, Z.x - 6, top + HIGH, "(10)")
    sheet.arrow(D.x - 6, below + HIGH / 2, F.right + 6, below + HIGH / 2, "(13)", DELTA)
    sheet.arrow(D.x - 6, below + 1.5 * HIGH, G.right + 6, G.y + HIGH / 2, "(12)", DELTA)
    sheet.arrow(490, D.bottom + 4, 490, H.y - 20, "", DELTA)
    sheet.label("(11)", 508, D.bottom + 18, "soft")

    taps, places = [*product(range(TAPS), repeat=2)], [*product(range(PLACES), repeat=2)]
    for i, j in places:
        parts = [times(X[p, q], a[i + p, j + q]) for p, q in taps]
        met = [(A, (i + p, j + q)) for p, q in taps] + [(W, tap) for tap in taps] + [(M, 0)]
        sheet.met(Z, (i, j), met, "(10)  " + total([short(mu), *parts], z[i, j]))
    for p, q in taps:
        parts = [times(delta[i, j], a[i + p, j + q]) for i, j in places]
        met = [(D, place) for place in places] + [(A, (i + p, j + q)) for i, j in places]
        sheet.met(G, (p, q), met, "(12)  " + total(parts, G[p, q]))
    for h, w in product(range(SIZE), repeat=2):
        seen = [((i, j), (h - i, w - j)) for i, j in places if 0 <= h - i < TAPS and 0 <= w - j < TAPS]
        parts = [times(delta[place], X[tap]) for place, tap in seen]
        met = [(D, place) for place, _ in seen] + [(W, tap) for _, tap in seen]
        sheet.met(F, (h, w), met, "(13)  " + total(parts, delta_a[h, w]))
    sheet.met(H, 0, [(D, place) for place in places], "(11)  " + total([short(delta[at]) for at in places], H[0]))
    sheet.tour([(Z, place) for place in places] + [(G, tap) for tap in taps] + [(F, (1, 1)), (H, 0)])
    return sheet.html("The window slides: each output sees one patch, each weight is used at every output position.")
