"""(48): two tokens, one head; the numbers of the worked session."""

from itertools import product

import numpy as np

from backprop import functional as F
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, Sheet, short, times, total

TOKENS = 2


def attention():
    q, k, v = np.array([1.0, 0]), np.array([2.0, 0]), np.array([3.0, 5])
    delta = np.array([1.0, 0])
    one = [array.reshape(1, TOKENS, 1) for array in (q, k, v)]
    out, w = F.attention(*one)
    weights = w[0, 0]  # (key, query)
    found = F.attention_backward(delta.reshape(1, TOKENS, 1), *one, w)
    delta_q, delta_k, delta_v = (array[0, :, 0] for array in found)
    scores = np.outer(k, q)

    sheet, top, below = Sheet("attention", 720, 310), 40, 190
    column = lambda array: array[:, None]  # noqa: E731
    Q, K = sheet.grid("q", column(q), 20, top), sheet.grid("k", column(k), 100, top)
    S = sheet.grid("scores", scores, 220, top, label="k q (row: key)")
    W = sheet.grid("weights", weights, 390, top, label="softmax by column")
    V, O = sheet.grid("v", column(v), 550, top), sheet.grid("out", column(out[0, :, 0]), 640, top)
    DQ, DK = (
        sheet.grid("delta_q", column(delta_q), 20, below, DELTA),
        sheet.grid("delta_k", column(delta_k), 100, below, DELTA),
    )
    DV, D = (
        sheet.grid("delta_v", column(delta_v), 550, below, DELTA),
        sheet.grid("delta", column(delta), 640, below, DELTA),
    )
    share = weights * (np.outer(v, delta) - (weights * np.outer(v, delta)).sum(axis=0))
    DS = sheet.grid("delta_s", share, 390, below, DELTA, label="delta_scores")
    sheet.arrow(150 + 6, top + HIGH, S.x - 6, top + HIGH)
    sheet.arrow(S.right + 6, top + HIGH, W.x - 6, top + HIGH)
    sheet.arrow(W.right + 6, top + HIGH, V.x - 6, top + HIGH, "w · v")
    sheet.arrow(V.right + 6, top + HIGH, O.x - 6, top + HIGH)
    sheet.arrow(D.x - 4, below + HIGH / 2, DS.right + 6, below + HIGH / 2, "", DELTA)
    sheet.arrow(D.x - 4, below + 1.5 * HIGH, DV.right + 4, DV.y + HIGH / 2, "", DELTA)
    sheet.arrow(DS.x - 6, below + HIGH, 150 + 6, below + HIGH, "", DELTA)
    both = range(TOKENS)
    for j, i in product(both, both):
        sheet.met(S, (j, i), [(K, (j, 0)), (Q, (i, 0))], f"{times(k[j], q[i])} = {short(scores[j, i])}")
        grown = np.exp(scores[:, i])
        words = f"{short(grown[j])} / {short(grown.sum())} = {short(weights[j, i])}"
        sheet.met(W, (j, i), [(S, (n, i)) for n in both], words)
        mixed = sum(weights[:, i] * v * delta[i])  # what the slope of softmax takes away, (4s)
        words = f"{short(weights[j, i])}·({times(v[j], delta[i])} − {short(mixed)}) = {short(share[j, i])}"
        sheet.met(DS, (j, i), [(W, (n, i)) for n in both] + [(V, (n, 0)) for n in both] + [(D, (i, 0))], words)
    for i in both:
        sheet.met(O, (i, 0), [(W, (j, i)) for j in both] + [(V, (j, 0)) for j in both],
                  total([times(weights[j, i], v[j]) for j in both], O[i, 0]))  # fmt: skip
        sheet.met(DV, (i, 0), [(W, (i, n)) for n in both] + [(D, (n, 0)) for n in both],
                  total([times(weights[i, n], delta[n]) for n in both], delta_v[i]))  # fmt: skip
        sheet.met(DQ, (i, 0), [(DS, (j, i)) for j in both] + [(K, (j, 0)) for j in both],
                  total([times(share[j, i], k[j]) for j in both], delta_q[i]))  # fmt: skip
        sheet.met(DK, (i, 0), [(DS, (i, n)) for n in both] + [(Q, (n, 0)) for n in both],
                  total([times(share[i, n], q[n]) for n in both], delta_k[i]))  # fmt: skip
    sheet.tour(
        [(S, (0, 0)), (W, (0, 0)), (O, (0, 0)), (D, (0, 0)), (DV, (0, 0)), (DS, (0, 0)), (DQ, (0, 0)), (DK, (0, 0))]
    )
    return sheet.html(
        "Attention, two tokens, one head (√E is 1): a query's weights over the keys are a column that sums to 1."
    )
