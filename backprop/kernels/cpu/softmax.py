"""Softmax and its logarithm over one axis. u is (B, C, D): C is that axis, B and D all the axes before and after it.

Subtracting the largest entry changes nothing but keeps the exponentials from overflowing. It must come first:
(u - largest) - log_sum is exact where u and largest are large, u - (largest + log_sum) is not. Items are described in
items.py.
"""

import math

from backprop.kernels.cpu.elementary import exp, functions, log
from backprop.kernels.cpu.elementary.traced import where, word
from backprop.kernels.cpu.items import items, put, registers, room, take, transposed
from backprop.kernels.cpu.jit import inlined, inner
from backprop.kernels.cpu.kernel import exact_kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.simd import largest_of, load_at, prefetch, splat, store_at, sum_of, zeros

AHEAD = 32  # numbers: two or four registers

larger = word(lambda x, y: where(x > y, x, y), "larger")
minus = word(lambda x, y: x - y, "minus")
product = word(lambda x, y: x * y, "product")
inverse = word(lambda x: 1 / x, "inverse")
exp_minus = word(lambda x, y: functions.exp(x - y), "exp_minus")


@word
def add_to(total, lost, x):
    """(total + x, what rounding has lost): it is subtracted from the next x (Kahan, 1965)"""
    x = x - lost
    more = total + x
    return more, (more - total) - x


@inlined
def ask_ahead(u, at, k):
    """Ask for the numbers that an item to come has for class k: where D > 1 processors do not foresee that."""
    prefetch(u, at[0] + k * at[1] + AHEAD)


@exact_kernel(work=8)
def softmax(u, out, part, parts):
    """s[c] = e^u[c] / sum_k e^u[k]"""
    scores, found = room(u, transposed(u)), room(out, transposed(out))
    for item in share(items(u), part, parts):
        take(u, item, scores)
        softmax_of(scores, *registers(u, item), found)
        put(found, item, out)


@inner
def softmax_of(u, n, at, out):
    """The same for one item."""
    most, total, lost = largest(u, n, at), zeros(u, 1, 1), zeros(u, 1, 1)
    for k in range(n):
        e = exp_minus(load_at(u, at, k, -math.inf), most)
        store_at(e, out, at, k)
        total, lost = add_to(total, lost, e)
    shrink = inverse(over_classes(u, total, at))  # one division, then products: a division takes several times as long
    for k in range(n):
        store_at(product(load_at(out, at, k, 0), shrink), out, at, k)


@inlined
def largest(u, n, at):
    """max_c u[c] of an item, in each lane"""
    most = load_at(u, at, 0, -math.inf)
    for k in range(1, n):
        most = larger(most, load_at(u, at, k, -math.inf))
        ask_ahead(u, at, k)
    return splat(u, largest_of(most), 1, 1) if at[3] else most


@inlined
def over_classes(u, total, at):
    """The sum over all classes, where each register holds several of one sample."""
    return splat(u, sum_of(total), 1, 1) if at[3] else total


@exact_kernel(work=2)
def softmax_backward(delta, s, out, part, parts):
    """(4s) delta_u = s * (delta - sum(delta * s))"""
    deltas, found = room(delta, transposed(delta)), room(out, transposed(out))
    all_s = room(s, transposed(s))
    for item in share(items(s), part, parts):
        take(delta, item, deltas)
        take(s, item, all_s)
        softmax_backward_of(deltas, all_s, *registers(s, item), found)
        put(found, item, out)


@inner
def softmax_backward_of(delta, s, n, at, out):
    total, lost = zeros(s, 1, 1), zeros(s, 1, 1)
    for k in range(n):
        total, lost = add_to(total, lost, product(load_at(delta, at, k, 0), load_at(s, at, k, 0)))
        ask_ahead(delta, at, k), ask_ahead(s, at, k)
    dot = over_classes(s, total, at)
    for k in range(n):
        store_at(product(load_at(s, at, k, 0), minus(load_at(delta, at, k, 0), dot)), out, at, k)


@exact_kernel(work=8)
def log_softmax(u, out, part, parts):
    """log s[c] = u[c] - log sum_k e^u[k]"""
    scores, found = room(u, transposed(u)), room(out, transposed(out))
    for item in share(items(u), part, parts):
        take(u, item, scores)
        log_softmax_of(scores, *registers(u, item), found)
        put(found, item, out)


@inner
def log_softmax_of(u, n, at, out):
    """The same for one item."""
    most, total, lost = largest(u, n, at), zeros(u, 1, 1), zeros(u, 1, 1)
    for k in range(n):
        total, lost = add_to(total, lost, exp_minus(load_at(u, at, k, -math.inf), most))
    log_sum = log(over_classes(u, total, at))
    for k in range(n):
        store_at(minus(minus(load_at(u, at, k, 0), most), log_sum), out, at, k)


@exact_kernel(work=8)
def log_softmax_backward(delta, log_s, out, part, parts):
    """(4l) delta_u = delta - s * sum(delta)"""
    deltas, found = room(delta, transposed(delta)), room(out, transposed(out))
    logs = room(log_s, transposed(log_s))
    for item in share(items(log_s), part, parts):
        take(delta, item, deltas)
        take(log_s, item, logs)
        log_softmax_backward_of(deltas, logs, *registers(log_s, item), found)
        put(found, item, out)


@inner
def log_softmax_backward_of(delta, log_s, n, at, out):
    total, lost = zeros(log_s, 1, 1), zeros(log_s, 1, 1)
    for k in range(n):
        total, lost = add_to(total, lost, load_at(delta, at, k, 0))
        ask_ahead(delta, at, k), ask_ahead(log_s, at, k)
    sum_delta = over_classes(log_s, total, at)
    for k in range(n):
        s = exp(load_at(log_s, at, k, 0))
        store_at(minus(load_at(delta, at, k, 0), product(s, sum_delta)), out, at, k)
