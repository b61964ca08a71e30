"""exp, log, tanh and their kin, written for many numbers at once: a line of arithmetic instead of a call for each.

Each takes three steps. *Range reduction*: any x is close to a number for which the answer is simple, k log 2 for exp
and 2^k for log. *A polynomial* gives what is left, on the short interval that remains: its coefficients make the
largest relative error smallest (Remez, 1934), which takes fewer terms than Taylor's. *Putting the exponent back*: a
floating-point number is stored as a sign, an exponent and a fraction, so 2^k takes no arithmetic, only k in its place.

exp, expm1, log, log1p, tanh and erf are right to 2 units in the last place, the others to 4, for every number,
infinity and NaN; results below the smallest normal number lose digits, as they must. Where a formula would lose digits,
because two nearly equal numbers are subtracted, what was lost is computed beside it: `rest`.
"""

import math

from backprop.kernels.cpu.elementary.polynomials import ATANH, ERF, ERFC, EXPM1, LN2
from backprop.kernels.cpu.elementary.traced import copysign, where

ATANH_HALF = math.log(3) / 2  # where tanh is 1/2


def polynomial(x, coefficients):
    """c[0] + c[1] x + c[2] x^2 + ..., as c[0] + x (c[1] + x (c[2] + ...)): Horner's rule"""
    *others, total = coefficients
    for c in reversed(others):
        total = total * x + c
    return total


def between(x, low, high):
    """x, or the limit that it is beyond; NaN stays NaN"""
    x = where(x < low, low, x)
    return where(x > high, high, x)


def nearest(x):
    """The integer k nearest to x, as a number and as an integer.

    1.5 * 2^23 is so large that float32 has no room for a fraction beside it: adding it rounds, and leaves k in the last
    bits.
    """
    large = x.like(1.5 * 2 ** (x.digits - 1))
    moved = x + large
    return moved - large, moved.bits() - large.bits()


def two_to(k, x):
    """2^k, of the type of x: an exponent, and a fraction of zeros"""
    return ((k + x.bias) << (x.digits - 1)).number()


def reduced(x, rest=0):
    """(k, e^r - 1), where x + rest = k log 2 + r and |r| <= log(2) / 2

    log 2 is the sum of two numbers: k times the first one is exact, so the difference is.
    """
    high, low = LN2[x.digits]
    k, integer = nearest(x * (1 / math.log(2)))
    r = (x - k * high) - k * low + rest
    return k, integer, r + r * r * polynomial(r, EXPM1[x.digits])


def exp(x):
    """e^x = 2^k e^r; 0 far below, without computing it: processors take long for results that are too small"""
    far = x < -(x.bias + x.digits) * math.log(2)
    return where(far, 0, exp_of(between(where(far, 0, x), -math.inf, (x.bias + 1.25) * math.log(2))))


def exp_of(x, rest=0):
    """e^(x + rest), if it is neither far below nor far above all numbers"""
    k, integer, q = reduced(x, rest)
    _, half = nearest(k * 0.5)
    return (1 + q) * two_to(half, x) * two_to(integer - half, x)  # 2^k alone may be too small or too large a number


def expm1(x):
    """e^x - 1 = 2^k (e^r - 1) + (2^k - 1), which keeps the digits of a small x"""
    bias, digits = x.bias, x.digits
    _, integer, q = reduced(between(x, -(digits + 2) * math.log(2), (bias + 1.25) * math.log(2)))
    half = two_to(integer - 1, x)
    return where(abs(x) < 2.0**-digits, x, 2 * (half * q + (half - 0.5)))


def sigmoid(x):
    """1 / (1 + e^-x), with the exponential of a number <= 0 only, so that nothing overflows"""
    e = exp(-abs(x))
    return where(x >= 0, 1, e) / (1 + e)


