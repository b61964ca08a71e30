"""(16) - (18): the lecture's f = log x1 + x1 x2 - sin x2 at (2, 5), step by step, forward and back."""

import numpy as np

import backprop as bp
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, WIDE, Sheet, short

PLACES = {"v-1": (20, 60), "v0": (20, 200), "v1": (190, 30), "v2": (190, 120), "v3": (190, 220), "v4": (360, 75),
          "v5": (530, 140)}  # fmt: skip
FORMULAS = {"v-1": "x1", "v0": "x2", "v1": "log v-1", "v2": "v-1 v0", "v3": "sin v0", "v4": "v1 + v2", "v5": "v4 − v3"}
USES = {"v1": ["v-1"], "v2": ["v-1", "v0"], "v3": ["v0"], "v4": ["v1", "v2"], "v5": ["v4", "v3"]}


def graph():
    """Each node has its value above and, once all that used it are done, its adjoint below."""
    x1, x2 = bp.Value(2.0), bp.Value(5.0)
    nodes = {"v-1": x1, "v0": x2, "v1": np.log(x1), "v2": x1 * x2, "v3": np.sin(x2)}
    nodes["v4"] = nodes["v1"] + nodes["v2"]
    nodes["v5"] = nodes["v4"] - nodes["v3"]
    names = {node: name for name, node in nodes.items()}
    bars = {names[node]: float(bar) for node, bar in bp.graph.reverse(nodes["v5"], np.array(1.0))}
    values = {name: float(node.data) for name, node in nodes.items()}
    slopes = {
        ("v1", "v-1"): 1 / values["v-1"], ("v2", "v-1"): values["v0"], ("v2", "v0"): values["v-1"],
        ("v3", "v0"): np.cos(values["v0"]), ("v4", "v1"): 1, ("v4", "v2"): 1, ("v5", "v4"): 1, ("v5", "v3"): -1,
    }  # fmt: skip

    sheet, above, below = Sheet("graph", 640, 300), {}, {}
    for name, (x, y) in PLACES.items():
        for used in USES.get(name, ()):
            u, v = PLACES[used]
            sheet.arrow(u + WIDE + 2, v + HIGH, x - 3, y + HIGH)
    for name, (x, y) in PLACES.items():
        label = f"{name} = {FORMULAS[name]}"
        above[name] = sheet.grid(name, values[name], x, y, label=label)
        below[name] = sheet.grid(f"{name}bar", bars[name], x, y + HIGH, DELTA, label=" ")
        sheet.met(
            above[name],
            0,
            [(above[used], 0) for used in USES.get(name, ())],
            f"{FORMULAS[name]} = {short(values[name])}",
        )
    for name in PLACES:
        users = [user for user, used in USES.items() if name in used]
        parts = [f"{short(bars[user])}·{short(slopes[user, name])}" for user in users]
        words = f"{' + '.join(parts)} = {short(bars[name])}" if users else "1: the derivative of v5 by itself"
        sheet.met(below[name], 0, [(below[user], 0) for user in users], words)
    order = [*PLACES]
    sheet.tour([(above[name], 0) for name in order] + [(below[name], 0) for name in reversed(order)], hides=True)
    return sheet.html(
        "Values forward in blue (16), adjoints back in orange (17): each waits for all that use its value."
    )
