"""The gradient check: what backward returns, against derivatives from forward's values alone.

The checked number is L = sum r * f(x) with a random probe r, so that backward is given r for its delta. (With r all
ones, a backward that permutes delta, or ignores it, could pass.) dL/d(entry) comes from finite differences in float64
for every entry of every parameter and of the input and, if the module is analytic, also from the complex step on the
reference kernels. For a wrong gradient, the diagnosis says what the mistake looks like.
"""

import dataclasses
import time

import numpy as np

from backprop import kernels
from backprop.check import differences
from backprop.check.diagnosis import SECONDS, diagnose
from backprop.check.report import Report
from backprop.check.subject import Subject, largest
from backprop.check.verdict import RTOL, TINY, is_kink, judge, with_complex_step
from backprop.errors import OptionError
from backprop.kernels.device import is_array, to_host
from backprop.module import Module

DOUBLE_RTOL = 1e-12  # of two passes against twice one pass: only the order of sums may differ
FLOAT32_RTOL = 1e-4  # of the float32 backward against the float64 one
MOST_ENTRIES = 1000  # of one array; a larger array is sampled, and the table says so


def gradcheck(module, *inputs, dtype=np.float64, seed=0, max_entries=MOST_ENTRIES):
    """Check every gradient of `module` at `inputs`. Returns a Report: print it, or call `raise_if_wrong()`.

    module       a Module; it is copied, and keeps its parameters, gradients, caches and hooks
    inputs       what it is called with; arrays of floats are converted, and the gradient of the first is checked or,
                 if backward returns a tuple of n, those of the first n
    dtype        np.float64: backward against differences. np.float32: the float32 backward against the float64 one.
    seed         of the probe, and of the sample where an array has more than `max_entries` entries

    Also checked: delta = 0 gives gradients 0, and two forward-backward pairs give twice the gradients of one.

    Inputs must keep away from kinks, corners such as relu's at 0: there a derivative does not exist, and the verdict
    says so. The reference kernels are used, which need no compiling, unless `bp.use_kernels` chooses others; if the
    module or an input is on a GPU, the check runs there.

    If a gradient is wrong, the report says what the mistake looks like and, for a network, in which layer it is.
    forward and backward are given copies: a layer that overwrites them is judged by what it returns, and the report
    notes it.
    """
    with kernels.use_kernels(kernels.chosen("reference")):
        return _checked(module, inputs, dtype, seed, max_entries)


Module.check = gradcheck  # `layer.check(x)`: module.py cannot import this file, so the method is added here


def _checked(module, inputs, dtype, seed, max_entries):
    if np.dtype(dtype) not in (np.float64, np.float32):
        raise OptionError(f"dtype must be np.float64 or np.float32, got {np.dtype(dtype)}")
    if max_entries < 1:
        raise OptionError(f"max_entries must be at least 1, got {max_entries}")
    if not all(np.isfinite(to_host(a)).all() for a in inputs):
        raise OptionError("inputs must be finite, got NaN or infinity")
    subject = Subject(module, inputs, np.float64, seed)
    if not np.isfinite(subject.loss()):
        raise OptionError("the output must be finite, got NaN or infinity; use other inputs")
    if np.dtype(dtype) == np.float32:
        return Report(
            _title(module), _against_float64(Subject(module, inputs, np.float32, seed), subject), (), subject.notes
        )
    rows = _against_differences(subject, _complex_twin(module, inputs, seed, subject.answered), seed, max_entries)
    inside = () if all(row.ok for row in rows) else _wrong_inside(subject, seed, max_entries)
    wrong = any(row.is_wrong for report in inside for row in report.rows)
    return Report(_title(module), rows if wrong else _diagnosed(subject, rows), inside, subject.notes)


