"""What a training run leaves behind: metrics.json and its pictures."""

import json
import math
import platform
import sys
import time
from pathlib import Path

import numpy as np

from backprop import functional as F
from backprop.kernels.device import to_host
from backprop.layers import Conv2d, Linear
from backprop.models.blocks import Patches
from backprop.show import inside, plots
from backprop.show.figure import dark
from backprop.show.numbers import without_nan
from backprop.training.evaluate import measure, predict
from backprop.training.files import replacing


def write_run(out, net, loss, history, data, test, options, started, suffix="png", on_dark=False):
    """Write the run into the existing folder `out`. Returns the metrics, which are also in metrics.json.

    data      the Dataset; `test` is the loader over its test half
    options   the run's options, stored in metrics.json
    started   time.perf_counter() at its start
    suffix    of the pictures: png, svg or pdf; with `on_dark` they have a dark ground, for slides
    """
    out = Path(out)
    predictions = list(predict(net, test))
    test_loss, test_accuracy = measure(loss, predictions)
    metrics = {
        "test_accuracy": test_accuracy,
        "test_loss": test_loss,
        "interrupted": history.interrupted,
        "best_epoch": None if history.best is None else history.best_epoch + 1,
        "training_seconds": sum(epoch.seconds for epoch in history.epochs),
        "epochs": [vars(epoch) for epoch in history.epochs],
        "losses": history.losses,
        "options": options,
        "python": platform.python_version(),
    }
    _write_metrics(out, metrics, started)  # first, so that a picture that fails does not lose them
    with dark(on_dark):
        _draw(out, suffix, net, history, data, test, predictions, test_accuracy, options)
    _write_metrics(out, metrics, started)
    return metrics


def _write_metrics(out, metrics, started):
    """metrics.json, with the time and the memory that the run has taken so far."""
    metrics["seconds"], metrics["peak_memory_mb"] = time.perf_counter() - started, peak_memory_mb()
    with replacing(out / "metrics.json") as file:
        file.write(json.dumps(without_nan(metrics), indent=1, allow_nan=False).encode())


def _draw(out, suffix, net, history, data, test, predictions, test_accuracy, options):
    title = f"{options['model']} on {options['data']}, seed {options['seed']}"
    probabilities = np.concatenate([to_host(F.softmax(scores, 1)) for scores, _ in predictions])
    labels = np.asarray(data.test_labels)
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), classes=int(data.train_labels.max()) + 1)
    plots.curves(history, out / f"curves.{suffix}", title, label_entropy(data.train_labels), history.best is not None)
    plots.confusion(matrix, out / f"confusion.{suffix}", f"{title}: {test_accuracy:.2%} right", data.names)
    plots.mistakes(data.test_images, labels, probabilities, out / f"mistakes.{suffix}", names=data.names)
    first = next((layer for layer in net.modules() if isinstance(layer, (Linear, Conv2d))), None)
    signs = "purple: ink speaks for it, orange: against"
    if data.in_colour:
        signs = "grey: 0, brighter red, green or blue speaks for it"
    if any(isinstance(module, Patches) for module in net.modules()):
        title = f"{options['model']}: what each head looks at from one square; darker: more"
        firsts = [np.flatnonzero(labels == label)[:1] for label in np.unique(labels)[:6]]
        inside.heads(net, test.batch(np.concatenate(firsts)), out / f"heads.{suffix}", title)
    elif isinstance(first, Linear) and first.in_features == math.prod(data.train_images.shape[1:]):
        title = f"{options['model']}: the first layer's weights; {signs}"
        shape = data.train_images.shape[1:]
        plots.weights(to_host(first.weight.data), shape, out / f"weights.{suffix}", title, names=data.names)
    elif isinstance(first, Conv2d):
        digit = test.batch(np.arange(1))
        title = f"{options['model']}: the first filters; {signs}"
        inside.filters(inside.first_convolutions(net, digit), out / f"filters.{suffix}", title)
        title = f"{options['model']}: what becomes of {data.named(labels[0])}, layer by layer"
        inside.feature_maps(net, digit, out / f"maps.{suffix}", title)


def confusion_matrix(labels, taken_for, classes):
    """matrix[i, j]: how many images of class i were taken for class j. Predictions beyond these are not counted."""
    matrix = np.zeros((classes, classes), np.int64)
    known = taken_for < classes
    np.add.at(matrix, (labels[known], taken_for[known]), 1)
    return matrix


def label_entropy(labels):
    """-sum p log p over the class frequencies p: the cross-entropy of a model that knows only these."""
    counts = np.bincount(labels)
    frequencies = counts[counts > 0] / len(labels)
    return float(-(frequencies * np.log(frequencies)).sum())


def peak_memory_mb():
    """The most memory this process ever held, in units of 10^6 bytes; 0 where the system does not report it."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
