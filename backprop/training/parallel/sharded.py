"""One step of training on a batch that is cut into shards: their gradients, added along the tree of sums.py.

The loss of the whole is a mean over all terms, so it is not the mean of the shards' means: shard s counts
terms[s] / terms. What is added is (terms[s] / B) gradient[s], with B samples in the batch, and the sum is multiplied by
B / terms, which is 1 where each sample is one term of weight 1.
"""

import contextlib
import functools
import math

import numpy as np

from backprop.errors import DeviceError, NonFiniteError, RankError, ShapeError
from backprop.module.shard import Shard, computing
from backprop.training import nonfinite
from backprop.training.compiled import Compiled
from backprop.training.data import fetches_parts
from backprop.training.evaluate import count_correct
from backprop.training.parallel import alike
from backprop.training.parallel.lockstep import Lockstep
from backprop.training.parallel.sums import between, cut, levels, within
from backprop.training.parallel.twin import Twin

SUMS = 6  # numbers that are added like gradients: total loss, terms, right, answers, requests to stop, calls


class Sharded(Compiled):
    """The Compiled step of a network and its loss, for the `ranks` that share each batch. All of them get the loss and
    the gradients of the whole batch: one all-reduce, made in the call, brings both.

    scores    the network's output for this rank's part of the last batch, or None if it had none
    terms     what the mean in the whole loss divided by
    """

    def __init__(self, ranks, net, loss, check_finite=False, done=0, optimizer=None, clip=None):
        super().__init__(net, loss, check_finite, done, optimizer, clip)
        if net.device != "cpu":
            raise DeviceError("shards are computed on CPUs; for a GPU use one process, and one shard")
        self.ranks, self.twin = ranks, Twin(net, loss, SUMS)
        self._others, self._new = [], True  # the other twins, where shards are computed in turns
        self._means = getattr(loss, "reduction", "mean") != "sum"
        self._calls = 0

    @property
    def reason(self):
        return self.twin.step.reason

    def batches(self, train):
        """This rank's part (x, y) of each batch of an epoch, and nothing else is fetched; all of each batch, if the
        loader makes its batches in a way of its own.
        """
        self.ranks.expect_alike("data", alike.of_loader(train), "give all the same data and batches")
        self._others = []  # made anew, for the network as it is now
        return self._parts(train) if fetches_parts(train) else iter(train)

    def _parts(self, train):
        (first, last), bounds = self.ranks.own, None

        def own(index):
            nonlocal bounds
            bounds = cut(len(index), self.ranks.shards)
            return index[bounds[first] : bounds[last]]

        try:
            for x, y in train.batches(part=own):
                self.ranks.give(x, bounds)
                yield x, y
        finally:
            self.ranks.bounds = None

    def __call__(self, x, y):
        """The loss of the whole batch; x and y are this rank's part of it, as `batches` gives it, or all of it."""
        if len(x) != len(y):
            raise ShapeError(f"expects as many targets as inputs, got {len(x)} inputs and {len(y)} targets")
        self._calls += 1
        bounds, start = self._cut(x)
        shards = []
        for s in range(*self.ranks.own):
            first, last = bounds[s], bounds[s + 1]
            part = slice(first - start, last - start)
            shards.append((Shard(s, first, last - first), x[part], y[part]))
        L = self._summed(shards, samples=bounds[-1])
        if self.check_finite and not math.isfinite(L) and self.terms:
            self._blame()
        self.done, self._ready = self.done + 1, True
        return L

    def _cut(self, x):
        """(bounds of all shards, which sample of the batch is the first of those given as x)"""
        count, (first, last) = len(x), self.ranks.own
        bounds = self.ranks.given(x) or cut(count, self.ranks.shards)
        if count == bounds[last] - bounds[first]:
            return bounds, bounds[first]
        if count == bounds[-1]:
            return bounds, 0
        part = bounds[last] - bounds[first]
        raise ShapeError(f"expects this rank's part of a batch, {part} samples, or all {bounds[-1]} of it, got {count}")

    def _summed(self, shards, samples):
        """The loss of the whole batch of so many samples. Its gradients wait for `backward`."""
        ranks, state, self._bad, self.samples = self.ranks, self.twin.state, [], samples
        if not self._known():
            state.find()
        if self._new:
            cure = "make it within the block, or after bp.manual_seed(...)"
            ranks.expect_alike("network", alike.of_network(self.net, self.loss), cure)
        place, theirs, *rooms = state.begin(vectors=2 + levels(len(shards)))
        self.twin.begin()
        if any(getattr(module, "gathers", False) for module in state.all_modules()):
            compute = self._in_lockstep(shards)
        else:
            compute = functools.partial(self._differentiate, self.twin)
        self.scores, scores = None, []

        def leaf(s):
            shard, x, y = shards[s - ranks.own[0]]
            twin = compute(shard, x, y)
            twin.state.write(place, [*twin.numbers, 0, 0, 0, 0], shard.size / max(samples, 1))
            scores.extend([] if twin.scores is None else [(twin.scores.copy(), y)])
            return place

        with ranks.in_turn() if self._new else contextlib.nullcontext():  # the first time kernels are compiled
            mine = within(leaf, *ranks.own, *rooms)
        self._new = False
        mine.parts[0][2:SUMS] = *self._counts(scores), ranks.asks(), self._calls
        between(mine, theirs, ranks)
        total, self.terms, right, self.answers, stop, calls = state.end(mine, self._scale)
        if calls != ranks.size * self._calls:
            raise RankError("the ranks are at different batches: one of them left some out")
        self.right, ranks.stopping = right if self.answers else math.nan, stop > 0
        if not self._means:
            return total
        return total / self.terms if self.terms else math.nan

    def _known(self):
        """Whether parameters, buffers and streams are those of the step before: their recording still holds, once
        gradients go where they went then.
        """
        recorded = self.twin.step.recorded
        if self._new or recorded is None:
            return False
        self.twin.state.aim()
        return recorded.holds()

    def _differentiate(self, twin, shard, x, y):
        """Let a twin compute the loss and the gradients of one shard. Returns it."""
        twin.state.rewind()
        twin.numbers, twin.scores = (0.0, 0), None
        self.ranks.alive()
        if not shard.size and shard.total is None:
            return twin
        with computing(shard):
            L, terms = twin.forward(x, y), twin.step.terms
            if self.check_finite and not math.isfinite(L) and terms:
                self._bad.append((shard, x, y))
            weight = terms / self.samples if self._means else 1
            twin.step.differentiate(weight)
        for parameter in twin.of_loss():  # what a loss has added to the gradients of its own
            if parameter.grad is not None:
                parameter.grad[...] *= weight
        twin.numbers = (L if not self._means else L * terms if terms else 0.0), terms
        twin.scores = twin.step.scores
        return twin

    def _in_lockstep(self, shards):
        """Compute all shards, each by a twin of its own, so that each can wait for sums over all of them. Returns a
        function that, for a shard, returns the twin that has computed it.
        """
        if not all(twin.is_like(self.twin) for twin in self._others):
            self._others = []
        while len(self._others) < len(shards) - 1:
            self._others.append(self.twin.another(SUMS))
        twins, tasks = {}, []
        for twin, (shard, x, y) in zip([self.twin, *self._others], shards, strict=True):
            if twin is not self.twin:
                twin.begin()
                twin.follow(self.twin)
                twin.state.begin(vectors=1)
            twins[shard.number] = twin
            tasks.append(
                lambda total, twin=twin, shard=shard, x=x, y=y: self._differentiate(
                    twin, shard._replace(total=total), x, y
                )
            )
        Lockstep(tasks, self.ranks.added).run()
        return lambda shard, x, y: twins[shard.number]

    def _counts(self, scores):
        """(right, answers) of this rank's shards, counted at once: whole numbers add up in any order."""
        if not scores:
            return 0, 0
        self.scores, y = map(np.concatenate, zip(*scores, strict=True))
        right, answers = count_correct(self.loss, self.scores, y)
        return right if answers else 0, answers

    def _scale(self, numbers):
        """B / terms"""
        terms = numbers[1]
        return self.samples / terms if self._means and terms else 1

    def _blame(self):
        """Say where NaN or infinity came from, on the rank that met it first."""
        self.twin.state.rewind()
        for _, x, y in self._bad:  # where statistics are gathered, one spoils all
            nonfinite.expect_batch(x, y, self.done)
        for shard, x, y in self._bad:
            with computing(shard._replace(total=None)):
                nonfinite.blame(self.net, x, y, step=self.done)
        error = NonFiniteError(f"step {self.done}: the loss is not finite")
        error.elsewhere = True  # another rank knows more
        raise error

    def counted(self, y):
        """(samples, right, answers) of the whole of the last batch."""
        return self.samples, self.right, self.answers

    def differentiate(self):
        """Add the gradients of the whole batch to those of the parameters."""
        self.twin.state.add_gradients()