def _against_differences(subject, exact, seed, max_entries):
    once, twice = subject.gradients(subject.probe), subject.gradients(subject.probe, passes=2)
    zero = subject.gradients(np.zeros_like(subject.probe) if isinstance(subject.probe, np.ndarray) else 0.0)
    scale, roundoff = subject.scale(), subject.roundoff()
    rng, inputs = np.random.default_rng(seed), subject.answered_inputs()
    rows = []
    for path, theta in subject.arrays().items():
        constant = subject.constant(path)
        entries = np.flatnonzero(~constant)
        if entries.size > max_entries:
            entries = np.sort(rng.choice(entries, max_entries, replace=False))
        backward = once[path].reshape(-1)[entries]
        numeric, uncertainty = differences.central(subject.loss, theta, entries, scale)
        row = judge(path, theta.shape, entries, backward, numeric, uncertainty, RTOL, TINY * scale)
        if not row.ok and is_kink(subject.loss, theta, np.ravel_multi_index(row.index, theta.shape), scale):
            row = dataclasses.replace(row, verdict="kink")
        if row.ok and np.any(once[path][constant]):
            row = dataclasses.replace(row, verdict="WRONG: entries that never learn get a gradient")
        if row.ok and np.any(zero[path]):
            row = dataclasses.replace(row, verdict="WRONG: delta = 0 gives a gradient")
        passes = 1 if path in inputs else 2  # the input's delta is returned anew by each pass, not added up
        if row.ok and largest(twice[path] - passes * once[path]) > DOUBLE_RTOL * largest(once[path]):
            row = dataclasses.replace(row, verdict="WRONG: two passes do not double it")
        if exact is not None:
            row = with_complex_step(row, exact, backward, entries, roundoff, subject, scale)
        if path in subject.misfit:
            row = dataclasses.replace(row, verdict=f"WRONG: backward returned {_described(subject.misfit[path])}")
        rows.append(row)
    return rows


def _wrong_inside(subject, seed, max_entries):
    """The Reports of those layers of a network whose own backward is wrong for the inputs they get in it, or which have
    notes.
    """
    given, reports = {}, []

    def look(layer, inputs):
        arrays = all(is_array(a) for a in inputs)
        given.setdefault(layer, [np.array(to_host(a)) for a in inputs] if arrays else None)

    layers = {layer: path for path, layer in subject.module.named_modules() if path and not layer.children()}
    handles = [layer.register_forward_pre_hook(look) for layer in layers]
    subject.run()
    for handle in handles:
        handle.remove()
    for layer, inputs in given.items():
        if inputs is None:
            continue
        try:
            report = gradcheck(layer, *inputs, seed=seed, max_entries=max_entries)
        except Exception:  # it cannot be checked alone: it may need what only its network provides
            continue
        if report.notes or any(row.is_wrong for row in report.rows):
            report.name = f"layer {layers[layer]}, {report.name}"
            reports.append(report)
    return reports


def _diagnosed(subject, rows):
    """The rows, with a diagnosis for each that is WRONG."""
    if not any(row.is_wrong for row in rows):
        return rows
    once, twice = subject.gradients(subject.probe), subject.gradients(subject.probe, passes=2)
    once |= subject.misfit
    deadline = time.monotonic() + SECONDS
    return [
        dataclasses.replace(row, diagnosis=diagnose(subject, row.path, once[row.path], twice[row.path], deadline))
        if row.is_wrong
        else row
        for row in rows
    ]


def _against_float64(single, double):
    found, expected = single.gradients(single.probe), double.gradients(double.probe)
    floor = single.roundoff() / FLOAT32_RTOL
    rows = []
    for path, theta in double.arrays().items():
        a, b = found[path].reshape(-1).astype(np.float64), expected[path].reshape(-1)
        rows.append(judge(path, theta.shape, np.arange(a.size), a, b, np.zeros(a.size), FLOAT32_RTOL, floor))
    return rows


def _complex_twin(module, inputs, seed, answered):
    """The same subject in complex numbers on the reference kernels, or None where the module is not analytic."""
    if not all(part.analytic for part in module.modules()):
        return None
    with kernels.use_kernels("reference"):
        return Subject(module, inputs, np.complex128, seed, answered)


def _described(misfit):
    return f"shape {misfit.shape}" if misfit.dtype.kind in "fc" else str(misfit)


def _title(module):
    return type(module).__name__ if module.children() else f"{type(module).__name__}({module.extra_repr()})"
