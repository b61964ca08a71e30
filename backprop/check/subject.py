"""One number L of a module at some inputs, and the gradients of it that backward gives: what gradcheck judges."""

import contextlib
import math

import numpy as np

from backprop.errors import ShapeError
from backprop.kernels.device import device_of, is_array, to_host
from backprop.kernels.transfer import assign, to_device


class Subject:
    """A private copy of a module with inputs of one element type, a probe, and L = sum r * f(x)."""

    def __init__(self, module, inputs, dtype, seed, answered=None):
        self.module, self.dtype = module.bare_copy().to("cpu" if dtype == np.complex128 else module.device), dtype
        self.module.to(dtype)
        self.inputs = [_as_type(to_host(a), dtype) for a in inputs]
        self.device = "cuda" if dtype != np.complex128 and "cuda" in [module.device, *map(device_of, inputs)] else "cpu"
        self.learning = [(path, p) for path, p in self.module.named_parameters() if p.requires_grad]
        self.values = {path: to_host(p.data) for path, p in self.learning}  # p.data itself if it is on the CPU
        self.buffers = [(b, to_host(b.data).copy()) for _, b in self.module.named_buffers()]
        self.streams = [(stream, stream.seed, stream.step) for _, stream in self.module.named_streams()]
        self.cuts = None  # the shapes of the outputs, if there are several
        self.notes = {}  # what was noticed besides the gradients, in the order of first appearance
        output = self.run()
        if not same(output, self.run()):
            self._note("two calls with the same input give different values: does forward draw, or count, anything?")
        probe = np.random.default_rng(seed).standard_normal(np.shape(output)).astype(dtype)
        self.probe = probe if isinstance(output, np.ndarray) else probe.item()
        self.misfit = {}  # input -> the delta that backward returned for it, if its shape differs
        self.answered = len(_deltas(self.backward(self.probe))) if answered is None else answered
        if self.answered > len(inputs):
            raise ShapeError(f"backward returns {self.answered} deltas, forward was given {len(inputs)} inputs")

    def run(self):
        """f(x), with the same random numbers and buffers in every call. It is given copies: whatever it does to them,
        it is judged by what it returns.
        """
        for stream, seed, step in self.streams:
            stream.seek(seed, step)
        for buffer, kept in self.buffers:
            assign(buffer.data, kept)
        if self.device == "cuda":
            for path, p in self.learning:
                p.data.fill_from(self.values[path])
        self.given = [to_device(a.copy(), self.device) for a in self.inputs]
        with self._looking("forward"):
            output = self.module(*self.given)
        if isinstance(output, tuple):  # all in a row
            output = tuple(each for each in output if each.dtype.kind in "fc")
            self.cuts = [each.shape for each in output]
            return np.concatenate([to_host(each).reshape(-1) for each in output])
        return to_host(output) if is_array(output) else output

    def backward(self, delta):
        """What the module's backward returns for a NumPy array, or a number, as NumPy arrays."""
        given = to_device(delta.copy(), self.device) if isinstance(delta, np.ndarray) else delta
        with self._looking("backward"):
            below = self.module.backward(*self._cut(given))
        below = tuple(map(_here, below)) if isinstance(below, tuple) else _here(below)
        if not same(given, delta):
            self._note("backward overwrites the delta it is given, which others may use, too; use a new array")
        return below

    def _cut(self, delta):
        """delta as the deltas of several outputs, where there are several."""
        if self.cuts is None:
            return [delta]
        ends = np.cumsum([math.prod(shape) for shape in self.cuts])
        return [part.reshape(shape) for part, shape in zip(np.split(delta, ends[:-1]), self.cuts, strict=True)]

    @contextlib.contextmanager
    def _looking(self, method):
        """Note what the method does to inputs and parameters, and undo the latter."""
        before = {path: a.copy() for path, a in self.values.items()} if self.device == "cpu" else {}
        given = [np.array(to_host(a)) for a in self.given]
        yield
        if not all(map(same, self.given, given)):
            self._note(f"{method} overwrites its input, which may be another layer's cache, too; use a new array")
        for path, p in self.learning:
            if path in before and not (p.data is self.values[path] and same(p.data, before[path])):
                self._note(f"{method} changes its parameter {path}")
                self.values[path][...] = before[path]
                p.become((self.values[path], p.grad))

    def _note(self, words):
        self.notes.setdefault(words)

    def constant(self, path):
        """Which entries of an array never learn, such as an embedding's row for padding: booleans of its shape."""
        mask = np.zeros(self.arrays()[path].shape, bool)
        index = next((p.constant for name, p in self.learning if name == path), None)
        if index is not None:
            mask[index] = True
        return mask

    def loss(self):
        """L, a float or, for complex inputs, a complex number."""
        return np.sum(self.probe * self.run()).item()

    def scale(self):
        """The size of L's terms, plus a thousandth of what they would be if f were as large as its input.

        Round-off in f depends on what it computes with, which may be far larger than what it returns: a confident
        cross-entropy subtracts scores of size 20 to give a loss of 1e-9.
        """
        terms = self.probe * self.run()
        return float(np.sum(np.abs(terms)) + 1e-3 * np.sum(np.abs(self.probe)) * largest(self.inputs[0]))

    def roundoff(self):
        """How far an entry of a gradient may be off by round-off alone: some units in the last place."""
        size = max(largest(self.inputs[0]), largest(self.run()))
        return 16 * np.finfo(self.dtype).eps * largest(self.probe) * size

    def arrays(self):
        """Path -> each array that L is differentiated by."""
        return {**self.values, **self.answered_inputs()}

    def answered_inputs(self):
        """Name -> each input whose delta backward returns: the first, or as many as it returns in a tuple."""
        return {name: a for name, a in self._named_inputs() if a.dtype.kind in "fc"}

    def gradients(self, delta, passes=1):
        """Path -> a copy of dL/d(array), by backward, after `passes` forward-backward pairs from zero gradients."""
        self.module.zero_grad()
        for _ in range(passes):
            self.run()
            below = self.backward(delta)
        found = {path: np.zeros(p.shape) if p.grad is None else np.array(to_host(p.grad)) for path, p in self.learning}
        for (name, a), below_a in zip(self._named_inputs(), _deltas(below), strict=True):
            if a.dtype.kind not in "fc":
                continue  # whole numbers have no gradient
            fits = np.shape(below_a) == a.shape
            if not fits:
                self.misfit[name] = np.array(below_a)
            found[name] = np.array(below_a if fits else np.full(a.shape, np.nan))
        return found

    def _named_inputs(self):
        names = ["input"] if self.answered == 1 else [f"input {n + 1}" for n in range(self.answered)]
        return list(zip(names, self.inputs, strict=False))


def same(a, b):
    """Whether two arrays, or numbers, are equal entry by entry; NaN equals NaN."""
    a, b = (np.asarray(to_host(thing) if is_array(thing) else thing) for thing in (a, b))
    if a.shape != b.shape or a.tobytes() == b.tobytes():
        return a.shape == b.shape
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc")


def _here(delta):
    return to_host(delta) if is_array(delta) else delta


def _deltas(below):
    """What backward returned, as a tuple of deltas."""
    return below if isinstance(below, tuple) else (below,)


def _as_type(a, dtype):
    """A copy of an array of floats in another type; labels as they are."""
    a = np.asarray(a)
    return np.array(a, dtype=dtype, order="C") if a.dtype.kind == "f" else a


def largest(a):
    return float(np.max(np.abs(a), initial=0))
