"""Mistakes in (4), delta_u = delta * sigma'(u), where each output comes from one entry of the input."""

import numpy as np

from backprop.check.diagnosis.case import Diagnosis


def suspects(case):
    """sigma' left out, or evaluated at the wrong variable."""
    if not case.is_input or case.delta.shape != case.theta.shape:
        return
    slope = case.slopes.diagonal().reshape(case.theta.shape)
    if np.any(case.slopes != np.diag(slope.reshape(-1))):
        yield Diagnosis("delta handed on", "delta is passed on unchanged"), case.delta
        words = "each output is assumed to use its own entry alone: this is delta times the diagonal of the slopes"
        yield Diagnosis("diagonal only", words), case.delta * slope
        words = "the sum is missing: this is delta times the output, (4s) without what softmax subtracts"
        yield Diagnosis("sum missing", words), case.delta * np.array(case.subject.run())
        return
    yield (
        Diagnosis("sigma' missing", "sigma' is missing: delta is passed on unchanged, not multiplied by the slope"),
        case.delta,
    )
    u, a = case.theta.copy(), np.array(case.subject.run())
    for name, elsewhere in (("the output a", a), ("delta", case.delta)):
        words = f"sigma' is evaluated at the wrong variable, {name}: it should be the input u"
        yield Diagnosis("sigma' of the wrong variable", words), case.delta * _slope_at(case, elsewhere)
    words = "sigma' is evaluated at the wrong variable: its formula is for the output a, and was given the input u"
    yield Diagnosis("sigma' of the wrong variable", words), _slope_as_of_output(case, slope, u, a)
    yield Diagnosis("sigma for sigma'", "sigma itself is used in place of its slope sigma'"), case.delta * a


def _slope_at(case, values):
    """sigma' at other values than u."""
    u = case.theta.copy()
    case.theta[...] = values
    try:
        return case.slopes_of(case.subject, case.theta).diagonal().reshape(u.shape)
    finally:
        case.theta[...] = u


def _slope_as_of_output(case, slope, u, a):
    """delta p(u) where sigma'(u) is a polynomial p of a = sigma(u), such as a (1 - a); None where it is not."""
    powers = [0, 1, 2]
    p, _, rank, _ = np.linalg.lstsq(a.reshape(-1, 1) ** powers, slope.reshape(-1))
    if rank < len(powers) or not np.allclose(np.polynomial.Polynomial(p)(a), slope, 1e-7, 1e-9 * np.abs(slope).max()):
        return None
    return case.delta * np.polynomial.Polynomial(p)(u)
