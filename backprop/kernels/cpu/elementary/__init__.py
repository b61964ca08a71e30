"""Functions that a student's calculator has, as words for kernels: of many numbers at once, without a call."""

from backprop.kernels.cpu.elementary import functions
from backprop.kernels.cpu.elementary.traced import word

exp, expm1, log, log1p = (word(each) for each in (functions.exp, functions.expm1, functions.log, functions.log1p))
tanh, sigmoid, softplus = (word(each) for each in (functions.tanh, functions.sigmoid, functions.softplus))
erf, erfc, times = (word(each) for each in (functions.erf, functions.erfc, functions.times))
