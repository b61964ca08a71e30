"""The recursion as a picture: values go forward on top, from left to right, deltas back below, from right to left."""

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from backprop.show.colors import BLUE, GREY, ORANGE
from backprop.show.numbers import numbers


def recursion(net, loss, x, y, path, names, factor=1):
    """Draw one forward and one backward pass of a Sequential `net` with `loss`, every value and delta on its arrow.

    names     what the input and each layer's output are called
    factor    L is this times the loss: 1/2 turns MSELoss into the lecture's square loss

    Parameters are drawn above their layer, gradients below it and then zeroed. Returns `path`.
    """
    values, deltas = [x], []
    handles = [layer.register_forward_hook(lambda m, inputs, output: values.append(output)) for layer in net]
    handles += [
        layer.register_full_backward_hook(lambda m, delta_in, delta_out: deltas.append(delta_in)) for layer in net
    ]
    net.zero_grad()
    L = factor * loss(net(x), y)
    first = loss.backward(factor)
    net.backward(first)
    for handle in handles:
        handle.remove()
    deltas = [*reversed(deltas), first]

    step = 3.0
    width = step * (len(net) + 1) + 1.2
    figure = Figure(figsize=(0.85 * width, 3.3), dpi=150)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1.3, width - 1.3), ylim=(-1.95, 1.75))
    axes.axis("off")
    axes.text(-1.25, 1.5, "forward: each layer caches what its backward will need", color=BLUE, fontsize=9)
    axes.text(-1.25, -1.8, "backward: each layer adds to its gradients and passes delta on", color=ORANGE, fontsize=9)
    for index, (a, delta) in enumerate(zip(values, deltas, strict=True)):
        middle = step * index
        end = middle + step - 1.1
        _arrow(axes, middle - 0.85, end - 0.85, 0.5, BLUE)
        _arrow(axes, end - 0.85, middle - 0.85, -0.5, ORANGE)
        axes.text(
            middle + 0.1, 0.62, f"${names[index]}$ = {numbers(a)}", ha="center", va="bottom", color=BLUE, fontsize=8.5
        )
        axes.text(
            middle + 0.1,
            -0.62,
            f"$\\delta_{{{names[index]}}}$ = {numbers(delta)}",
            ha="center",
            va="top",
            color=ORANGE,
            fontsize=8.5,
        )
        box = end - 0.8
        axes.add_patch(FancyBboxPatch((box, -0.75), 1.0, 1.5, boxstyle="round,pad=0.08", fc="#f3f5f8", ec=GREY, lw=1))
        if index == len(net):
            axes.text(
                box + 0.5,
                0,
                f"target\n{numbers(y)}\n\n{factor:g} x\n{type(loss).__name__}\n$L$ = {L:g}",
                ha="center",
                va="center",
                fontsize=9,
            )
            break
        layer = net[index]
        axes.text(box + 0.5, 0.12, type(layer).__name__, ha="center", va="center", fontsize=9.5)
        kept = [f"${name}$" for name, value in zip(names, values, strict=True) if layer.cache is value]
        if kept:
            axes.text(box + 0.5, -0.22, f"caches {kept[0]}", ha="center", va="center", fontsize=8, color=GREY)
        for row, (name, parameter) in enumerate(layer.named_parameters()):
            symbol = {"weight": "X", "bias": "\\mu"}.get(name, name)
            value, gradient = (
                f"{name} ${symbol}$ = {numbers(parameter.data)}",
                f"$dL/d{symbol}$ = {numbers(parameter.grad)}",
            )
            axes.text(box + 0.5, 1.3 - 0.26 * row, value, ha="center", va="top", fontsize=8)
            axes.text(box + 0.5, -1.0 - 0.28 * row, gradient, ha="center", va="top", fontsize=8, color=ORANGE)
    net.zero_grad()
    figure.savefig(path)
    return path


def _arrow(axes, start, end, y, color):
    axes.annotate(
        "",
        (end, y),
        (start, y),
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.6, "shrinkA": 0, "shrinkB": 0},
    )
