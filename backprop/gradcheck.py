"""The gradient check: what backward returns, against what forward's values alone say.

The checked number is L = sum r * f(x) with a random probe r. (With r all ones, a backward that permutes delta, or
ignores it, could pass.) dL/d(entry) comes from finite differences in float64 for every entry of every parameter and
of the input, and beside them, where the module is analytic, from the complex step on the reference kernels.
"""

import copy
import dataclasses

import numpy as np

from backprop import differences, kernels
from backprop.module import Module
from backprop.report import Report, Row

RTOL = 1e-6  # against finite differences in float64: far below any real mistake, far above their error
COMPLEX_RTOL = 1e-12
FLOAT32_RTOL = 1e-4  # of the float32 backward against the float64 one
SMALL = 1e-3  # entries below this part of their array's largest are judged against that part
MOST_ENTRIES = 1000  # of one array; a larger array is sampled, and the table says so


def gradcheck(module, *inputs, dtype=np.float64, seed=0, max_entries=MOST_ENTRIES):
    """Check every gradient of `module` at `inputs`. Returns a Report: print it, or call `raise_if_wrong()`.

    module       a Module; it is copied, and keeps its parameters, gradients, caches and hooks
    inputs       what it is called with; arrays of floats are converted, and the first one's gradient is checked
    dtype        np.float64: backward against differences. np.float32: the float32 backward against the float64 one.
    seed         of the probe, and of the sample where an array has more than `max_entries` entries

    Also demanded: delta = 0 gives gradients 0, and two forward-backward pairs give twice the gradients of one.

    Inputs must keep away from kinks and ties (relu at 0): there a derivative does not exist, and the verdict says so.
    The kernels are those in use (`bp.use_kernels`).
    """
    rng = np.random.default_rng(seed)
    trial = Trial(module, inputs, np.float64, rng)
    if np.dtype(dtype) == np.float32:
        rows = _compare_types(trial, Trial(module, inputs, np.float32, np.random.default_rng(seed)))
    else:
        rows = _compare_differences(trial, module, inputs, rng, max_entries)
    return Report(_title(module), rows)


Module.check = gradcheck  # `layer.check(x)`: this file lies above module.py, so the method comes down from here


class Trial:
    """A private copy of a module with inputs of one element type, a probe, and L = sum r * f(x)."""

    def __init__(self, module, inputs, dtype, rng):
        self.module = copy.deepcopy(module).to(dtype)
        for part in self.module.modules():
            vars(part).pop("_hooks", None)
        self.inputs = [_as_type(a, dtype) for a in inputs]
        output = self.module(*self.inputs)
        self.probe = rng.standard_normal(np.shape(output)).astype(dtype)
        if not isinstance(output, np.ndarray):
            self.probe = self.probe.item()

    def loss(self):
        """L, a float or, for complex inputs, a complex number."""
        return np.sum(self.probe * self.module(*self.inputs)).item()

    def arrays(self):
        """Path -> the array that L depends on."""
        learning = {path: p.data for path, p in self.module.named_parameters() if p.requires_grad}
        first = self.inputs[0]
        return {**learning, "input": first} if first.dtype.kind in "fc" else learning

    def gradients(self, probe=None, passes=1):
        """Path -> dL/d(array) by backward, after `passes` forward-backward pairs from no gradients."""
        probe = self.probe if probe is None else probe
        self.module.zero_grad()
        for _ in range(passes):
            self.module(*self.inputs)
            delta = self.module.backward(probe)
        found = {path: _grad(p) for path, p in self.module.named_parameters() if p.requires_grad}
        return {**found, "input": delta} if "input" in self.arrays() else found


