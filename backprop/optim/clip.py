"""Gradients made smaller between backward and the step, so that one that explodes moves parameters only a little."""

import math

import numpy as np

from backprop.errors import NonFiniteError, OptionError
from backprop.kernels.device import to_host
from backprop.module.options import number
from backprop.module.parameter import Parameter


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False):
    """Scale all gradients by one factor, so that their norm together is at most `max_norm`; returns what it was.

        g <- g min(1, max_norm / (n + 1e-6)),   n the norm of order `norm_type` over all entries of all gradients g

    The direction stays. Parameters without a gradient do not count. Where n is NaN so is each gradient then, or, with
    `error_if_nonfinite`, NonFiniteError is raised.

    >>> w = Parameter(np.array([0.0, 0.0])); w.accumulate(np.array([3.0, 4.0]))
    >>> clip_grad_norm_([w], max_norm=1.0), w.grad.round(3)
    (5.0, array([0.6, 0.8]))
    """
    number("max_norm", max_norm, 0)
    moved = _with_gradient(parameters)
    if not (isinstance(norm_type, (int, float)) and norm_type > 0):
        raise OptionError(f"norm_type must be above 0, or infinite, got {norm_type!r}")
    norm = _norm([to_host(parameter.grad) for parameter in moved], norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise NonFiniteError(f"the norm of all gradients is {norm}")
    factor = max_norm / (norm + 1e-6)
    if factor < 1 or math.isnan(factor):
        for parameter in moved:
            grad = parameter.grad
            if isinstance(grad, np.ndarray):
                np.multiply(grad, grad.dtype.type(factor), out=grad)
            else:
                grad[...] = grad * grad.dtype.type(factor)
    return norm


def clip_grad_value_(parameters, clip_value):
    """Limit each entry of each gradient to [-clip_value, clip_value]. The direction changes."""
    number("clip_value", clip_value, 0)
    for parameter in _with_gradient(parameters):
        parameter.grad = np.clip(to_host(parameter.grad), -clip_value, clip_value)


def _norm(gradients, order):
    """Of all entries of all arrays. Squares are added up in their own type, unless the sum vanishes or overflows."""
    if math.isinf(order):
        return max((float(np.abs(g).max(initial=0)) for g in gradients), default=0.0)
    if order == 2:
        with np.errstate(over="ignore", under="ignore"):
            total = sum(float(np.square(g).sum()) for g in gradients)
        if 1e-30 < total < math.inf:
            return math.sqrt(total)
    return sum(float((np.abs(g).astype(np.float64) ** order).sum()) for g in gradients) ** (1 / order)


def _with_gradient(parameters):
    parameters = [parameters] if isinstance(parameters, Parameter) else list(parameters)
    return [parameter for parameter in parameters if parameter.grad is not None]
