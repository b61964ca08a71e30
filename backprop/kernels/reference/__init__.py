"""The oracle: every kernel in plain NumPy, as close to its formula as code can be, for real and complex numbers."""

from numpy import empty

from backprop.kernels.reference.batch import count_correct, gather
from backprop.kernels.reference.loss import (
    absolute_error,
    absolute_error_backward,
    first_bad_label,
    first_bad_probability,
    nll,
    nll_softmax_backward,
    soft_nll,
    soft_nll_softmax_backward,
    squared_error,
    squared_error_backward,
    total,
)
from backprop.kernels.reference.matmul import add_bias, matmul_nn, matmul_nt, matmul_tn, sum_rows
from backprop.kernels.reference.pointwise import (
    fill,
    multiply,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from backprop.kernels.reference.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from backprop.kernels.reference.update import sgd
