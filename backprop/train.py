"""The training loop: forward, loss, backward, step, for every batch of every epoch."""

import math
import time

import numpy as np

from backprop import finite, kernels
from backprop.data import DataLoader
from backprop.errors import LabelError, OptionError, ShapeError
from backprop.functional.targets import IGNORE, class_axis
from backprop.history import Epoch, History
from backprop.interrupt import Interrupt
from backprop.loss import CrossEntropyLoss
from backprop.plan import Plan
from backprop.progress import Progress


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
    checkpoint=None,
    history=None,
    after_step=None,
):
    """Train `net` on the batches of `train`.  Lecture A 53:36-55:37. Returns a History; Ctrl-C ends early and keeps it.

    train, test           DataLoaders; `test`, where it is given, is evaluated after each epoch
    schedule              a learning-rate schedule, stepped after every batch
    progress              show one bar with loss, accuracy and images per second
    check_finite          a loss of NaN or infinity raises NonFiniteError naming layer, pass and step
    allow_wrong_classes   train although the network's scores are not one for each class of the training set
    checkpoint            a Checkpoint, to be kept up to date: within epochs, at their ends, and on Ctrl-C
    history               of an interrupted run, from `checkpoint.load(...)`: training goes on where it stopped
    after_step            called with the number of steps done, after each of them

    Raises ShapeError before the first step where the number of scores is not that of the classes. The classes are
    counted over the whole training set.
    """
    if getattr(loss, "reduction", "mean") not in ("mean", "batchmean"):
        raise OptionError(
            f"training averages over batches: it wants a loss with reduction 'mean', got {loss.reduction!r}"
        )
    if isinstance(loss, CrossEntropyLoss) and not allow_wrong_classes:
        refuse_wrong_classes(net, train, test, loss.ignore_index)
    history = history or History(first_epoch=train.epoch)
    history.interrupted = False
    plan = Plan(net, loss)

    def keep():
        if checkpoint is not None:
            checkpoint.save(net, optimizer, schedule, train, history)

    keep()  # a run that cannot write its checkpoint fails now, not after an epoch
    try:
        with (
            Progress(epochs * len(train.images), progress, done=_images_seen(train, history)) as shown,
            kernels.on_compile(lambda kernel: shown.note(f"compiling kernels, once ({kernel})")),
            Interrupt() as interrupt,
        ):
            for number in range(len(history.epochs), epochs):
                net.train()
                start = time.perf_counter()
                shown.begin(f"epoch {number + 1}/{epochs}")
                for x, y in _rest_of_epoch(train, history, shown, plan.room):
                    optimizer.zero_grad()
                    step = plan.step(x, y)  # the same as here, but recorded
                    if step is None:
                        scores = net(x)  # forward, each layer leaving its cache
                        L = loss(scores, y)
                    else:
                        scores, L = step.forward(x, y)
                    if check_finite and not math.isfinite(L):
                        finite.blame(net, x, y, step=len(history.losses))
                    if step is None:
                        net.backward(loss.backward())  # backward, each layer reading its cache
                    else:
                        step.backward()
                    optimizer.step()
                    if schedule is not None:
                        schedule.step()
                    history.losses.append(L)
                    history.correct.append(count_correct(scores, y))
                    shown.add(len(x), L, history.correct[-1])
                    if after_step is not None:
                        after_step(len(history.losses))
                    if interrupt.asked or (checkpoint is not None and checkpoint.due()):
                        keep()
                    interrupt.obey()
                if check_finite:
                    finite.expect_parameters(net, step=len(history.losses))
                seconds = time.perf_counter() - start
                shown.show()
                tested = (None, None) if test is None else evaluate(net, loss, test)
                if check_finite and history.losses and test is not None and len(test) and not math.isfinite(tested[0]):
                    finite.blame(net, *next(iter(test)), step=len(history.losses))
                history.epochs.append(Epoch(shown.loss, shown.accuracy, *tested, seconds))
                keep()
                interrupt.obey()
    except KeyboardInterrupt:
        history.interrupted = True
    return history


def _rest_of_epoch(train, history, shown, room):
    """The batches of the epoch in progress that are not done yet; what is done is counted into `shown`."""
    number = len(history.epochs)
    done = len(history.losses) - number * len(train)
    for batch in range(done):
        step = number * len(train) + batch
        shown.count(_size(train, batch), history.losses[step], history.correct[step])
    train.seek(history.first_epoch + number, done)
    own = type(train).__iter__ is DataLoader.__iter__  # a subclass may make its batches otherwise
    return train.batches(room) if own else iter(train)


def _images_seen(train, history):
    """How many images the steps of `history` have taken."""
    epochs, rest = divmod(len(history.losses), max(len(train), 1))
    return epochs * len(train.images) + sum(_size(train, batch) for batch in range(rest))


def _size(train, batch):
    return min(train.batch_size, len(train.images) - batch * train.batch_size)


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
    with net.evaluating():
        for x, y in loader:
            yield net(x), y


def count_correct(scores, y):
    """How many rows of scores (N, C) are largest at their label (N,); NaN where this is no classification."""
    if scores.ndim != 2 or y.shape != scores.shape[:1] or y.dtype.kind not in "iu":
        return math.nan
    k = kernels.of(scores)
    right = k.empty((1,), np.int64)
    k.count_correct(scores, y, right)
    return int(right[0])


def refuse_wrong_classes(net, train, test=None, ignore_index=IGNORE):
    """Refuse the lecture's trap (72:39): scores for another number of classes than the whole training set has.

    A test set with labels that the training set does not have is refused, too.
    """
    if train.labels.dtype.kind not in "iu":
        return
    used, tested = (y[y != ignore_index] for y in (train.labels, np.zeros(0, int) if test is None else test.labels))
    if not used.size:
        return
    classes = int(used.max()) + 1
    if tested.size and tested.max() >= classes:
        raise LabelError(f"the test set has label {tested.max()}, the training set only 0 to {classes - 1}")
    with kernels.use_kernels("reference"), np.errstate(all="ignore"):  # two samples: not worth compiling for
        scores = net.bare_copy().eval()(train.batch(np.arange(min(2, len(train.images)))))
    count = scores.shape[class_axis(scores)]
    if count != classes:
        last = [module for module in net.modules() if not module.children()][-1]
        features = getattr(last, "in_features", None)
        cure = f"make it Linear({features}, {classes})" if features else f"add Linear({count}, {classes}) behind it"
        raise ShapeError(
            f"the last layer, {type(last).__name__}({last.extra_repr()}), puts out {count} scores, but the labels "
            f"are of {classes} classes: {cure}"
        )
