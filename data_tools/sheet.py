"""What is in a data set, in words and as a contact sheet."""

import numpy as np

from data_tools.atomic import replacing


def describe(data):
    """A few lines: shapes, the range of the pixels, how often each class occurs."""
    lines = []
    for split in ("train", "test"):
        images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        span = f"{images.min()} to {images.max()}" if images.size else "none"
        counts = np.bincount(labels) if labels.size else []
        lines.append(f"{split:5}  images {images.shape} {images.dtype}, pixels {span}")
        lines.append(
            f"       labels {labels.shape}: " + "  ".join(f"{data.named(c)}: {n}" for c, n in enumerate(counts))
        )
    return "\n".join(lines)


def contact_sheet(images, labels, path, columns=20, names=()):
    """A PNG with one row for each class: its first `columns` images, its name or number and how many there are."""
    from matplotlib.figure import Figure

    classes = np.unique(labels)
    coloured = images.ndim == 4
    images = np.moveaxis(images, 1, 3) if coloured else 255 - images
    height, width = images.shape[1:3]
    left_of_it = 0.1 if not names else 0.16
    size = 0.42 * columns + 1.2, 0.42 * len(classes) * height / width + 0.2
    figure = Figure(figsize=size, dpi=150)
    axes = figure.add_axes((left_of_it, 0.02, 0.99 - left_of_it, 0.96))
    rows, across = len(classes) * (height + 1), columns * (width + 1)
    sheet = np.full((rows, across, 3) if coloured else (rows, across), 255, np.uint8)
    for row, label in enumerate(classes):
        for column, image in enumerate(images[labels == label][:columns]):
            top, left = row * (height + 1), column * (width + 1)
            sheet[top : top + height, left : left + width] = image
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, aspect="auto", interpolation="nearest")
    called = [names[label].replace("$", r"\$") if label < len(names) else label for label in classes]
    axes.set_yticks(
        [(row + 0.5) * (height + 1) for row in range(len(classes))],
        [f"{name}  ({np.count_nonzero(labels == label)})" for name, label in zip(called, classes, strict=True)],
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
