"""One step of training on a batch that is cut into shards: their gradients, added along the tree of sums.py.

The loss of the whole is a mean over all terms, so it is not the mean of the shards' means: shard s counts
terms[s] / terms. What is added is (terms[s] / B) gradient[s], with B samples in the batch, and the sum is multiplied by
B / terms, which is 1 unless some labels are ignored or weighed.
"""

import contextlib
import functools
import math

import numpy as np

from backprop.errors import DeviceError
from backprop.module.shard import Shard, computing
from backprop.training import nonfinite
from backprop.training.compiled import Compiled
from backprop.training.data import fetches_parts
from backprop.training.evaluate import count_correct
from backprop.training.parallel import alike
from backprop.training.parallel.lockstep import Lockstep
from backprop.training.parallel.sums import between, cut, levels, within
from backprop.training.parallel.twin import Twin

NUMBERS = 5  # of a batch that are added like gradients: total loss, terms, right, answers, requests to stop


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
        self.ranks, self.twin = ranks, Twin(net, loss, NUMBERS)
        self._others, self._new = [], True  # the other twins, where shards are computed in turns
        self._means = getattr(loss, "reduction", "mean") != "sum"
        self._given, self._bounds = None, None

    @property
    def reason(self):
        return self.twin.step.reason

    def batches(self, train):
        """This rank's part (x, y) of each batch of an epoch: nothing else is fetched."""
        self.ranks.expect_alike("data", alike.of_loader(train), "give all the same data and batches")
        self._others = []
        return self._parts(train) if fetches_parts(train) else iter(train)

    def _parts(self, train):
        for x, y in train.batches(part=self._own_part):
            self._given = x
            yield x, y

    def _own_part(self, index):
        self._bounds = cut(len(index), self.ranks.shards)
        first, last = self.ranks.own
        return index[self._bounds[first] : self._bounds[last]]

    def __call__(self, x, y):
        """The loss of the whole batch; x and y are all of it, or this rank's part where they come from `batches`."""
        whole = x is not self._given
        bounds = cut(len(x), self.ranks.shards) if whole else self._bounds
        start = 0 if whole else bounds[self.ranks.own[0]]
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

    def _summed(self, shards, samples):
        """The loss of the whole batch of so many samples. Its gradients wait for `backward`."""
        ranks, state, self._bad, self.samples = self.ranks, self.twin.state, None, samples
        if not self._known():
            state.find()
        if self._new:
            cure = "make it within the block, or after bp.manual_seed(...)"
            ranks.expect_alike("network", alike.of_network(self.net, self.loss), cure)
        place, theirs, *rooms = state.begin(vectors=2 + levels(len(shards)))
        self.twin.begin()
        if any(getattr(module, "gathers", False) for module in self.net.modules()):
            compute = self._in_turns(shards)
        else:
            compute = functools.partial(self._differentiate, self.twin)
        self.scores, scores = None, []

        def leaf(s):
            shard, x, y = shards[s - ranks.own[0]]
            twin = compute(shard, x, y)
            twin.state.write(place, [*twin.numbers, 0, 0, 0], shard.size / max(samples, 1))
            scores.extend([] if twin.scores is None else [(twin.scores.copy(), y)])
            return place

        with ranks.in_turn() if self._new else contextlib.nullcontext():  # the first time kernels are compiled
            mine = within(leaf, *ranks.own, *rooms)
        self._new = False
        mine.parts[0][2:NUMBERS] = *self._counts(scores), ranks.asks()
        between(mine, theirs, ranks)
        total, self.terms, right, self.answers, stop = state.end(mine, self._scale)
        self.right, ranks.stopping = right if self.answers else math.nan, stop > 0
        if not self._means:
            return total
        return total / self.terms if self.terms else math.nan

    def _known(self):
        """Whether parameters, buffers and streams are those of the step before."""
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
            if self.check_finite and not math.isfinite(L) and terms and self._bad is None:
                self._bad = shard, x, y
            twin.step.differentiate(terms / self.samples if self._means else 1)
        twin.numbers = (L if not self._means else L * terms if terms else 0.0), terms
        twin.scores = twin.step.scores
        return twin

    def _in_turns(self, shards):
        """Compute all shards, each by a twin of its own, so that each can wait for sums over all of them."""
        while len(self._others) < len(shards) - 1:
            self._others.append(self.twin.another(NUMBERS))
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
        if self._bad is not None:
            shard, x, y = self._bad
            with computing(shard._replace(total=None)):
                nonfinite.blame(self.net, x, y, step=self.done)
        raise self.ranks.elsewhere(f"step {self.done}: the loss is not finite")

    def counted(self, y):
        """(samples, right, answers) of the whole of the last batch."""
        return self.samples, self.right, self.answers

    def differentiate(self):
        """Add the gradients of the whole batch to those of the parameters."""
        self.twin.state.add_gradients()
