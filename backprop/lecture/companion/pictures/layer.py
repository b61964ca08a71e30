"""(1) - (7): one layer, two samples, three outputs; the numbers of the worked sessions beside it."""

import numpy as np

import backprop as bp
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, Sheet, short, times, total

SAMPLES, INPUTS, OUTPUTS = 2, 2, 3


def layer():
    """Values run from left to right above, deltas from right to left below; the gradients stand under the weights."""
    X, mu = np.array([[1.0, 1], [0, 2], [3, -1]]), np.array([-5.0, 1, 4])
    linear, relu = bp.Linear(INPUTS, OUTPUTS, dtype=np.float64), bp.ReLU()
    linear.weight, linear.bias = bp.Parameter(X), bp.Parameter(mu)
    a, delta = np.array([[1.0, 2], [0, 3]]), np.array([[1.0, 0, 2], [-1, 1, 3]])
    u = linear(a)
    out = relu(u)
    delta_u = relu.backward(delta)
    delta_a = linear.backward(delta_u)

    sheet = Sheet("layer", 860, 345)
    top, below = 40, 200
    A = sheet.grid("aₗ₋₁", a, 20, top)
    W = sheet.grid("X", X, 190, top)
    B = sheet.grid("mu", mu, 160, top + 3 * HIGH + 32)
    U = sheet.grid("u", u, 400, top)
    S = sheet.grid("aₗ", out, 660, top, label="aₗ = σ(u)")
    D = sheet.grid("δ of aₗ", delta, 660, below, DELTA)
    E = sheet.grid("delta_u", delta_u, 400, below, DELTA, label="delta_u")
    F = sheet.grid("δ of aₗ₋₁", delta_a, 20, below, DELTA)
    G = sheet.grid("dL/dX", linear.weight.grad, 190, below + 52, DELTA)
    H = sheet.grid("dL/dmu", linear.bias.grad, 400, below + 2 * HIGH + 40, DELTA)
    sheet.arrow(A.right + 6, top + HIGH, W.x - 8, top + HIGH)
    sheet.arrow(W.right + 8, top + HIGH, U.x - 8, top + HIGH, "(1) (2)")
    sheet.arrow(U.right + 8, top + HIGH, S.x - 8, top + HIGH, "(3)")
    sheet.arrow(D.x - 8, below + HIGH, E.right + 8, below + HIGH, "(4)", DELTA)
    sheet.arrow(E.x - 8, below + HIGH / 2, F.right + 8, below + HIGH / 2, "(7)", DELTA)
    sheet.arrow(E.x - 8, below + 1.5 * HIGH, G.right + 8, G.y + HIGH / 2, "(5)", DELTA)
    sheet.arrow(475, E.bottom + 4, 475, H.y - 20, "", DELTA)
    sheet.label("(6)", 492, E.bottom + 18, "soft")

    for n in range(SAMPLES):
        for o in range(OUTPUTS):
            parts = [times(a[n, i], X[o, i]) for i in range(INPUTS)]
            met = [(A, (n, i)) for i in range(INPUTS)] + [(W, (o, i)) for i in range(INPUTS)] + [(B, o)]
            sheet.met(U, (n, o), met, "(1) (2)  " + total([*parts, short(mu[o])], u[n, o]))
            sheet.met(S, (n, o), [(U, (n, o))], f"(3)  max(0, {short(u[n, o])}) = {short(out[n, o])}")
            slope = int(u[n, o] > 0)
            answer = f"{times(delta[n, o], slope)} = {short(delta_u[n, o])}"
            words = f"(4)  {answer}; the slope at u = {short(u[n, o])} is {slope}"
            sheet.met(E, (n, o), [(D, (n, o)), (U, (n, o))], words)
        for i in range(INPUTS):
            parts = [times(delta_u[n, o], X[o, i]) for o in range(OUTPUTS)]
            met = [(E, (n, o)) for o in range(OUTPUTS)] + [(W, (o, i)) for o in range(OUTPUTS)]
            sheet.met(F, (n, i), met, "(7)  " + total(parts, delta_a[n, i]))
    for o in range(OUTPUTS):
        for i in range(INPUTS):
            parts = [times(delta_u[n, o], a[n, i]) for n in range(SAMPLES)]
            met = [(E, (n, o)) for n in range(SAMPLES)] + [(A, (n, i)) for n in range(SAMPLES)]
            sheet.met(G, (o, i), met, "(5)  " + total(parts, G[o, i]) + ", over the samples")
        parts = [short(delta_u[n, o]) for n in range(SAMPLES)]
        sheet.met(H, o, [(E, (n, o)) for n in range(SAMPLES)], "(6)  " + total(parts, H[o]))
    sheet.tour([(A, (0, 0)), (U, (0, 0)), (S, (0, 0)), (D, (0, 0)), (E, (0, 0)), (G, (0, 0)), (H, 0), (F, (0, 0))])
    return sheet.html("One layer and ReLU, two samples: point at a number to see what met in it.")
