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
from backprop.kernels.cpu.simd import lanes, largest_of, load_or, splat, store_part, sum_of, zeros

larger = word(lambda x, y: where(x > y, x, y), "larger")
minus = word(lambda x, y: x - y, "minus")
product = word(lambda x, y: x * y, "product")
quotient = word(lambda x, y: x / y, "quotient")
exp_minus = word(lambda x, y: functions.exp(x - y), "exp_minus")

# What rounding loses when x is added to a sum is subtracted from the next x (Kahan, 1965).
increased = word(lambda total, lost, x: total + (x - lost), "increased")
newly_lost = word(lambda total, lost, x, increased: (increased - total) - (x - lost), "newly_lost")


@inlined
def items(u):
    """How many there are."""
    return u.shape[0] * ((u.shape[2] + lanes(u) - 1) // lanes(u))


@inlined
def samples(u, item):
    """(b, first, count): the item holds the samples u[b, :, first + d] for d < count."""
    blocks = (u.shape[2] + lanes(u) - 1) // lanes(u)
    first = item % blocks * lanes(u)
    return item // blocks, first, min(lanes(u), u.shape[2] - first)


@inlined
def registers(u, item):
    """(n, at): how many registers an item has, and where: `read` and `write` understand it."""
    classes, after, size = u.shape[1], u.shape[2], lanes(u)
    if after == 1:
        return (classes + size - 1) // size, (item * classes, size, classes, size)
    b, first, count = samples(u, item)
    return classes, (b * classes * after + first, after, count, 0)


@inlined
def read(u, at, k, number):
    """Register k, with the number in lanes that are not used."""
    i, step, count, fewer = at
    return load_or(u, i + k * step, count - k * fewer, number)


@inlined
def write(x, out, at, k):
    i, step, count, fewer = at
    store_part(x, out, i + k * step, 0, 1, count - k * fewer)


@inlined
def add_to(total, lost, x):
    more = increased(total, lost, x)
    return more, newly_lost(total, lost, x, more)


@inlined
def of_samples(u, total):
    """Each sample's sum in each of its lanes."""
    return splat(u, sum_of(total), 1, 1) if u.shape[2] == 1 else total


@inner
def largest(u, n, at):
    """Each sample's largest entry in each of its lanes."""
    found = read(u, at, 0, -math.inf)
    for k in range(1, n):
        found = larger(found, read(u, at, k, -math.inf))
    return splat(u, largest_of(found), 1, 1) if u.shape[2] == 1 else found


@exact_kernel(work=8)
def softmax(u, out, part, parts):
    """s[c] = e^u[c] / sum_k e^u[k]"""
    for item in share(items(u), part, parts):
        n, at = registers(u, item)
        most, total, lost = largest(u, n, at), zeros(u, 1, 1), zeros(u, 1, 1)
        for k in range(n):
            e = exp_minus(read(u, at, k, -math.inf), most)
            write(e, out, at, k)
            total, lost = add_to(total, lost, e)
        sum_e = of_samples(u, total)
        for k in range(n):
            write(quotient(read(out, at, k, 0), sum_e), out, at, k)


@exact_kernel(work=2)
def softmax_backward(delta, s, out, part, parts):
    """(4s) delta_u = s * (delta - sum(delta * s))"""
    for item in share(items(s), part, parts):
        n, at = registers(s, item)
        total, lost = zeros(s, 1, 1), zeros(s, 1, 1)
        for k in range(n):
            total, lost = add_to(total, lost, product(read(delta, at, k, 0), read(s, at, k, 0)))
        dot = of_samples(s, total)
        for k in range(n):
            write(product(read(s, at, k, 0), minus(read(delta, at, k, 0), dot)), out, at, k)


@exact_kernel(work=8)
def log_softmax(u, out, part, parts):
    """log s[c] = u[c] - log sum_k e^u[k]"""
    for item in share(items(u), part, parts):
        log_softmax_of(u, item, out)


@inner
def log_softmax_of(u, item, out):
    """The same for one item."""
    n, at = registers(u, item)
    most, total, lost = largest(u, n, at), zeros(u, 1, 1), zeros(u, 1, 1)
    for k in range(n):
        total, lost = add_to(total, lost, exp_minus(read(u, at, k, -math.inf), most))
    log_sum = log(of_samples(u, total))
    for k in range(n):
        write(minus(minus(read(u, at, k, 0), most), log_sum), out, at, k)


@exact_kernel(work=8)
def log_softmax_backward(delta, log_s, out, part, parts):
    """(4l) delta_u = delta - s * sum(delta)"""
    for item in share(items(log_s), part, parts):
        n, at = registers(log_s, item)
        total, lost = zeros(log_s, 1, 1), zeros(log_s, 1, 1)
        for k in range(n):
            total, lost = add_to(total, lost, read(delta, at, k, 0))
        sum_delta = of_samples(log_s, total)
        for k in range(n):
            s = exp(read(log_s, at, k, 0))
            write(minus(read(delta, at, k, 0), product(s, sum_delta)), out, at, k)
