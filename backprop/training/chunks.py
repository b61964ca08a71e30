"""On a GPU: many training steps in one launch, with all their inputs and results in GPU memory.

A step of a small network is some fifteen kernels, which a GPU finishes before Python has launched the next ones. So the
calls of a recorded step (plan.py), with the gathering of its batch before and the optimizer after, are captured by the
driver as a graph of 64 steps, which one call runs. What differs from step to step is in tables on the GPU, a row for
each step: which images, the optimizer's numbers, the keys of dropout. The host fills the tables before the launch, and
reads the losses of all steps after it.

Every number is what `plan` computes step by step, to the last bit.
"""

import numpy as np

from backprop import kernels
from backprop.functional.shapes import split_at
from backprop.functional.targets import samples
from backprop.kernels.device import to_host
from backprop.kernels.transfer import new_array
from backprop.optim import Optimizer
from backprop.training.data import DataLoader

SIZES = 64, 8, 1  # steps of a chunk; small ones take what large ones leave of an epoch


class Chunks:
    """Chunks of steps for a plan, an optimizer and its schedule, over the batches of a loader."""

    def __init__(self, plan, optimizer, schedule, loader):
        self.plan, self.optimizer, self.schedule, self.loader = plan, optimizer, schedule, loader
        plain = has_all_of(loader, DataLoader) and has_all_of(optimizer, Optimizer, "step", "calls", "again", "update")
        self._possible = plain and loader.device == "cuda" and loader.dtype.kind == "f"
        self._kept = {}

    def next(self, order):
        """The Chunk for the first batches of `order`, the indices of the images to come, ready to be launched.

        The optimizer's step counts and its schedule are then those after the chunk. None if the next step must be run
        singly: the first one, which compiles the kernels and allocates what the others use; one with a smaller batch;
        and every step of a network that cannot be recorded or whose loss is not cross-entropy of labels, or of an
        optimizer without a kernel.
        """
        whole = len(order) // self.loader.batch_size
        step = self._step() if self._possible and whole else None
        if step is None:
            return None
        size = next(size for size in SIZES if size <= whole)
        updates = self._updates(step, size)
        chunk = self._kept.get(size)
        if chunk is None or not chunk.holds(step, updates):
            self._kept.pop(size, None)  # its memory is freed before the next one allocates some
            chunk = self._kept[size] = Chunk(step, self.loader, updates)
        chunk.prepare(order[: size * self.loader.batch_size], updates)
        return chunk

    def _step(self):
        """The recorded step for whole batches, or None until it has run."""
        self.optimizer.zero_grad()
        x, y = self.plan.room((self.loader.batch_size, *self.loader.images.shape[1:]), self.loader.dtype)
        step = None if x is None else self.plan.step(x, y)
        return step if step is not None and step.found is not None and step.done else None

    def _updates(self, step, size):
        """The optimizer's calls after each step, with the options that its schedule sets: lists of Update."""
        step.learned()
        updates, switches = [], None
        for _ in range(size):
            now = self.optimizer.switches()
            if now == switches:
                calls = zip(updates[-1], self.optimizer.again(), strict=True)
                updates.append([Update(last.kernel, last.all_parameters, numbers) for last, numbers in calls])
            else:
                updates.append([Update(*call) for call in self.optimizer.calls()])
            switches = now
            if self.schedule is not None:
                self.schedule.step()
        return updates


def has_all_of(thing, kind, *names):
    """Whether these methods, or all, are those of `kind`, overridden neither by a subclass nor on the thing itself."""
    methods = names or [name for name, value in vars(kind).items() if callable(value) and name != "__init__"]
    return all(getattr(type(thing), name) is getattr(kind, name) and name not in vars(thing) for name in methods)


class Update:
    """One call of an optimizer's kernel: its row of numbers, and the switches that choose its branches."""

    def __init__(self, kernel, all_parameters, numbers):
        from backprop.kernels.cuda.update import NUMBERS_OF

        self.kernel, self.all_parameters, self.numbers = kernel, all_parameters, numbers
        self.row, switches = NUMBERS_OF[kernel.__name__](*numbers)
        self.same = kernel, all_parameters, switches  # while these stay the same, the captured call can be rerun


class Chunk:
    """Some steps, captured once: `prepare`, `launch`, `read`, and again with other batches."""

    def __init__(self, step, loader, updates):
        from backprop.kernels.cuda.all_parameters import NUMBERS
        from backprop.kernels.cuda.machine import machine

        self.step, self.loader, self.size = step, loader, len(updates)
        self._written, self._rows = [[update.same for update in some] for some in updates], None
        self.order = new_array((self.size * loader.batch_size,), np.int64)
        self.keys = new_array((self.size, len(step.keys)), np.uint64)
        self.tables = [new_array((self.size, NUMBERS), update.all_parameters.dtype) for update in updates[0]]
        self.found, self.correct = new_array((self.size, 3), np.float64), new_array((self.size, 2), np.int64)
        self.graph = machine().captured(lambda: [self._write_down(row, some) for row, some in enumerate(updates)])

    def _write_down(self, row, updates):
        """The launches of one step, over its rows of the tables."""
        step, size = self.step, self.loader.batch_size
        own = {id(step.found): self.found[row]}
        own |= {id(drawn.key): self.keys[row, n : n + 1] for n, drawn in enumerate(step.keys)}
        forward, backward = step.calls
        self.loader.fetch(self.order[row * size : (row + 1) * size], step.x, step.y)
        for kernel, args in forward:
            kernel(*[own.get(id(a), a) for a in args])
        scores, y = split_at(step.scores, 1), samples(step.y, 1)
        kernels.load("cuda").count_correct(scores, y, step.loss.ignore_index, self.correct[row])
        for kernel, args in backward:
            kernel(*[own.get(id(a), a) for a in args])
        for table, update in zip(self.tables, updates, strict=True):
            with update.all_parameters.reading(table[row]):
                update.kernel(update.all_parameters, *update.numbers)

    def holds(self, step, updates):
        """Whether capturing these now would give the same graph."""
        return step is self.step and self._written == [[update.same for update in some] for some in updates]

    def prepare(self, order, updates):
        """Compute the tables' next contents, while the GPU may still be using the current ones."""
        from backprop.kernels.cuda.all_parameters import padded

        streams = [drawn.stream for drawn in self.step.keys]
        keys = [[stream.draw() for stream in streams] for _ in updates] if streams else None
        rows = [[padded(update.row) for update in of_steps] for of_steps in zip(*updates, strict=True)]
        self.ready = order, keys, rows

    def launch(self):
        """Fill the tables and run all steps. Returns the indices of their images, for `read`: by then, `ready` may
        belong to the next steps.
        """
        order, keys, rows = self.ready
        self.order.fill_from(order)
        if keys:
            self.keys.fill_from(keys)
        if rows != self._rows:
            for table, own in zip(self.tables, rows, strict=True):
                table.fill_from(own)
            self._rows = rows
        self.graph.launch()
        return order

    def read(self, order):
        """(losses, terms, right answers, answers), a list each, of the steps launched last, once they are done."""
        found, correct = to_host(self.found).tolist(), to_host(self.correct).T.tolist()
        for row, (_, _, bad) in enumerate(found):
            if bad >= 0:
                index = order[row * self.loader.batch_size :][: self.loader.batch_size]
                self.step.loss(self.step.scores, self.loader.fetch(index)[1])  # raises the error that says which label
        losses = [total / used if used else np.nan for total, used, _ in found]
        return losses, [used for _, used, _ in found], *correct
