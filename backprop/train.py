"""The training loop: steps and tests, epoch by epoch, with all that goes with them."""

import copy
import math
import time

from backprop import finite, kernels
from backprop.history import Epoch, History, Tally
from backprop.interrupt import Interrupt
from backprop.loss import Loss
from backprop.plan import terms_of
from backprop.preflight import expect_run
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
    """Train `net` on the batches of `train`.  Lecture A 53:36-55:37. Returns a History; Ctrl-C ends early and keeps it,
    and so do SIGTERM and SIGHUP; while the first step's kernels compile it waits for one kernel, not for the step.

    train, test           DataLoaders; `test`, where it is given, is evaluated after each epoch
    schedule              a learning-rate schedule, stepped after every batch
    progress              show one bar with loss, accuracy and images per second
    check_finite          a loss of NaN or infinity raises NonFiniteError naming layer, pass and step
    allow_wrong_classes   train although the network's scores are not one for each class of the training set
    checkpoint            a Checkpoint, to be kept up to date: within epochs, at their ends, and on Ctrl-C
    history               of an interrupted run, from `checkpoint.load(...)`: training goes on where it stopped
    after_step            called with the number of steps done, after each of them

    What would end in an error after an epoch, or in nothing learned, is refused before the first step (preflight.py):
    ShapeError where the number of scores is not that of the classes in the whole training set, or the last batch is too
    small for a batch normalisation; ParameterError for an optimizer of another network; OptionError for no data.

    Layers that were set to evaluation while the network is in training, `net[1].eval()`, stay so: a batch normalisation
    keeps its statistics then.
    """
    history = history or History(first_epoch=train.epoch)
    history.interrupted, begun = False, len(history.losses)
    left = epochs * len(train) - len(history.losses) if len(train) else epochs
    expect_run(net, loss, optimizer, train, test, schedule, left, allow_wrong_classes)

    def keep():
        if checkpoint is not None:
            checkpoint.save(net, optimizer, schedule, train, history)

    def stopping():
        shown.note("stopping after this kernel" if len(history.losses) == begun else "stopping after this step")

    def compiling(kernel):
        if len(history.losses) == begun:  # nothing is done that could be kept, and many kernels may be to come
            interrupt.obey()
        shown.note(f"compiling kernels, once ({kernel})")

    keep()  # a run that cannot write its checkpoint fails now, not after an epoch
    try:
        with (
            Progress(epochs * len(train.images), progress, done=_images_seen(train, history)) as shown,
            Interrupt(stopping) as interrupt,
            kernels.on_compile(compiling),
        ):

            def wanted():
                """Whether somebody waits for the network as it stands between two steps."""
                return interrupt.asked or (checkpoint is not None and checkpoint.due())

            singly = after_step is not None
            steps = Steps(net, loss, optimizer, schedule, train, check_finite, singly, wait=wanted)
            for number in range(len(history.epochs), epochs):
                if not net.training:
                    net.train()
                start = time.perf_counter()
                shown.begin(f"epoch {number + 1}/{epochs}")
                before = _count_done(train, history, shown)
                for done in steps.of_epoch(history.first_epoch + number, before, len(history.losses)):
                    batches = done.losses, done.terms, done.correct, done.answers
                    for kept, new in zip(_of_steps(history), batches, strict=True):
                        kept += new
                    shown.add(done.images, *batches)
                    if after_step is not None:
                        after_step(len(history.losses))
                    if done.settled:
                        if wanted():
                            keep()
                        interrupt.obey()
                if check_finite:
                    finite.expect_parameters(net, step=len(history.losses))
                seconds = time.perf_counter() - start
                shown.note(f"testing {number + 1}/{epochs}")
                tested = None if test is None else tally(loss, predict(net, test))
                if check_finite and tested is not None and tested.terms and not math.isfinite(tested.loss):
                    finite.blame(net, *_spoiled(net, loss, test), step=len(history.losses))
                found = (None, None) if tested is None else (tested.loss, tested.accuracy)
                shown.show()
                history.epochs.append(Epoch(shown.tally.loss, shown.tally.accuracy, *found, seconds))
                keep()
                interrupt.obey()
    except KeyboardInterrupt:
        history.interrupted = True
    return history


def _spoiled(net, loss, loader):
    """The first batch whose loss, in evaluation, is not finite; the first one where only their sum is not."""
    with net.evaluating():
        for x, y in loader:
            if not math.isfinite(tally(loss, [(net(x), y)]).loss):
                return x, y
    return next(iter(loader))


def _of_steps(history):
    """The lists of a History that have an entry for each step, in the order in which a Tally takes them."""
    return history.losses, history.terms, history.correct, history.answers


def _count_done(train, history, shown):
    """How many batches of the epoch in progress are done; they are counted into `shown`."""
    before = len(history.epochs) * len(train)
    shown.count(*[of_steps[before:] for of_steps in _of_steps(history)])
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
    """(mean loss, accuracy) over batches of (scores, labels), however they were cut; NaN over nothing."""
    found = tally(loss, predictions)
    return found.loss, found.accuracy


def tally(loss, predictions):
    """The Tally over batches of (scores, labels)."""
    found, sums = Tally(), _can_sum(loss)
    twin = copy.copy(loss) if sums else loss
    for scores, y in predictions:
        if sums:
            twin.reduction = "sum"
        total = twin(scores, y)
        if sums:
            twin.reduction = loss.reduction
        terms = terms_of(twin, y)
        found.add(total if sums else total * terms, terms, *count_correct(loss, scores, y))
    return found


def _can_sum(loss):
    """Whether it says what its mean divides by, and its own forward, no subclass's, heeds the reduction "sum"."""
    if not isinstance(loss, Loss):
        return False
    kind = type(loss)
    ours = getattr(kind.forward, "__module__", "").startswith("backprop.") and kind.__call__ is Loss.__call__
    return ours and kind.terms is not Loss.terms


def predict(net, loader):
    """(scores, labels) of each batch, the network in evaluation mode while it runs."""
    with net.evaluating():
        for x, y in loader:
            yield net(x), y