def _compare_differences(trial, module, inputs, rng, max_entries):
    gradients = {path: np.array(g) for path, g in trial.gradients().items()}
    zero = trial.gradients(probe=trial.probe * 0)
    twice = {path: np.array(g) for path, g in trial.gradients(passes=2).items()}
    exact = _complex_trial(module, inputs, trial.probe) if _is_analytic(module) else None
    floor = 10 * RTOL * max(1, abs(trial.loss()))
    rows = []
    for path, theta in trial.arrays().items():
        entries = np.arange(theta.size)
        if theta.size > max_entries:
            entries = np.sort(rng.choice(theta.size, max_entries, replace=False))
        backward = gradients[path].reshape(-1)[entries]
        numeric, uncertainty = differences.central(trial.loss, theta, entries)
        row = _judge(path, theta.shape, entries, backward, numeric, uncertainty, RTOL, floor)
        if row.verdict != "ok" and _is_kink(trial.loss, theta, entries[row.worst]):
            row = dataclasses.replace(row, verdict="kink")
        if row.ok and np.any(zero[path]):
            row = dataclasses.replace(row, verdict="WRONG: delta = 0 gives a gradient")
        passes = 1 if path == "input" else 2  # the input's delta is returned anew by each pass, not added up
        if row.ok and _largest(twice[path] - passes * gradients[path]) > COMPLEX_RTOL * _largest(gradients[path]):
            row = dataclasses.replace(row, verdict="WRONG: two passes do not double it")
        if exact is not None:
            with kernels.use_kernels("reference"):
                by_complex = differences.complex_step(exact.loss, exact.arrays()[path], entries)
            row = _with_complex(row, backward, by_complex)
        rows.append(row)
    return rows


def _compare_types(double, single):
    expected, found = double.gradients(), single.gradients()
    rows = []
    for path, theta in double.arrays().items():
        a, b = found[path].reshape(-1).astype(np.float64), expected[path].reshape(-1)
        rows.append(_judge(path, theta.shape, np.arange(a.size), a, b, np.zeros(a.size), FLOAT32_RTOL, 1e-6))
    return rows


def _judge(path, shape, entries, backward, numeric, uncertainty, rtol, floor):
    """The row of one array: its worst entry, and whether that decides for or against backward."""
    if not entries.size:
        return Row(path, shape, 0, 0, 0.0, 0.0, (), 0.0, 0.0, None, "ok")
    finite = np.isfinite(backward)
    size = _sizes(np.where(finite, backward, 0), numeric, floor)
    error = np.where(finite, np.abs(backward - numeric), np.inf)
    decided_wrong = ~finite | (error - uncertainty > rtol * size)
    undecided = ~(error + uncertainty <= rtol * size) & ~decided_wrong
    verdict = "WRONG" if decided_wrong.any() else "undecided" if undecided.any() else "ok"
    blame = error if verdict != "undecided" else np.where(undecided, error + uncertainty, -1)
    worst = int(np.argmax(blame / size))
    return Row(
        path,
        shape,
        entries.size,
        worst,
        float(error.max()),
        float((error / size).max()),
        tuple(map(int, np.unravel_index(entries[worst], shape))),
        float(backward[worst]),
        float(numeric[worst]),
        None,
        verdict,
    )


def _with_complex(row, backward, by_complex):
    if not by_complex.size:
        return row
    error = float((np.abs(backward - by_complex) / _sizes(backward, by_complex, 1e-300)).max())
    verdict = row.verdict
    if verdict == "ok" and not error <= COMPLEX_RTOL:
        verdict = "WRONG: by the complex step"
    return dataclasses.replace(row, complex_error=error, verdict=verdict)


def _sizes(a, b, floor):
    """What an error at each entry is relative to: the entry, but no less than SMALL of the largest, or `floor`."""
    return np.maximum(np.maximum(np.abs(a), np.abs(b)), max(SMALL * _largest(b), floor))


def _title(module):
    return type(module).__name__ if module.children() else f"{type(module).__name__}({module.extra_repr()})"


def _largest(a):
    return float(np.max(np.abs(a), initial=0))


def _is_kink(loss, theta, entry):
    """Whether the derivatives from the left and from the right both exist and differ."""
    (right, right_error), (left, left_error) = (differences.one_sided(loss, theta, entry, d) for d in (1, -1))
    return abs(right - left) > 10 * (right_error + left_error) + 1e-6 * (abs(right) + abs(left))


def _is_analytic(module):
    return all(part.analytic for part in module.modules())


def _complex_trial(module, inputs, probe):
    with kernels.use_kernels("reference"):
        trial = Trial(module, inputs, np.complex128, np.random.default_rng(0))
    trial.probe = probe
    return trial


def _as_type(a, dtype):
    a = np.asarray(a)
    return np.array(a, dtype=dtype, order="C") if a.dtype.kind == "f" else a


def _grad(parameter):
    return np.zeros(parameter.shape, parameter.dtype) if parameter.grad is None else parameter.grad.copy()
