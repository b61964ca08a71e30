"""One step of training after another: forward, loss, backward, update. Lecture A 53:36-55:37."""

import itertools
import math
from typing import NamedTuple

from backprop.training import nonfinite
from backprop.training.chunks import Chunks
from backprop.training.compiled import compile


class Done(NamedTuple):
    """The results of one or more steps: how many images each took, and for each its loss, what its mean divided by, its
    right answers (NaN where there can be none), and of how many. `settled`: the parameters are those after the last of
    these steps; False if the GPU was already given later ones.
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
    singly         whether each step must be finished before the next one begins, for a caller who looks at it
    wait           wait() is True if all steps that the GPU was given must be finished and yielded before it is given
                   others, as for a checkpoint
    clip           called between backward and the optimizer's step
    """

    def __init__(
        self, net, loss, optimizer, schedule, train, check_finite=True, singly=False, wait=lambda: False, clip=None
    ):
        self.loss, self.optimizer, self.schedule, self.train = loss, optimizer, schedule, train
        self.check_finite, self.wait = check_finite, wait
        self.step = compile(net, loss, check_finite, optimizer=optimizer, clip=clip)
        by_chunks = not singly and getattr(train, "device", "cpu") != "cpu"
        self.chunks = Chunks(self.step.plan, optimizer, schedule, train) if by_chunks else None

    def of_epoch(self, number, first, done):
        """Yield Done for the steps of epoch `number` from batch `first` on; `done` steps were done before."""
        self.train.seek(number, first)
        if self.chunks is not None:
            yield from self._by_chunks(number, first, done)
            return
        yield from self._singly(self.step.batches(self.train), done)

    def _by_chunks(self, number, first, done):
        """While the GPU runs one chunk, the next one is prepared, and the losses of the last one are handled."""
        train, order, running = self.train, self.train.order(number), None
        train.seek(number + 1)  # where iterating over it would leave it
        while running or first < len(train):
            chunk = None
            if first < len(train) and not (running and self.wait()):
                chunk = self.chunks.next(order[first * train.batch_size :])
            results = self._results(*running, done) if running else None
            running = None
            if chunk is not None:
                running = chunk, chunk.launch()
                first += chunk.size
            if results is not None:
                done += len(results.losses)
                yield results._replace(settled=chunk is None)
            elif chunk is None:
                train.seek(number, first)
                yield from self._singly(itertools.islice(self.step.batches(train), 1), done)
                first, done = first + 1, done + 1

    def _results(self, chunk, order, done):
        """The results of the steps of a chunk, as a Done."""
        size = self.train.batch_size
        losses, terms, correct, answers = chunk.read(order)
        bad = next((place for place, L in enumerate(losses) if not math.isfinite(L) and terms[place]), None)
        if self.check_finite and bad is not None:
            nonfinite.blame_later(*self.train.fetch(order[bad * size : (bad + 1) * size]), step=done + bad)
        return Done(size, losses, terms, correct, answers, settled=False)

    def _singly(self, batches, done):
        step, step.done = self.step, done
        for x, y in batches:
            L = step.train(x, y)
            if self.schedule is not None:
                self.schedule.step()
            samples, right, answers = step.counted(y)
            yield Done(samples, [L], [step.terms], [right], [answers], settled=True)
