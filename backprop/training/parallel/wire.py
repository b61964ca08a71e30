"""What goes between ranks, over MPI: numbers, objects, and signs of life while they wait for each other."""

import os
import pickle
import time

import numpy as np

from backprop.errors import RankError

SPINS = 200  # looks for a message before others may have the core
LONG = 0.01  # seconds of waiting after which a rank sleeps between two looks
SLEEP = 0.0005
SIGNS = 1.0  # seconds between two signs of life
NUMBERS, OBJECTS, ALIVE, LAST = range(1, 5)  # the tags of messages

give_way = getattr(os, "sched_yield", lambda: time.sleep(0))


class Wire:
    """One rank's end of the connections to all others. `comm` is MPI's communicator, of no use to anybody else.

    A rank that waits gives its core away and looks for signs of life: whoever it waits for must send a number or a sign
    within `patience` seconds. Everyone who waits, compiles or evaluates sends signs, so only a rank that does nothing
    of this is ever called silent.
    """

    def __init__(self, comm, patience):
        self.comm, self.patience = comm, patience
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.heard, self._sign, self._signs = {}, np.zeros(1), []
        self._next_sign = 0.0
        distances = [1 << k for k in range(self.size.bit_length())]
        near = {self.rank ^ distance for distance in distances} | {0} if self.rank else range(self.size)
        self.near = sorted(other for other in near if other < self.size and other != self.rank)

    def exchange(self, given, taken, other):
        """Send bytes to another rank, and take as many from it."""
        requests = [self.comm.Irecv(taken, other, NUMBERS), self.comm.Isend(given, other, NUMBERS)]
        self.until(lambda: all(request.Test() for request in requests), other)

    def send(self, value, other, tag=OBJECTS):
        """Send an object, which `receive` gets there."""
        content = np.frombuffer(pickle.dumps(value), np.uint8)
        request = self.comm.Isend(content, other, tag)
        self.until(request.Test, other)

    def receive(self, other, patient=False, tag=OBJECTS):
        """The next object from another rank. `patient`: however long it takes."""
        found = []

        def there():
            message = self.comm.Improbe(other, tag, status)
            found.extend([] if message is None else [message])
            return bool(found)

        status = self._status()
        self.until(there, None if patient else other)
        content = np.empty(status.Get_elements(self._byte()), np.uint8)
        found[0].Recv(content)
        return pickle.loads(content)

    def everyone(self, value, tag=OBJECTS):
        """The values of all ranks, in their order, on each of them."""
        if self.rank:
            self.send(value, 0, tag)
            return self.receive(0, tag=tag)
        values = [value, *(self.receive(other, tag=tag) for other in range(1, self.size))]
        for other in range(1, self.size):
            self.send(values, other, tag)
        return values

    def from_first(self, value, ranks, patient=False):
        """The value of the first of these ranks, on all of them."""
        if self.rank != ranks[0]:
            return self.receive(ranks[0], patient)
        for other in ranks[1:]:
            self.send(value, other)
        return value

    def alive(self):
        """Tell those who may wait for this rank that it is at work; at most once a second."""
        now = time.monotonic()
        if now < self._next_sign:
            return
        self._next_sign = now + SIGNS
        self._signs = [request for request in self._signs if not request.Test()]
        self._signs += [self.comm.Isend(self._sign, other, ALIVE) for other in self.near]

    def until(self, ready, other=None, seconds=None):
        """Wait until ready() is true. Returns whether it is, which can be False after so many `seconds`.

        Raises RankError if the rank `other` gives no sign of life for longer than `patience`.
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
                self.alive()
                self._listen(now)
                silent = now - max(began, self.heard.get(other, began))
                if other is not None and silent > self.patience:
                    raise RankError(f"rank {other} has given no sign of life for {silent:.0f} s", silent=other)
        return True

    def _listen(self, now):
        """Take in the signs of life that have arrived."""
        got, status = np.empty(1), self._status()
        while self.comm.Iprobe(tag=ALIVE, status=status):
            self.comm.Recv(got, status.Get_source(), ALIVE)
            self.heard[status.Get_source()] = now

    def barrier(self, seconds=None):
        """Wait for all ranks. Returns whether all came, which can be False after so many seconds."""
        request = self.comm.Ibarrier()
        return self.until(request.Test, None, seconds)

    def abort(self):
        """End all ranks at once."""
        self.comm.Abort(1)

    @staticmethod
    def _status():
        from mpi4py import MPI

        return MPI.Status()

    @staticmethod
    def _byte():
        from mpi4py import MPI

        return MPI.BYTE
