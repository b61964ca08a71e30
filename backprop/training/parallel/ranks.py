"""`bp.parallel`: the processes that mpiexec started train one network together."""

import contextlib
import os
import socket
import sys
import textwrap
import weakref

import numpy as np

from backprop import kernels
from backprop.errors import RankError
from backprop.module.options import above_zero, whole
from backprop.module.rng import generator
from backprop.training.parallel import alike, mapped, mpi, running
from backprop.training.parallel.ending import end, sendable, silence
from backprop.training.parallel.sharded import Sharded
from backprop.training.parallel.sums import between, levels, own_shards, within
from backprop.training.parallel.vector import Vector
from backprop.training.parallel.watcher import Watched
from backprop.training.parallel.wire import Wire

SHARDS = 8  # of a batch, where several processes may share it


def parallel(shards=None, patience=60.0, allow=()):
    """Within this block all processes that mpiexec started, the ranks, train one network (README.md beside this file):

        with bp.parallel():                          # mpiexec -n 4 python program.py
            bp.fit(net, loss, sgd, train, test, epochs=5)

    and so does a loop of your own, around `step = bp.compile(net, loss)` and `for x, y in step.batches(train)`.

    shards     into how many parts each batch is cut, 8 by default; 1 for a process alone. Each shard's gradients are
               computed apart and added in a fixed order: the same number of shards gives the same bits, whatever the
               number of ranks, a power of two that divides it.
    patience   seconds after which a rank that gives no sign of life ends them all
    allow      names of what may differ between ranks, though the bits may, too: "machine", "numpy", ... (alike.py)

    Every rank runs the same program. The first one shows the bar, prints, and writes checkpoints and weights; what the
    others print is dropped. Whoever raises an error ends them all. Without MPI only the shards make a difference.

    Yields Ranks. Raises RankError for ranks that cannot share the work, OptionError for a `shards` that is no number.
    """
    return Ranks(shards, patience, allow)


