"""Numba on the CPU: the oracle's functions again, in loops that run in parallel. Compiled at first use, then cached."""

from backprop.kernels.buffers import empty
from backprop.kernels.cpu.batch import count_correct, gather
from backprop.kernels.cpu.jit import get_num_threads, set_num_threads
from backprop.kernels.cpu.loss import (
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
from backprop.kernels.cpu.matmul import add_bias, matmul_nn, matmul_nt, matmul_tn, sum_rows
from backprop.kernels.cpu.pointwise import (
    fill,
    multiply,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from backprop.kernels.cpu.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from backprop.kernels.cpu.update import sgd
