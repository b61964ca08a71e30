"""Softmax and its logarithm over one axis. u is (B, C, D): C is that axis, B and D all the axes before and after it.

An item is what one register holds of: the C entries of one sample where D = 1, or those of as many neighbouring samples
as it has lanes. Subtracting the largest entry changes nothing but keeps the exponentials from overflowing. It must come
first: (u - largest) - log_sum is exact where u and largest are large, u - (largest + log_sum) is not.
"""

import math

from backprop.kernels.cpu.elementary import exp, functions, log
from backprop.kernels.cpu.elementary.traced import where, word
from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.kernel import exact_kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.simd import lanes, largest_of, load_at, prefetch, splat, store_at, sum_of, zeros

AHEAD = 32  # numbers: two or four registers

larger = word(lambda x, y: where(x > y, x, y), "larger")
minus = word(lambda x, y: x - y, "minus")
product = word(lambda x, y: x * y, "product")
quotient = word(lambda x, y: x / y, "quotient")
exp_minus = word(lambda x, y: functions.exp(x - y), "exp_minus")


@word
def add_to(total, lost, x):
    """(total + x, what rounding has lost): it is subtracted from the next x (Kahan, 1965)"""
    x = x - lost
    more = total + x
    return more, (more - total) - x


@inlined
def items(u):
    """How many there are: none where there are no classes."""
    return min(u.shape[1], 1) * u.shape[0] * ((u.shape[2] + lanes(u) - 1) // lanes(u))


@inlined
def registers(u, item):
    """(b, first, samples, n, at): an item holds u[b, :, first + d] for d < samples, in n registers; `load_at` and
    `store_at` know by `at` where they are.
    """
    classes, after, size = u.shape[1], u.shape[2], lanes(u)
    if after == 1:
        return item, 0, 1, (classes + size - 1) // size, (item * classes, size, classes, size)
    blocks = (after + size - 1) // size
    b, first = item // blocks, item % blocks * size
    count = min(size, after - first)
    return b, first, count, classes, (b * classes * after + first, after, count, 0)


@inlined
def ask_ahead(u, at, k):
    """Ask for the numbers that an item to come has for class k: where D > 1 processors do not foresee that."""
    prefetch(u, at[0] + k * at[1] + AHEAD)


@exact_kernel(work=8)
def softmax(u, out, part, parts):
    """s[c] = e^u[c] / sum_k e^u[k]"""
    for item in share(items(u), part, parts):
        _, _, _, n, at = registers(u, item)
        most, total, lost = load_at(u, at, 0, -math.inf), zeros(u, 1, 1), zeros(u, 1, 1)
        for k in range(1, n):
            most = larger(most, load_at(u, at, k, -math.inf))
            ask_ahead(u, at, k)
        if u.shape[2] == 1:
            most = splat(u, largest_of(most), 1, 1)
        for k in range(n):
            e = exp_minus(load_at(u, at, k, -math.inf), most)
            store_at(e, out, at, k)
            total, lost = add_to(total, lost, e)
        sum_e = splat(u, sum_of(total), 1, 1) if u.shape[2] == 1 else total
        for k in range(n):
            store_at(quotient(load_at(out, at, k, 0), sum_e), out, at, k)


@exact_kernel(work=2)
def softmax_backward(delta, s, out, part, parts):
    """(4s) delta_u = s * (delta - sum(delta * s))"""
    for item in share(items(s), part, parts):
        _, _, _, n, at = registers(s, item)
        total, lost = zeros(s, 1, 1), zeros(s, 1, 1)
        for k in range(n):
            total, lost = add_to(total, lost, product(load_at(delta, at, k, 0), load_at(s, at, k, 0)))
            ask_ahead(delta, at, k), ask_ahead(s, at, k)
        dot = splat(s, sum_of(total), 1, 1) if s.shape[2] == 1 else total
        for k in range(n):
            store_at(product(load_at(s, at, k, 0), minus(load_at(delta, at, k, 0), dot)), out, at, k)


@exact_kernel(work=8)
def log_softmax(u, out, part, parts):
    """log s[c] = u[c] - log sum_k e^u[k]"""
    for item in share(items(u), part, parts):
        log_softmax_of(u, item, out)


@inner
def log_softmax_of(u, item, out):
    """The same for one item."""
    _, _, _, n, at = registers(u, item)
    most, total, lost = load_at(u, at, 0, -math.inf), zeros(u, 1, 1), zeros(u, 1, 1)
    for k in range(1, n):
        most = larger(most, load_at(u, at, k, -math.inf))
        ask_ahead(u, at, k)
    if u.shape[2] == 1:
        most = splat(u, largest_of(most), 1, 1)
    for k in range(n):
        total, lost = add_to(total, lost, exp_minus(load_at(u, at, k, -math.inf), most))
    log_sum = log(splat(u, sum_of(total), 1, 1) if u.shape[2] == 1 else total)
    for k in range(n):
        store_at(minus(minus(load_at(u, at, k, 0), most), log_sum), out, at, k)


@exact_kernel(work=8)
def log_softmax_backward(delta, log_s, out, part, parts):
    """(4l) delta_u = delta - s * sum(delta)"""
    for item in share(items(log_s), part, parts):
        _, _, _, n, at = registers(log_s, item)
        total, lost = zeros(log_s, 1, 1), zeros(log_s, 1, 1)
        for k in range(n):
            total, lost = add_to(total, lost, load_at(delta, at, k, 0))
            ask_ahead(delta, at, k), ask_ahead(log_s, at, k)
        sum_delta = splat(log_s, sum_of(total), 1, 1) if log_s.shape[2] == 1 else total
        for k in range(n):
            s = exp(load_at(log_s, at, k, 0))
            store_at(minus(load_at(delta, at, k, 0), product(s, sum_delta)), out, at, k)
