"""(16) - (18): the lecture's f = ln x1 + x1 x2 - sin x2 at (2, 5), step by step, forward and back."""

import numpy as np

import backprop as bp
from backprop.lecture.companion.pictures.sheet import DELTA, HIGH, WIDE, Sheet, short

PLACES = {"v₋₁": (20, 60), "v₀": (20, 200), "v₁": (190, 30), "v₂": (190, 120), "v₃": (190, 220), "v₄": (360, 75),
          "v₅": (530, 140)}  # fmt: skip
FORMULAS = {"v₋₁": "x1", "v₀": "x2", "v₁": "ln v₋₁", "v₂": "v₋₁ · v₀", "v₃": "sin v₀", "v₄": "v₁ + v₂", "v₅": "v₄ − v₃"}
USES = {"v₁": ["v₋₁"], "v₂": ["v₋₁", "v₀"], "v₃": ["v₀"], "v₄": ["v₁", "v₂"], "v₅": ["v₄", "v₃"]}


def graph():
    """Each node has its value above and, once all that used it are done, its adjoint below."""
    x1, x2 = bp.Value(2.0), bp.Value(5.0)
    nodes = {"v₋₁": x1, "v₀": x2, "v₁": np.log(x1), "v₂": x1 * x2, "v₃": np.sin(x2)}
    nodes["v₄"] = nodes["v₁"] + nodes["v₂"]
    nodes["v₅"] = nodes["v₄"] - nodes["v₃"]
    names = {node: name for name, node in nodes.items()}
    bars = {names[node]: float(bar) for node, bar in bp.graph.reverse(nodes["v₅"], np.array(1.0))}
    values = {name: float(node.data) for name, node in nodes.items()}
    slopes = {
        ("v₁", "v₋₁"): 1 / values["v₋₁"], ("v₂", "v₋₁"): values["v₀"], ("v₂", "v₀"): values["v₋₁"],
        ("v₃", "v₀"): np.cos(values["v₀"]), ("v₄", "v₁"): 1, ("v₄", "v₂"): 1, ("v₅", "v₄"): 1, ("v₅", "v₃"): -1,
    }  # fmt: skip

    sheet, above, below = Sheet("graph", 640, 300), {}, {}
    for name, (x, y) in PLACES.items():
        for used in USES.get(name, ()):
            u, v = PLACES[used]
            sheet.arrow(u + WIDE + 2, v + HIGH, x - 3, y + HIGH)
            slope = f"·{short(slopes[name, used])}"  # what an adjoint is multiplied by on its way back
            sheet.label(slope, 0.62 * u + 0.38 * x + WIDE, 0.6 * v + 0.4 * y + HIGH - 5, "slope")
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
        words = (
            f"{' + '.join(parts)} = {short(bars[name])}" if users else "1: the derivative of v₅ with respect to itself"
        )
        sheet.met(below[name], 0, [(below[user], 0) for user in users], words)
    order = [*PLACES]
    sheet.tour([(above[name], 0) for name in order] + [(below[name], 0) for name in reversed(order)], hides=True)
    return sheet.html(
        "Values forward in blue (16), adjoints back in orange (17), multiplied by the slopes on the arrows."
    )
