"""Inside a convolutional network: its first filters, and what each layer makes of one image."""

import numpy as np

from backprop.kernels.device import to_host
from backprop.layers.batch_norm import BatchNorm
from backprop.layers.conv import Convolution
from backprop.show.plots import coloured, new_figure

MOST = 16  # maps in a row
EDGE = "#d0d4da"


def filters(weight, path, title, most=64):
    """The filters (O, C, P, Q) as images, each on its own scale: of three channels as colours, of others averaged."""
    count = min(len(weight), most)
    columns = min(count, MOST)
    rows = -(-count // columns)
    side = 1.15 if count <= 8 else 0.8
    figure = new_figure(max(side * columns, 6), side * rows + 0.5)
    figure.suptitle(title, fontsize=10)
    for place in range(count):
        axes = figure.add_subplot(rows, columns, place + 1)
        image = weight[place] if weight.shape[1] == 3 else weight[place].mean(axis=0)
        limit = np.abs(image).max() or 1
        shown = coloured(image, limit) if image.ndim == 3 else image
        axes.imshow(shown, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
        _bare(axes)
    figure.savefig(path)
    return path


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
        some = f", {MOST} shown" if len(maps) > MOST else ""
        label.text(1, 0.5, f"{name}\n{len(maps)} of {size}{some}", ha="right", va="center", fontsize=7.5)
        most = np.abs(maps).max() or 1
        for place, values in enumerate(maps[:MOST]):
            axes = figure.add_subplot(grid[row, place + 2])
            axes.imshow(values, cmap="Greys", vmin=0, vmax=most, interpolation="nearest")
            _bare(axes)
    figure.savefig(path)
    return path


def _outputs(net, image):
    """(name, maps (C, H, W)) of every layer that outputs images."""
    found, names = [], {module: path for path, module in net.named_modules()}

    def look(module, inputs, output):
        if np.ndim(output) == 4 and not module.children() and not isinstance(module, (Convolution, BatchNorm)):
            found.append((f"{names[module]} {type(module).__name__}", to_host(output)[0].copy()))

    handles = [module.register_forward_hook(look) for module in names]
    try:
        with net.evaluating():
            net(image)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _bare(axes):
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_edgecolor(EDGE)
