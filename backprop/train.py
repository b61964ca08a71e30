"""The training loop: forward, loss, backward, step, for every batch of every epoch."""

import dataclasses
import math
import time

import numpy as np

from backprop import finite, kernels
from backprop.errors import LabelError, OptionError, ShapeError
from backprop.functional.targets import class_axis
from backprop.loss import CrossEntropyLoss
from backprop.progress import Progress


@dataclasses.dataclass
class Epoch:
    """One pass over the training set: mean loss and accuracy while it was learned, then on the test set; seconds.

    An accuracy is NaN where the targets are not labels.
    """

    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    seconds: float


@dataclasses.dataclass
class History:
    """What `fit` did: the loss of every step, one Epoch for each that was finished, and whether Ctrl-C ended it."""

    losses: list = dataclasses.field(default_factory=list)
    epochs: list = dataclasses.field(default_factory=list)
    interrupted: bool = False


def fit(
    net,
    loss,
    optimizer,
    train,
    test=None,
    epochs=1,
    schedule=None,
    progress=True,
    check_finite=True,
    allow_wrong_classes=False,
):
    """Train `net` on the batches of `train`.  Lecture A 53:36-55:37. Returns a History; Ctrl-C ends early and keeps it.

    train, test           DataLoaders; `test`, where it is given, is evaluated after each epoch
    schedule              a learning-rate schedule, stepped after every batch
    progress              show one bar with loss, accuracy and images per second
    check_finite          a loss of NaN or infinity raises NonFiniteError naming layer, pass and step
    allow_wrong_classes   train although the network's scores are not one for each class of the training set

    Raises ShapeError before the first step where the number of scores is not that of the classes. The classes are
    counted over the whole training set.
    """
    if getattr(loss, "reduction", "mean") != "mean":
        raise OptionError(
            f"training averages over batches: it wants a loss with reduction 'mean', got {loss.reduction!r}"
        )
    if isinstance(loss, CrossEntropyLoss) and not allow_wrong_classes:
        refuse_wrong_classes(net, train, test)
    history = History()
    try:
        with (
            Progress(epochs * len(train.images), progress) as shown,
            kernels.on_compile(lambda kernel: shown.note(f"compiling kernels, once ({kernel})")),
        ):
            for number in range(epochs):
                net.train()
                shown.begin(f"epoch {number + 1}/{epochs}")
                start = time.perf_counter()
                for x, y in train:
                    scores = net(x)  # forward, each layer leaving its cache
                    L = loss(scores, y)
                    if check_finite and not math.isfinite(L):
                        finite.blame(net, x, y, step=len(history.losses))
                    optimizer.zero_grad()
                    net.backward(loss.backward())  # backward, each layer reading its cache
                    optimizer.step()
                    if schedule is not None:
                        schedule.step()
                    history.losses.append(L)
                    shown.add(len(x), L, count_correct(scores, y))
                if check_finite:
                    finite.expect_parameters(net, step=len(history.losses))
                seconds = time.perf_counter() - start
                shown.show()
                tested = (None, None) if test is None else evaluate(net, loss, test)
                if check_finite and history.losses and test is not None and len(test) and not math.isfinite(tested[0]):
                    finite.blame(net, x, y, step=len(history.losses))
                history.epochs.append(Epoch(shown.loss, shown.accuracy, *tested, seconds))
    except KeyboardInterrupt:
        history.interrupted = True
    return history


def evaluate(net, loss, loader):
    """(mean loss, accuracy) of the network, in evaluation mode, over all batches of `loader`."""
    return measure(loss, predict(net, loader))


def measure(loss, predictions):
    """(mean loss, accuracy) over batches of (scores, labels)."""
    total, right, seen = 0.0, 0, 0
    for scores, y in predictions:
        total, right, seen = total + loss(scores, y) * len(y), right + count_correct(scores, y), seen + len(y)
    return total / max(seen, 1), right / max(seen, 1)


def predict(net, loader):
    """(scores, labels) of each batch, the network in evaluation mode while it runs."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        for x, y in loader:
            yield net(x), y
    finally:
        for module, mode in modes:
            module.training = mode


def count_correct(scores, y):
    """How many rows of scores (N, C) are largest at their label (N,); NaN where this is no classification."""
    if scores.ndim != 2 or y.shape != scores.shape[:1] or y.dtype.kind not in "iu":
        return math.nan
    k = kernels.of(scores)
    right = k.empty((1,), np.int64)
    k.count_correct(scores, y, right)
    return int(right[0])


def refuse_wrong_classes(net, train, test=None):
    """Refuse the lecture's trap (72:39): scores for another number of classes than the whole training set has.

    A test set with labels that the training set does not have is refused, too.
    """
    labels = train.labels
    if labels.dtype.kind not in "iu" or not labels.size:
        return
    classes = int(labels.max()) + 1
    if test is not None and test.labels.size and test.labels.max() >= classes:
        raise LabelError(f"the test set has label {test.labels.max()}, the training set only 0 to {classes - 1}")
    with kernels.use_kernels("reference"), np.errstate(all="ignore"):  # one sample: not worth compiling for
        scores = net.bare_copy()(train.batch(np.arange(1)))
    count = scores.shape[class_axis(scores)]
    if count != classes:
        last = [module for module in net.modules() if not module.children()][-1]
        features = getattr(last, "in_features", None)
        cure = f"make it Linear({features}, {classes})" if features else f"add Linear({count}, {classes}) behind it"
        raise ShapeError(
            f"the last layer, {type(last).__name__}({last.extra_repr()}), puts out {count} scores, but the labels "
            f"are of {classes} classes: {cure}"
        )