def tanh(x):
    """(1 - e) / (1 + e) for x >= 0, where e = e^-2x; 1 - 2e / (1 + e) where that is above 1/2"""
    _, integer, q = reduced(between(-2 * abs(x), -(x.digits + 4) * math.log(2), 0))
    scale = two_to(integer, x)
    e, less = scale * (1 + q), (1 - scale) - scale * q
    large = abs(x) > ATANH_HALF
    quotient = where(large, 2 * e, less) / where(large, 1 + e, 2 - less)
    return where(abs(x) < 2.0**-x.digits, x, copysign(where(large, 1 - quotient, quotient), x))


def log(x, rest=0):
    """log x + rest"""
    small = x < 2.0 ** (1 - x.bias)  # stored with zeros in front
    y = log_of(where(small, x * 2.0**x.digits, x), rest, where(small, -x.digits, 0))
    return where(x > 0, where(x < math.inf, y, x), where(x == 0, -math.inf, x * math.nan))


def log_of(x, rest=0, before=0):
    """before log 2 + log x + rest, of a normal number x = 2^k m with 1/2 <= m^2 < 2

    log m = log((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...), where s = (m - 1) / (m + 1)
    """
    behind = x.digits - 1
    least = x.like(math.sqrt(0.5)).bits() - (x.bias << behind)
    integer = (x.bits() - least) >> behind
    m = (x.bits() - ((integer - x.bias) << behind)).number()
    k = as_number(integer, x) - x.bias + before
    high, low = LN2[x.digits]
    f = m - 1
    s, half = f / (2 + f), f * f * 0.5
    series = s * s * polynomial(s * s, ATANH[x.digits])
    return k * high - ((half - (s * (half + series) + (k * low + rest))) - f)


def as_number(k, x):
    """The reverse of `nearest`: k put into the last bits of a large number"""
    large = x.like(1.5 * 2 ** (x.digits - 1))
    return (large.bits() + k).number() - large


def log1p(x):
    """log(1 + x); the rest is what rounding 1 + x has lost"""
    u = 1 + x
    rest = where(x >= 1, 1 - (u - x), x - (u - 1)) / u
    return copysign(log(u, rest), x)


def softplus(x):
    """log(1 + e^x), without overflow"""
    e = exp(-abs(x))
    u = 1 + e
    return where(x > 0, x, 0) + where(e >= 0, log_of(u, (e - (u - 1)) / u), e)


def with_bell(x, half):
    """(x, e^(-x^2)), of x / sqrt 2 if `half` is 1/2; x is limited to where that is not yet 0

    x^2 is a square that is exact, that of the first half of x's digits, and a rest.
    """
    most = math.sqrt((x.bias + x.digits + 1) * math.log(2) / half)
    x = between(x, -most, most)
    first = x.with_digits(x.digits // 2)
    return x, exp_of(first * first * -half, (first - x) * (x + first) * half)


def tail(t, bell):
    """erfc t = e^(-t^2) g(t) for t >= 0: (1 + 2t) g changes little, and is smooth in s = 2t / (t + c)"""
    c, coefficients = ERFC[t.digits]
    s = 2 * t / (t + c)
    return (bell + bell * (s * polynomial(s - 1, coefficients))) / (1 + 2 * t)


def erfc(x):
    """1 - erf x, without losing digits where that is small"""
    x, bell = with_bell(x, 1)
    y = tail(abs(x), bell)
    return where(x < 0, 2 - y, y)


def erf(x):
    """The integral of 2 / sqrt(pi) e^(-t^2) from 0 to x"""
    x, bell = with_bell(x, 1)
    near, far = x + x * polynomial(x * x, ERF[x.digits]), 1 - tail(abs(x), bell)
    return where(abs(x) < 1, near, copysign(far, x))


def normal(x):
    """(the probability of a standard normal variable below x: erfc(-x / sqrt 2) / 2, and its derivative)"""
    x, bell = with_bell(x, 1 / 2)
    y = tail(abs(x) * math.sqrt(0.5), bell) * 0.5
    return where(x < 0, y, 1 - y), bell * (1 / math.sqrt(2 * math.pi))


def times(x, s):
    """x s, but 0 where s is 0, even if x is infinite: a branch that is not taken, or an exponential that has
    underflowed, contributes nothing"""
    return where(s == 0, 0 * s, s * x)
