"""What goes between ranks, over MPI: numbers, objects, and signs of life while they wait for each other."""

import os
import pickle
import time
from typing import NamedTuple

import numpy as np

from backprop.errors import RankError
from backprop.training.parallel.sums import distances

SPINS = 200  # looks for a message before others may have the core
LONG = 0.01  # seconds of waiting after which a rank sleeps between two looks
SLEEP = 0.0005
SIGNS = 1.0  # seconds between two signs of life
NUMBERS, OBJECTS, ALIVE, LAST = range(1, 5)  # the tags of messages

AT_WORK, WAITING, AT_END = range(3)  # where a rank is
GRACE = 2.0  # seconds that a message may be on its way after its sender has come to the end
SAME = "do all ranks take the same way through the program?"

give_way = getattr(os, "sched_yield", lambda: time.sleep(0))


class Sign(NamedTuple):
    """A sign of life: when it was heard; when that rank, or one that it waits for, worked last; where it is."""

    heard: float
    worked: float
    where: int


class Wire:
    """One rank's end of the connections to all others. `comm` is MPI's communicator, used by nothing else.

    A rank that waits gives its core away and looks for signs of life: whoever it waits for must send what it waits for,
    or a sign, within `patience` seconds. All send signs: those that wait, compile or evaluate, and before each shard.
    So a rank is called silent only if it hangs, or if one shard takes longer than that.
    """

    def __init__(self, comm, patience):
        from mpi4py import MPI

        self.mpi, self.comm, self.patience = MPI, comm, patience
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.heard, self._signs, self._next_sign = {}, [], 0.0
        partners = {self.rank ^ distance for distance in distances(self)}
        near = partners | {0} if self.rank else range(self.size)  # those who may wait for this rank
        self.near = sorted(other for other in near if other < self.size and other != self.rank)

    def exchange(self, given, taken, other):
        """Send the bytes `given` to another rank, and receive others into `taken`."""
        requests = [self.comm.Irecv(taken, other, NUMBERS), self.comm.Isend(given, other, NUMBERS)]
        try:
            self.until(lambda: all(request.Test() for request in requests), other)
        except self.mpi.Exception as error:  # of MPI: what came was longer
            raise RankError(f"rank {other} sends something else than this rank expects; {SAME}") from error

    def send(self, value, other, tag=OBJECTS, what=""):
        """Send an object, which `receive` gets there; both say what it is."""
        content = np.frombuffer(pickle.dumps((what, value)), np.uint8)
        request = self.comm.Isend(content, other, tag)
        self.until(request.Test, other)

    def receive(self, other, patient=False, tag=OBJECTS, what=""):
        """The next object from another rank. `patient`: however long it takes."""
        found = []

        def there():
            message = self.comm.Improbe(other, tag, status)
            found.extend([] if message is None else [message])
            return bool(found)

        status = self.mpi.Status()
        self.until(there, None if patient else other)
        content = np.empty(status.Get_elements(self.mpi.BYTE), np.uint8)
        found[0].Recv(content)
        said, value = pickle.loads(content)
        if said != what:
            raise RankError(f"rank {other} sends something else than this rank expects; {SAME}")
        return value

    def everyone(self, value, tag=OBJECTS):
        """The values of all ranks, in their order, on each of them."""
        if self.rank:
            self.send(value, 0, tag, "everyone's")
            return self.receive(0, tag=tag, what="everyone's")
        values = [value, *(self.receive(other, tag=tag, what="everyone's") for other in range(1, self.size))]
        for other in range(1, self.size):
            self.send(values, other, tag, "everyone's")
        return values

    def from_first(self, value, ranks, patient=False):
        """The value of the first of these ranks, on all of them."""
        if self.rank != ranks[0]:
            return self.receive(ranks[0], patient, what="the first's")
        for other in ranks[1:]:
            self.send(value, other, what="the first's")
        return value

    def alive(self, worked=None, where=AT_WORK):
        """Tell those who may wait for this rank where it is, and since when nobody that it waits for has `worked`; at
        most once a second.
        """
        now = time.monotonic()
        if now < self._next_sign:
            return
        self._next_sign = now + SIGNS
        self._signs = [pair for pair in self._signs if not pair[0].Test()]
        sign = np.array([0.0 if worked is None else now - worked, where])
        self._signs += [(self.comm.Isend(sign, other, ALIVE), sign) for other in self.near]

    def until(self, ready, other=None, seconds=None, where=WAITING):
        """Wait until ready() is true. Returns whether it is, which can be False after so many `seconds`.

        Raises RankError if the rank `other` gives no sign of life for longer than `patience`; if it is at the end, from
        where it will send nothing more; and if it waits itself, and nobody down the line has worked for twice as long.
        """
        for _ in range(SPINS):
            if ready():
                return True
        began = look = time.monotonic()
        while not ready():
            now = time.monotonic()
            if seconds is not None and now - began > seconds:
                return False
            time.sleep(SLEEP) if now - began > LONG else give_way()
            if now > look:
                look = now + SIGNS / 2
                self._listen(now)
                worked = [sign.worked for rank, sign in self.heard.items() if other in (None, rank)]
                self.alive(max([began, *worked]), where)
                if other is not None:
                    self._expect_life(other, began, now)
        return True

    def _listen(self, now):
        """Take in the signs of life that have arrived."""
        got, status = np.empty(2), self.mpi.Status()
        while self.comm.Iprobe(tag=ALIVE, status=status):
            self.comm.Recv(got, status.Get_source(), ALIVE)
            self.heard[status.Get_source()] = Sign(now, now - got[0], int(got[1]))

    def _expect_life(self, other, began, now):
        sign = self.heard.get(other, Sign(began, began, AT_WORK))
        silent, idle = now - max(began, sign.heard), now - max(began, sign.worked)
        if silent > self.patience:
            raise RankError(f"rank {other} has given no sign of life for {silent:.0f} s", silent=other)
        if sign.where == AT_END and sign.heard > began + GRACE:
            raise RankError(f"rank {other} is at the end of the block, and this rank is not; {SAME}")
        if idle > 2 * self.patience:
            raise RankError(f"rank {other} waits as well, and none has worked for {idle:.0f} s; {SAME}", silent=other)

    def barrier(self, seconds=None):
        """Wait for all ranks at the end. Returns whether all came, which can be False after so many seconds."""
        request = self.comm.Ibarrier()
        return self.until(request.Test, None, seconds, AT_END)

    def abort(self):
        """End all ranks at once."""
        self.comm.Abort(1)
