"""One step of training after another: forward, loss, backward, update. Lecture A 53:36-55:37."""

import itertools
import math
from typing import NamedTuple

from backprop import finite, kernels
from backprop.chunks import Chunks
from backprop.data import DataLoader
from backprop.plan import Plan


class Done(NamedTuple):
    """What one step leaves, or several: how many images each took, their losses, their numbers of right answers (NaN
    where there can be none). `settled`: the parameters are those after the last of these steps; False where the GPU
    was given later steps already.
    """

    images: int
    losses: list
    correct: list
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
        losses, correct = chunk.read(order)
        bad = next((place for place, L in enumerate(losses) if not math.isfinite(L)), None)
        if self.check_finite and bad is not None:
            finite.blame_later(*self.train.fetch(order[bad * size : (bad + 1) * size]), step=done + bad)
        return Done(size, losses, correct, settled=False)

    def _singly(self, batches, done):
        for x, y in batches:
            self.optimizer.zero_grad()
            step = self.plan.step(x, y)  # the same as here, but recorded
            if step is None:
                scores = self.net(x)  # forward, each layer leaving its cache
                L = self.loss(scores, y)
            else:
                scores, L = step.forward(x, y)
            if self.check_finite and not math.isfinite(L):
                finite.blame(self.net, x, y, step=done)
            if step is None:
                self.net.backward(self.loss.backward())  # backward, each layer reading its cache
            else:
                step.backward()
            self.optimizer.step()
            if self.schedule is not None:
                self.schedule.step()
            done += 1
            yield Done(len(x), [L], [count_correct(scores, y)], settled=True)


def count_correct(scores, y):
    """How many rows of scores (N, C) are largest at their label (N,); NaN where this is no classification."""
    if scores.ndim != 2 or y.shape != scores.shape[:1] or y.dtype.kind not in "iu":
        return math.nan
    k = kernels.of(scores)
    right = k.empty((1,), "i8")
    k.count_correct(scores, y, right)
    return int(right.item())
