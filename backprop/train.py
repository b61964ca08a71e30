"""The training loop: steps and tests, epoch by epoch, with all that goes with them."""

import math
import time

import numpy as np

from backprop import finite, kernels
from backprop.errors import LabelError, OptionError, ShapeError
from backprop.functional.targets import IGNORE, class_axis
from backprop.history import Epoch, History
from backprop.interrupt import Interrupt
from backprop.kernels.device import to_host
from backprop.loss import CrossEntropyLoss
from backprop.progress import Progress
from backprop.steps import Steps, count_correct


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

            def wanted():
                """Whether somebody waits for the network as it stands between two steps."""
                return interrupt.asked or (checkpoint is not None and checkpoint.due())

            singly = after_step is not None
            steps = Steps(net, loss, optimizer, schedule, train, check_finite, singly, wait=wanted)
            for number in range(len(history.epochs), epochs):
                net.train()
                start = time.perf_counter()
                shown.begin(f"epoch {number + 1}/{epochs}")
                before = _count_done(train, history, shown)
                for done in steps.of_epoch(history.first_epoch + number, before, len(history.losses)):
                    history.losses += done.losses
                    history.correct += done.correct
                    shown.add(done.images, done.losses, done.correct)
                    if after_step is not None:
                        after_step(len(history.losses))
                    if done.settled:
                        if wanted():
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


def _count_done(train, history, shown):
    """How many batches of the epoch in progress are done; they are counted into `shown`."""
    before = len(history.epochs) * len(train)
    for step in range(before, len(history.losses)):
        shown.count(_size(train, step - before), [history.losses[step]], [history.correct[step]])
    return len(history.losses) - before


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
        two = to_host(train.batch(np.arange(min(2, len(train.images)))))
        scores = net.bare_copy().eval().to("cpu")(two)
    count = scores.shape[class_axis(scores)]
    if count != classes:
        last = [module for module in net.modules() if not module.children()][-1]
        features = getattr(last, "in_features", None)
        cure = f"make it Linear({features}, {classes})" if features else f"add Linear({count}, {classes}) behind it"
        raise ShapeError(
            f"the last layer, {type(last).__name__}({last.extra_repr()}), puts out {count} scores, but the labels "
            f"are of {classes} classes: {cure}"
        )