class Ranks:
    """The ranks of a `with bp.parallel()`: `rank` of `size`, with the shards `own` of `shards`; `first` if rank 0."""

    def __init__(self, shards=None, patience=60.0, allow=()):
        self.patience, self.allow = above_zero("patience", patience), frozenset(allow)
        self.shards = shards if shards is None else whole("shards", shards, 1)
        alike.expect_names(self.allow)
        self.rank, self.size, self.wire, self.here = 0, 1, None, [0]
        self.bounds, self._given = None, {}
        self.asks, self.stopping, self._known, self._watched = lambda: False, False, set(), Watched()

    @property
    def first(self):
        return self.rank == 0

    def __enter__(self):
        if running:
            raise RankError("bp.parallel() within bp.parallel(): one block is enough")
        self._entered = contextlib.ExitStack()
        comm = mpi.world()
        if comm is not None:
            self.wire = Wire(comm, self.patience)
            self.rank, self.size = self.wire.rank, self.wire.size
        if self.shards is None:
            self.shards = SHARDS if comm is not None else 1
        try:
            self._meet()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        self._entered.close()
        if self.size > 1:
            end(self.wire, self._watched, error)

    def step(self, *options):
        """The step of a network and a loss: see `bp.compile`."""
        return Sharded(self, *options)

    def expect_alike(self, name, value, cure):
        """Raise RankError unless the value is the same on all ranks, or its name allowed. Asked once for each value."""
        if self.size > 1 and (name, value) not in self._known:
            alike.expect(self.wire, {name: value}, self.allow, cure)
            self._known.add((name, value))

    def mapped(self, make):
        """What make() returns, called in one process of each machine; all others there map the memory of its arrays."""
        first, *others = self.here
        if not others:
            return make()
        found = self._shared(lambda: mapped.written(make()), self.here, patient=True)
        value = mapped.read(*found)
        if self.rank == first:
            for other in others:
                self.wire.receive(other)
            with contextlib.suppress(OSError):
                os.unlink(found[0])  # all have mapped it: its pages live as long as they do
        else:
            self.wire.send(None, first)
        return value

    def of_first(self, make):
        """What make() returns, called by the first rank alone."""
        return make() if self.size == 1 else self._shared(make, range(self.size), patient=True)

    @contextlib.contextmanager
    def in_turn(self):
        """In this block one process of each machine goes first, and compiles the kernels that the others will load."""
        first, *others = self.here
        if self.rank != first:
            self.wire.from_first(None, self.here)
        try:
            yield
        finally:  # after an error, too: the others will meet it as well
            if others and self.rank == first:
                self.wire.from_first(None, self.here)

    @contextlib.contextmanager
    def asking(self, asks):
        """Within this block asks() is whether this rank wants to stop; `stopping` is True once all have heard of it."""
        self.asks, self.stopping = asks, False
        try:
            yield
        finally:
            self.asks, self.stopping = lambda: False, False

    def give(self, x, bounds):
        """Remember that x is this rank's part of a batch whose shards have these bounds."""
        key, given = id(x), self._given
        given[key] = weakref.ref(x, lambda _: given.pop(key, None)), bounds
        self.bounds = bounds

    def given(self, x):
        """The bounds of the batch that x is a part of, as far as known."""
        return self._given.get(id(x), (None, self.bounds))[1]

    def total(self, numbers):
        """The sums of the numbers(s) over all shards s: a list."""
        *sums, stop = self.added([[*numbers(s), self.asks()] for s in range(*self.own)]).tolist()
        self.stopping = stop > 0
        return sums

    def added(self, arrays):
        """The sum over all shards of an array of float64 for each; `arrays` are those of this rank's."""
        first, last = self.own
        place, theirs, *rooms = (Vector([(np.shape(arrays[0]), np.float64)]) for _ in range(2 + levels(last - first)))

        def leaf(s):
            place.parts[0][...] = arrays[s - first]
            return place

        mine = within(leaf, first, last, *rooms)
        between(mine, theirs, self)
        return mine.parts[0]

    def seen(self, some):
        """Iterate over something long, with signs of life."""
        for each in some:
            self.alive()
            yield each

    def exchange(self, given, taken, other):
        """Send the bytes `given` to another rank, and receive others into `taken`."""
        self.wire.exchange(given, taken, other)

    def alive(self):
        """Give the other ranks a sign of life."""
        if self.wire is not None:
            self.wire.alive()

    def _shared(self, make, ranks, patient=False):
        """What make() returns, called by the first of these ranks, or its error, on all of them."""
        found = error = None
        if self.rank == ranks[0]:
            try:
                found = make()
            except Exception as raised:
                error = raised
        found, said = self.wire.from_first((found, error and sendable(error)), ranks, patient)
        if said is not None:
            raise error or said
        return found

    def _meet(self):
        """What every rank does before the block: it is compared with the others, and told its place."""
        if self.size > 1:
            alike.expect(self.wire, alike.of_process(), self.allow, "use the same on all")
            alike.expect(self.wire, {"shards": self.shards}, (), "give all the same")
        self.own = own_shards(self.rank, self.size, self.shards)
        if self.size > 1:
            self._take_place()
        if self.shards > 1:
            running.append(self)
            self._entered.callback(running.remove, self)

    def _take_place(self):
        """Find the ranks of this machine, and share its cores with them."""
        every = self.wire.everyone((socket.gethostname(), os.getpid(), mpi.cores()))
        host = every[self.rank][0]
        self.here = [rank for rank, (other, _, _) in enumerate(every) if other == host]
        self.wire.near = sorted({*self.wire.near, *(self.here if self.rank == self.here[0] else ())} - {self.rank})
        cores = len(set().union(*(every[rank][2] for rank in self.here)))
        threads = self._share_cores(cores)
        self._watched.begin(self.wire, self.here)
        self._same_randomness()
        self._entered.enter_context(kernels.on_compile(lambda name: self.alive(), shows=not self.first))
        if not self.first:
            self._entered.enter_context(silence())
        else:
            self._introduce(every, cores, threads)

    def _share_cores(self, cores):
        """Let this rank's kernels use its part of a machine's cores. Returns how many."""
        if kernels.active() != "cpu":
            return 1
        before = kernels.get_num_threads()
        threads = max(1, min(cores // len(self.here), before))
        kernels.set_num_threads(threads)
        self._entered.callback(kernels.set_num_threads, before)
        return threads

    def _same_randomness(self):
        """All ranks draw what the first one would: initial weights, orders, masks."""
        bits = generator().bit_generator
        bits.state = self.wire.from_first(bits.state, range(self.size))

    def _introduce(self, every, cores, threads):
        """Say who takes part, by the process numbers that mpiexec and `kill` know them by."""
        places = {}
        for rank, (host, process, _) in enumerate(every):
            places.setdefault(host, []).append(f"{rank} is {process}")
        lines = [f"{self.size} ranks share {self.shards} shards, {threads} thread{'s' * (threads > 1)} each"]
        lines += [f"  processes on {host}: {', '.join(names)}" for host, names in places.items()]
        if len(self.here) > cores:
            lines.append(
                f"note: {len(self.here)} ranks for {cores} core{'s' * (cores > 1)}: they wait for each other's turns, "
                "so more of them make it slower"
            )
        text = "\n".join(textwrap.fill(line, 79, subsequent_indent="    ") for line in lines)
        print(text, file=sys.stderr, flush=True)
