"""One step of training after another: forward, loss, backward, update. Lecture A 53:36-55:37."""

import itertools
import math
from typing import NamedTuple

from backprop import finite
from backprop import functional as F
from backprop.chunks import Chunks
from backprop.data import DataLoader
from backprop.loss import Loss
from backprop.plan import Plan, terms_of


class Done(NamedTuple):
    """What one step leaves, or several: how many images each took, and of each its loss, what that is a mean over, its
    right answers (NaN where there can be none), and of how many. `settled`: the parameters are those after the last of
    these steps; False where the GPU was given later steps already.
    """

    images: int
    losses: list
    terms: list
    correct: list
    answers: list
    settled: bool


class Steps:
    """The steps of an epoch by layers, by their plan or, on a GPU, by chunks of it: the numbers are the same.

    check_finite   a loss of NaN or infinity raises NonFiniteError naming layer, pass and step
    singly         whether each step is to be done before the next one begins, for somebody who looks on
    wait           wait() is True if all steps that the GPU was given are to be done and told before it is given others:
                   somebody wants a checkpoint
    """

    def __init__(self, net, loss, optimizer, schedule, train, check_finite=True, singly=False, wait=lambda: False):
        self.net, self.loss, self.optimizer, self.schedule, self.train = net, loss, optimizer, schedule, train
        self.check_finite, self.wait = check_finite, wait
        self.plan = Plan(net, loss)
        self.chunks = (
            None
            if singly or getattr(train, "device", "cpu") == "cpu"
            else Chunks(self.plan, optimizer, schedule, train)
        )

    def of_epoch(self, number, first, done):
        """Yield Done for the steps of epoch `number` from batch `first` on; `done` steps were done before."""
        self.train.seek(number, first)
        if self.chunks is not None:
            yield from self._by_chunks(number, first, done)
            return
        own = type(self.train).__iter__ is DataLoader.__iter__  # a subclass may make its batches otherwise
        yield from self._singly(self.train.batches(self.plan.room) if own else iter(self.train), done)

    def _by_chunks(self, number, first, done):
        """While the GPU runs one chunk, the next one is prepared, and the losses of the last one are dealt with."""
        train, order, running = self.train, self.train.order(number), None
        train.seek(number + 1)  # where iterating over it would leave it
        while running or first < len(train):
            chunk = None
            if first < len(train) and not (running and self.wait()):
                chunk = self.chunks.next(order[first * train.batch_size :])
            told = self._told(*running, done) if running else None
            running = None
            if chunk is not None:
                running = chunk, chunk.launch()
                first += chunk.size
            if told is not None:
                done += len(told.losses)
                yield told._replace(settled=chunk is None)
            elif chunk is None:
                train.seek(number, first)
                yield from self._singly(itertools.islice(train.batches(self.plan.room), 1), done)
                first, done = first + 1, done + 1

    def _told(self, chunk, order, done):
        """What the steps of a chunk have left."""
        size = self.train.batch_size
        losses, terms, correct, answers = chunk.read(order)
        bad = next((place for place, L in enumerate(losses) if not math.isfinite(L) and terms[place]), None)
        if self.check_finite and bad is not None:
            finite.blame_later(*self.train.fetch(order[bad * size : (bad + 1) * size]), step=done + bad)
        return Done(size, losses, terms, correct, answers, settled=False)

    def _singly(self, batches, done):
        for x, y in batches:
            self.optimizer.zero_grad()
            step = self.plan.step(x, y)  # the same as here, but recorded
            if step is None:
                scores = self.net(x)  # forward, each layer leaving its cache
                L = self.loss(scores, y)
            else:
                scores, L = step.forward(x, y)
            terms = terms_of(self.loss, y) if step is None else step.terms(y)
            if self.check_finite and not math.isfinite(L) and terms:  # a mean over nothing is NaN, and no fault
                finite.blame(self.net, x, y, step=done)
            if step is None:
                self.net.backward(self.loss.backward())  # backward, each layer reading its cache
            else:
                step.backward()
            self.optimizer.step()
            if self.schedule is not None:
                self.schedule.step()
            done += 1
            right, answers = count_correct(self.loss, scores, y)
            yield Done(len(x), [L], [terms], [right], [answers], settled=True)


def count_correct(loss, scores, y):
    """(right, answers) of a batch, as the loss counts them."""
    return loss.count_correct(scores, y) if isinstance(loss, Loss) else F.count_correct(scores, y)
