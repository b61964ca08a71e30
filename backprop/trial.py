"""One number L of a module at some inputs, and the gradients of it that backward gives: what gradcheck judges."""

import numpy as np

from backprop.kernels.device import device_of, is_array, to_host
from backprop.kernels.transfer import to_device


class Trial:
    """A private copy of a module with inputs of one element type, a probe, and L = sum r * f(x)."""

    def __init__(self, module, inputs, dtype, seed, answered=None):
        self.module, self.dtype = module.bare_copy().to("cpu" if dtype == np.complex128 else module.device), dtype
        self.module.to(dtype)
        self.inputs = [_as_type(to_host(a), dtype) for a in inputs]
        self.device = "cuda" if dtype != np.complex128 and "cuda" in [module.device, *map(device_of, inputs)] else "cpu"
        self.values = {path: to_host(p.data) for path, p in self._learning()}  # p.data itself where it lies here
        self.streams = [(stream, stream.seed, stream.step) for _, stream in self.module.named_streams()]
        output = self.run()
        probe = np.random.default_rng(seed).standard_normal(np.shape(output)).astype(dtype)
        self.probe = probe if isinstance(output, np.ndarray) else probe.item()
        self.misfit = {}  # input -> the delta that backward returned for it, where that has another shape
        self.answered = len(_deltas(self.backward(self.probe))) if answered is None else answered

    def run(self):
        """f(x), with the same random numbers in every call."""
        for stream, seed, step in self.streams:
            stream.seek(seed, step)
        if self.device == "cpu":
            return self.module(*self.inputs)
        for path, p in self._learning():
            p.data.fill_from(self.values[path])
        output = self.module(*[to_device(a) for a in self.inputs])
        return to_host(output) if is_array(output) else output

    def backward(self, delta):
        """What the module's backward returns for a NumPy array, or a number, as NumPy arrays."""
        delta = to_device(delta, self.device) if isinstance(delta, np.ndarray) else delta
        below = self.module.backward(delta)
        return tuple(map(_here, below)) if isinstance(below, tuple) else _here(below)

    def loss(self):
        """L, a float or, for complex inputs, a complex number."""
        return np.sum(self.probe * self.run()).item()

    def scale(self):
        """The size of L's terms, with a thousandth of what they would be if f were as large as its input.

        Round-off in f follows what it computes with, which may be far larger than what it returns: a confident
        cross-entropy subtracts scores of size 20 to give a loss of 1e-9.
        """
        terms = self.probe * self.run()
        return float(np.sum(np.abs(terms)) + 1e-3 * np.sum(np.abs(self.probe)) * largest(self.inputs[0]))

    def roundoff(self):
        """How far an entry of a gradient may be off without any mistake: some units in the last place."""
        size = max(largest(self.inputs[0]), largest(self.run()))
        return 16 * np.finfo(self.dtype).eps * largest(self.probe) * size

    def arrays(self):
        """Path -> each array that L is differentiated by."""
        return {**self.values, **self.answered_inputs()}

    def answered_inputs(self):
        """Name -> each input of which backward returns the delta: the first, or as many as it returns in a tuple."""
        return {name: a for name, a in self._named_inputs() if a.dtype.kind in "fc"}

    def gradients(self, delta, passes=1):
        """Path -> a copy of dL/d(array), by backward, after `passes` forward-backward pairs from no gradients."""
        self.module.zero_grad()
        for _ in range(passes):
            self.run()
            below = self.backward(delta)
        found = {
            path: np.zeros(p.shape) if p.grad is None else np.array(to_host(p.grad)) for path, p in self._learning()
        }
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

    def _learning(self):
        return [(path, p) for path, p in self.module.named_parameters() if p.requires_grad]


def _here(delta):
    return to_host(delta) if is_array(delta) else delta


def _deltas(below):
    """What backward returned, one delta for each input that it answers."""
    return below if isinstance(below, tuple) else (below,)


def _as_type(a, dtype):
    """A copy of an array of floats in another type; labels as they are."""
    a = np.asarray(a)
    return np.array(a, dtype=dtype, order="C") if a.dtype.kind == "f" else a


def largest(a):
    return float(np.max(np.abs(a), initial=0))
