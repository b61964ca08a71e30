"""Inside a network: first filters, what each layer makes of an image, and what each head of a transformer looks at."""

import numpy as np
from matplotlib.patches import Rectangle

from backprop.kernels.device import to_host
from backprop.layers.attention import MultiheadAttention
from backprop.layers.batch_norm import BatchNorm
from backprop.layers.conv import Convolution
from backprop.models.blocks import Patches
from backprop.show.colors import BLUE
from backprop.show.figure import colour_scale, new_figure
from backprop.show.plots import coloured, some

MOST = 16  # maps in a row
EDGE = "#d0d4da"


def filters(layers, path, title, most=64):
    """Filters [(name, (O, C, P, Q))] as images, a block for each layer: of three channels as colours, else averaged
    over the channels, all of a layer on one scale.
    """
    counts = [min(len(weight), most) for _, weight in layers]
    columns = min(max(counts), MOST)
    rows = [-(-count // columns) for count in counts]
    side = 1.15 if columns <= 8 else 0.8
    figure = new_figure(max(side * columns, 6) + 0.5, side * sum(rows) + 0.35 * len(layers) + 0.5)
    figure.suptitle(title, fontsize=10)
    blocks = figure.subfigures(len(layers), 1, height_ratios=rows, squeeze=False)[:, 0]
    for (name, weight), count, down, block in zip(layers, counts, rows, blocks, strict=True):
        block.suptitle(name + some(count, len(weight), "filters"), fontsize=8)
        images = weight if weight.shape[1] == 3 else weight.mean(axis=1)
        limit, grid = np.abs(images).max() or 1, []
        for place in range(count):
            axes = block.add_subplot(down, columns, place + 1)
            shown = coloured(images[place], limit) if images.ndim == 4 else images[place]
            drawn = axes.imshow(shown, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
            _bare(axes)
            grid.append(axes)
        if images.ndim == 3:
            colour_scale(block, drawn, grid, "against", "for it")
    figure.savefig(path)
    return path


def first_convolutions(net, image):
    """[(name, filters (O, C, P, Q))] of all convolutions that read the image (1, C, H, W) itself."""
    found, names = {}, {module: path for path, module in net.named_modules()}

    def look(module, inputs):
        a = inputs[0]
        if isinstance(module, Convolution) and np.shape(a) == np.shape(image) and np.array_equal(to_host(a), shown):
            found[f"{names[module]} {type(module).__name__}"] = to_host(module.weight.data)

    shown = to_host(image)
    _watched(net, image, [module.register_forward_pre_hook(look) for module in names])
    return list(found.items())


def _watched(net, image, handles):
    """Run the network in evaluation while these hooks look on, and remove them."""
    try:
        with net.evaluating():
            net(image)
    finally:
        for handle in handles:
            handle.remove()


def feature_maps(net, image, path, title):
    """What each layer outputs for one image (1, C, H, W): a row for each layer, a map for each of its channels.

    Convolutions and normalisations are left out: their maps are shown after the activation that follows.
    """
    rows = [("input", to_host(image)[0])] + _outputs(net, image)
    columns = max(min(len(maps), MOST) for _, maps in rows)
    figure = new_figure(0.62 * columns + 1.6, 0.72 * len(rows) + 0.5)
    figure.suptitle(title, fontsize=10)
    grid = figure.add_gridspec(len(rows), columns + 2)
    for row, (name, maps) in enumerate(rows):
        label = figure.add_subplot(grid[row, :2])
        label.axis("off")
        size = "x".join(map(str, maps.shape[1:]))
        most = np.abs(maps).max() or 1
        count = f"{MOST} of {len(maps)} maps" if len(maps) > MOST else f"{len(maps)} maps"
        words = f"{name}\n{count} of {size}\nwhite 0, black {most:.3g}"
        label.text(1, 0.5, words, ha="right", va="center", fontsize=6.5)
        for place, values in enumerate(maps[:MOST]):
            axes = figure.add_subplot(grid[row, place + 2])
            axes.imshow(values, cmap="Greys", vmin=0, vmax=most, interpolation="nearest")
            _bare(axes)
    figure.savefig(path)
    return path


def heads(net, images, path, title):
    """What each head of each attention layer looks at, from the square with the most ink of each image (N, C, H, W).

    A row for each image; the first column shows the square, the others its weights, whose sum is 1, over the image.
    `net` has Patches, which cut the image into squares.
    """
    with net.evaluating():
        net(images)
    patches = next(module for module in net.modules() if isinstance(module, Patches))
    layers = [to_host(m.attn_weights) for m in net.modules() if isinstance(m, MultiheadAttention)]
    shown, side = to_host(images), patches.patch
    count, channels, height, width = shown.shape
    squares = shown.reshape(count, channels, height // side, side, width // side, side).mean((1, 3, 5))
    columns = 1 + sum(weights.shape[1] for weights in layers)
    figure = new_figure(0.95 * columns + 0.4, 1.02 * count + 1.0)
    figure.suptitle(title, fontsize=10)
    for n in range(count):
        query = int(squares[n].argmax())
        row, column = divmod(query, width // side)
        for place, (name, weights) in enumerate(_columns(layers, n, query)):
            axes = figure.add_subplot(count, columns, n * columns + place + 1)
            picture = shown[n].transpose(1, 2, 0) if channels == 3 else shown[n].mean(0)
            axes.imshow(picture, cmap="Greys", vmin=0, vmax=1, interpolation="nearest", alpha=0.5 if place else 1)
            if weights is not None:
                grid = weights.reshape(squares.shape[1:]).repeat(side, 0).repeat(side, 1)
                axes.imshow(grid, cmap="Oranges", vmin=0, vmax=weights.max(), alpha=0.65, interpolation="nearest")
            corner = column * side - 0.5, row * side - 0.5
            axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=BLUE, linewidth=1.4))
            _bare(axes)
            if n == 0:
                axes.set_title(name, fontsize=7.5)
    figure.savefig(path)
    return path


def _columns(layers, n, query):
    """(name, weights (S,) of the query, or None) of each column of a row"""
    yield "looks from", None
    for number, weights in enumerate(layers):
        for head in range(weights.shape[1]):
            yield f"layer {number + 1}\nhead {head + 1}", weights[n, head, query]


def _outputs(net, image):
    """(name, maps (C, H, W)) of every layer that outputs images."""
    found, names = [], {module: path for path, module in net.named_modules()}

    def look(module, inputs, output):
        if np.ndim(output) == 4 and not module.children() and not isinstance(module, (Convolution, BatchNorm)):
            found.append((f"{names[module]} {type(module).__name__}", to_host(output)[0].copy()))

    _watched(net, image, [module.register_forward_hook(look) for module in names])
    return found


def _bare(axes):
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_edgecolor(EDGE)
