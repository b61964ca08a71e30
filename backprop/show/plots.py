"""The pictures of a training run. Each function returns the path it wrote; its suffix says the format."""

import numpy as np

from backprop.show.colors import BLUE, GREEN, GREY, ORANGE
from backprop.show.figure import colour_scale, new_axes, new_figure


def curves(history, path, title, floor=None, held_out=False):
    """Loss over the steps, with the test loss; accuracy over the epochs. `floor` is the entropy of the labels.

    `held_out` says that epochs were tested on a held-out part of the training set, and the best one's weights kept.
    """
    tested = "held out" if held_out else "test"
    figure = new_figure(9, 3.6)
    figure.suptitle(title, fontsize=11)
    steps = np.arange(1, len(history.losses) + 1)
    per_epoch = len(steps) / max(len(history.epochs), 1)
    ends = [per_epoch * (number + 1) for number in range(len(history.epochs))]

    axes = new_axes(figure, 1, 2, 1)
    axes.plot(steps, history.losses, color=BLUE, alpha=0.2, linewidth=0.6)
    window = max(1, min(101, len(steps) // 10 | 1))
    axes.plot(steps, centred_mean(history.losses, window), color=BLUE, label=f"training, mean of {window} steps")
    if history.epochs and history.epochs[0].test_loss is not None:
        axes.plot(ends, [e.test_loss for e in history.epochs], "o-", color=ORANGE, markersize=4, label=tested)
    if floor is not None:
        stalled = history.losses and history.losses[-1] > 0.9 * floor
        axes.axhline(floor, color=GREY, linestyle="--", linewidth=1)
        axes.annotate(
            f"knows only class frequencies: entropy {floor:.3f}",
            (1, floor),
            xycoords=("axes fraction", "data"),
            xytext=(-2, -11 if stalled else 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=GREY,
        )
    axes.set(xlabel="step", ylabel="cross-entropy loss")
    if spread_out(history.losses):  # on a scale from 0 the first steps would hide all others
        axes.set_yscale("log")
        axes.set_ylabel("cross-entropy loss, logarithmic")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(0, None)
    if len(steps):
        axes.legend(frameon=False, fontsize=8, loc="lower left" if axes.get_yscale() == "log" else "best")

    axes = new_axes(figure, 1, 2, 2)
    epochs = np.arange(1, len(history.epochs) + 1)
    axes.plot(
        epochs, [100 * e.train_accuracy for e in history.epochs], "o-", color=BLUE, markersize=4, label="training"
    )
    if history.epochs and history.epochs[0].test_accuracy is not None:
        accuracies = [100 * e.test_accuracy for e in history.epochs]
        axes.plot(epochs, accuracies, "o-", color=ORANGE, markersize=4, label=tested)
        at = history.best_epoch if held_out else -1
        axes.annotate(
            f"{accuracies[at]:.2f}%" + (", kept" if held_out else ""),
            (epochs[at], accuracies[at]),
            xytext=(0, -13),
            textcoords="offset points",
            ha="center",
        )
    axes.set(xlabel="epoch", ylabel="accuracy, %", xlim=(0.5, max(len(epochs), 1) + 0.5))
    axes.margins(y=0.15)
    if history.epochs and max(e.train_accuracy for e in history.epochs) < 0.5:
        axes.set_ylim(0, 100)  # the wiggles of a network that learns nothing are not magnified
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.legend(frameon=False, fontsize=8, loc="center right")
    figure.savefig(path)
    return path


def centred_mean(losses, window):
    """The mean of `window` losses around each, of fewer at both ends: one of the past alone would lag behind."""
    sums, steps, half = np.cumsum([0.0, *losses]), np.arange(len(losses)), window // 2
    start, stop = np.maximum(steps - half, 0), np.minimum(steps + half + 1, len(losses))
    return (sums[stop] - sums[start]) / (stop - start)


def spread_out(losses):
    """Whether a logarithmic scale shows more: the largest loss is ten times the median of the last quarter."""
    last = np.median(losses[-(len(losses) // 4) :]) if len(losses) > 3 else 0
    return bool(last > 0 and min(losses) > 0 and np.nanmax(losses) > 10 * last)


MOST_CLASSES = 20  # whose counts are written into their fields


def compared(runs, path):
    """Accuracy of several runs, (name, epochs) each, over their seconds of training: on the test set, thin in training.

    An epoch is a dict of `seconds`, `train_accuracy` and `test_accuracy`.
    """
    figure = new_figure(7, 3.8)
    axes, colors = new_axes(figure, 1, 1, 1), (BLUE, ORANGE, GREEN, GREY)
    for n, (name, epochs) in enumerate(runs):
        seconds = np.cumsum([epoch["seconds"] for epoch in epochs])
        for key, style in (("test_accuracy", "o-"), ("train_accuracy", ":")):
            shares = [100 * epoch[key] for epoch in epochs]
            label = f"{name}: {shares[-1]:.1f} %" if style == "o-" else None
            axes.plot(seconds, shares, style, color=colors[n % len(colors)], markersize=4, linewidth=1.4, label=label)
    axes.set(xlabel="seconds of training", ylabel="accuracy, %; dotted: training", xlim=(0, None))
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path)
    return path


def confusion(matrix, path, title, names=()):
    """How often each class (row) was taken for each other (column). The diagonal, which is right, is uncoloured."""
    figure = new_figure(5.2, 4.8)
    axes = figure.add_subplot()
    classes = len(matrix)
    wrong = np.where(np.eye(classes, dtype=bool), 0, matrix)
    axes.imshow(wrong, cmap="Oranges", vmax=max(1, wrong.max()))
    for row in range(classes):
        for column in range(classes):
            if matrix[row, column] and classes <= MOST_CLASSES:
                right = row == column
                dark = wrong[row, column] > 0.6 * wrong.max()
                axes.text(
                    column,
                    row,
                    matrix[row, column],
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    weight="bold" if right else "normal",
                    color=BLUE if right else "white" if dark else "black",
                )
    axes.set(xlabel="taken for", ylabel="is")
    if classes <= MOST_CLASSES:
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if names else {}
        axes.set_xticks(range(classes), [named(names, n) for n in range(classes)], **turned)
        axes.set_yticks(range(classes), [named(names, n) for n in range(classes)])
    axes.set_title(title, fontsize=10)
    axes.tick_params(length=0)
    figure.savefig(path)
    return path


def named(names, label):
    """What a picture calls a class: its name, in which a $ is no sign of mathematics, or its number."""
    return names[label].replace("$", r"\$") if label < len(names) else str(label)


def as_pixels(image):
    """An image (H, W), dark ink on white, or (3, H, W), as it is, for `imshow`."""
    return np.moveaxis(image, 0, 2) if image.ndim == 3 and len(image) == 3 else 255 - image.reshape(image.shape[-2:])


def coloured(weight, limit):
    """A filter (3, P, Q) as colours (P, Q, 3): grey for 0, brighter or darker by its share of the limit."""
    return np.clip(np.moveaxis(weight, 0, 2) / (2 * limit) + 0.5, 0, 1)


def mistakes(images, labels, probabilities, path, rows=4, columns=8, names=()):
    """The test images that were taken for something else with the greatest confidence, worst first."""
    taken_for = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(taken_for != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][: rows * columns]
    figure = new_figure((1.25 if names else 1.05) * columns, (1.4 if names else 1.16) * rows + 0.35)
    figure.suptitle(f"the {len(worst)} most confident mistakes of {len(wrong)}", fontsize=10)
    for place, index in enumerate(worst):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.imshow(as_pixels(images[index]), cmap="gray", vmin=0, vmax=255)
        is_, said = named(names, labels[index]), named(names, taken_for[index])
        apart = "\n" if names else ", "
        axes.set_title(f"said {said}, {confidence[index]:.0%}{apart}is {is_}", fontsize=6.5 if names else 7)
        axes.axis("off")
    figure.savefig(path)
    return path


def weights(matrix, image_shape, path, title, most=64, names=()):
    """The rows of a first layer's weight, each as an image: purple where ink speaks for it, orange where against; of
    coloured images, as colours.
    """
    count = min(len(matrix), most)
    columns = 5 if count <= 10 else 16
    rows = -(-count // columns)
    side = 1.5 if count <= 10 else 0.62
    figure = new_figure(side * columns, side * rows + 0.5)
    figure.suptitle(title + some(count, len(matrix), "units"), fontsize=10)
    limit = np.quantile(np.abs(matrix[:count]), 0.995) or 1
    grid = []
    for place in range(count):
        axes = figure.add_subplot(rows, columns, place + 1)
        grid.append(axes)
        image = matrix[place].reshape(image_shape)
        shown = coloured(image, limit) if image.ndim == 3 and len(image) == 3 else image
        drawn = axes.imshow(shown, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
        if count <= 10:
            axes.set_title(named(names, place), fontsize=9)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_edgecolor("#d0d4da")
    if shown.ndim == 2:
        colour_scale(figure, drawn, grid, "against", "for it")
    figure.savefig(path)
    return path


def some(count, of, what):
    """What a title adds where not all are drawn."""
    return f"; {count} of {of} {what}" if count < of else ""
