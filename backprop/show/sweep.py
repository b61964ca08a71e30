"""Why the step h of a difference matters, and why the complex step wins: errors over h, and their picture."""

import numpy as np

from backprop.show.colors import BLUE, GREEN, ORANGE
from backprop.show.figure import new_axes, new_figure


def sweep(f, df, x, steps):
    """Relative errors of three derivatives of f at x over a range of step sizes h.

    f takes a real or a complex number; df is the true derivative. Returns a dict from the method's name to an array of
    errors.
    """
    estimates = {
        "one-sided difference": [(f(x + h) - f(x)) / h for h in steps],
        "central difference (19)": [(f(x + h) - f(x - h)) / (2 * h) for h in steps],
        "complex step (20)": [np.imag(f(x + 1j * h)) / h for h in steps],
    }
    return {name: np.abs(np.array(values) - df) / abs(df) for name, values in estimates.items()}


def step_sweep(path):
    """Three derivatives of sigmoid(3 sin x) at x = 1, over the step h."""

    def f(x):
        return 1 / (1 + np.exp(-3 * np.sin(x)))

    steps = np.logspace(-20, 0, 161)
    a = f(1.0)
    errors = sweep(f, a * (1 - a) * 3 * np.cos(1.0), 1.0, steps)
    figure = new_figure(7.5, 4.6)
    axes = new_axes(figure)
    for (name, error), color, width in zip(errors.items(), (ORANGE, GREEN, BLUE), (1.4, 1.4, 3), strict=True):
        axes.loglog(steps, np.maximum(error, 1e-17), color=color, label=name, linewidth=width, zorder=3 - width / 3)
    notes = [
        (3e-4, 1.2e-2, "truncation, ~h", ORANGE, "right"),
        (3e-3, 3e-7, "truncation, ~h²", GREEN, "left"),
        (2e-13, 4e-2, "round-off, ~1/h: f(x+h) and f(x-h)\nshare their leading digits", "black", "left"),
        (1e-19, 3e-15, "subtracts nothing: exact for every small h", BLUE, "left"),
    ]
    for x, y, text, color, side in notes:
        axes.text(x, y, text, color=color, fontsize=8, ha=side)
    axes.set(xlabel="step h", ylabel="relative error of the derivative", ylim=(1e-17, 10), xlim=(steps[0], steps[-1]))
    axes.set_title("The derivative of sigmoid(3 sin x) at x = 1, from values of the function alone", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.1))
    figure.savefig(path)
    return path
