"""Shards that need each other's sums on the way, as in a SyncBatchNorm, are computed in turns."""

import contextvars
import threading

from backprop import kernels


class Lockstep:
    """Runs tasks in threads of their own, one at a time: each until it ends or asks for a sum; then it is the next
    one's turn. When all have asked, add(arrays) is their sum, and the first goes on.

    A task is called with a function `total`: total(array) is the sum of what all tasks have asked with. All ask equally
    often, as the same network does.
    """

    def __init__(self, tasks, add):
        self._go = [threading.Semaphore(0) for _ in tasks]
        self._back, self._add = threading.Semaphore(0), add
        self._given, self._sum, self._error = [None] * len(tasks), None, None
        self._done = [False] * len(tasks)
        self._threads_each = kernels.get_num_threads()
        context = contextvars.copy_context
        self._threads = [
            threading.Thread(target=context().run, args=(self._one, place, task), daemon=True)
            for place, task in enumerate(tasks)
        ]

    def run(self):
        """Until all tasks have ended. Raises the first error of one of them, once every task has ended."""
        for thread in self._threads:
            thread.start()
        while not all(self._done):
            for place, go in enumerate(self._go):
                if not self._done[place]:
                    go.release()
                    self._back.acquire()
            if self._error is None and not all(self._done):
                self._sum = self._add(self._given)
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def _one(self, place, task):
        self._go[place].acquire()
        try:
            if self._error is None:
                kernels.set_num_threads(self._threads_each)
                task(lambda array: self._total(place, array))
        except BaseException as error:
            self._error = self._error or error
        finally:
            self._done[place] = True
            self._back.release()

    def _total(self, place, array):
        self._given[place] = array
        self._back.release()
        self._go[place].acquire()
        if self._error is not None:
            raise self._error
        return self._sum
