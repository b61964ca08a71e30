"""What surrounds a training loop: one bar, a test after each epoch, checkpoints, and Ctrl-C between two steps."""

import contextlib
import math
import time

from backprop import kernels
from backprop.errors import OptionError
from backprop.module.options import whole
from backprop.training import nonfinite, parallel
from backprop.training.evaluate import tally, tested
from backprop.training.history import Epoch, History
from backprop.training.interrupt import Interrupt
from backprop.training.preflight import expect_run
from backprop.training.progress import Progress
from backprop.training.steps import Done


class Run:
    """A training run, around a loop that you write:

        with Run(net, loss, optimizer, train, test, epochs=5) as run:
            step = bp.compile(net, loss, check_finite=True)
            for epoch in run.epochs():
                for x, y in step.batches(train):
                    optimizer.zero_grad()
                    L = step(x, y)
                    step.backward()
                    optimizer.step()
                    run.add(step, L, y)

    `run.history` is its History. The options are those of `fit`, which is this loop.
    """

    def __init__(
        self,
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
        keep_best=False,
        patience=None,
    ):
        if (keep_best or patience is not None) and test is None:
            raise OptionError("keep_best and patience need a test set, of images that are not trained on")
        self.keep_best, self.patience = keep_best, patience if patience is None else whole("patience", patience, 1)
        self.net, self.loss, self.optimizer, self.train, self.test = net, loss, optimizer, train, test
        self.total, self.schedule, self.checkpoint, self.after_step = epochs, schedule, checkpoint, after_step
        self.check_finite, self.progress = check_finite, progress
        self.history = history or History(first_epoch=train.epoch)
        self.ranks = parallel.current()
        self.history.interrupted, self.begun = False, len(self.history.losses)
        left = epochs * len(train) - self.begun if len(train) else epochs
        expect_run(net, loss, optimizer, train, test, schedule, left, allow_wrong_classes)

    def __enter__(self):
        self.keep()  # a run that cannot write its checkpoint fails now, not after an epoch
        with contextlib.ExitStack() as entered:
            done = _images_seen(self.train, self.history)
            shown = Progress(self.total * len(self.train.images), self.progress and parallel.is_first(), done=done)
            self.shown = entered.enter_context(shown)
            self.interrupt = entered.enter_context(Interrupt(self._stopping))
            if self.ranks is not None:
                entered.enter_context(self.ranks.asking(lambda: self.interrupt.asked))
            entered.enter_context(kernels.on_compile(self._compiling))
            self._entered = entered.pop_all()
        return self

    def __exit__(self, kind, error, trace):
        self._entered.__exit__(kind, error, trace)
        stopped = kind is None or issubclass(kind, KeyboardInterrupt)
        if stopped and self.keep_best and self.history.best is not None:
            self.net.load_state_dict(self.history.best)
        self.history.interrupted = stopped and kind is not None
        return self.history.interrupted

    def epochs(self):
        """Yield the number of each epoch that is left, with the loader at its first batch; then test the network."""
        net, history, shown = self.net, self.history, self.shown
        for number in range(len(history.epochs), self.total):
            if self._waited():
                break
            if not net.training:
                net.train()
            start = time.perf_counter()
            shown.begin(f"epoch {number + 1}/{self.total}")
            before = len(history.epochs) * len(self.train)  # a resumed run may have done part of this epoch
            shown.count(*[of_steps[before:] for of_steps in _of_steps(history)])
            self.first = len(history.losses) - before
            self.train.seek(history.first_epoch + number, self.first)
            yield number
            if self.check_finite:
                nonfinite.expect_parameters(net, step=len(history.losses))
            seconds = time.perf_counter() - start
            shown.note(f"testing {number + 1}/{self.total}")
            found = self._tested()
            shown.show()
            history.epochs.append(Epoch(shown.tally.loss, shown.tally.accuracy, *found, seconds))
            if self.keep_best and history.best_epoch == number:
                history.best = net.state_dict()
            self.keep()
            self._obey()

    def add(self, step, L, y):
        """Add a finished step: the Compiled step, its loss and its labels."""
        samples, right, answers = step.counted(y)
        self.add_done(Done(samples, [L], [step.terms], [right], [answers], settled=True))

    def add_done(self, done):
        """Add one finished step, or several of a GPU. Raises KeyboardInterrupt if that was requested."""
        batches = done.losses, done.terms, done.correct, done.answers
        for kept, new in zip(_of_steps(self.history), batches, strict=True):
            kept += new
        self.shown.add(done.images, *batches)
        if self.after_step is not None:
            self.after_step(len(self.history.losses))
        if done.settled:
            if self.wanted():
                self.keep()
            self._obey()

    def wanted(self):
        """Whether an interrupt or a checkpoint is waiting for the end of the step."""
        return self.interrupt.asked or (self.checkpoint is not None and self.checkpoint.due())

    def keep(self):
        """Write the checkpoint."""
        if self.checkpoint is not None and parallel.is_first():
            self.checkpoint.save(self.net, self.optimizer, self.schedule, self.train, self.history)

    def _waited(self):
        """Whether the last `patience` epochs have not been better than the best before them."""
        epochs, best = self.history.epochs, self.history.best_epoch
        return self.patience is not None and epochs and len(epochs) - 1 - (best or 0) >= self.patience

    def _tested(self):
        """(loss, accuracy) on the test set, or (None, None)."""
        if self.test is None:
            return None, None
        found = tested(self.net, self.loss, self.test)
        if self.check_finite and found.terms and not math.isfinite(found.loss):
            nonfinite.blame(self.net, *_spoiled(self.net, self.loss, self.test), step=len(self.history.losses))
        return found.loss, found.accuracy

    def _obey(self):
        """Raise KeyboardInterrupt if that was requested: of any rank, when all have heard of it."""
        if self.ranks is None:
            self.interrupt.obey()
        elif self.ranks.stopping:
            raise KeyboardInterrupt

    def _stopping(self):
        this = "kernel" if len(self.history.losses) == self.begun else "step"
        self.shown.note(f"stopping after this {this}")

    def _compiling(self, kernel):
        if (
            len(self.history.losses) == self.begun and self.ranks is None
        ):  # no step to keep yet, and many kernels follow
            self.interrupt.obey()
        self.shown.note(f"compiling kernels, once ({kernel})")


def _spoiled(net, loss, loader):
    """The first batch whose loss, in evaluation mode, is not finite; the first of all if only their sum is not."""
    with net.evaluating():
        for x, y in loader:
            if not math.isfinite(tally(loss, [(net(x), y)]).loss):
                return x, y
    return next(iter(loader))


def _of_steps(history):
    """The lists of a History that have an entry for each step, in the order in which a Tally takes them."""
    return history.losses, history.terms, history.correct, history.answers


def _images_seen(train, history):
    """How many images the steps of `history` have taken."""
    epochs, rest = divmod(len(history.losses), max(len(train), 1))
    return epochs * len(train.images) + sum(_size(train, batch) for batch in range(rest))


def _size(train, batch):
    return min(train.batch_size, len(train.images) - batch * train.batch_size)
