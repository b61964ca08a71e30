"""Numba on the CPU: the reference's kernels again, in parts that threads share. Compiled at first use, then cached."""

from backprop.kernels.buffers import empty
from backprop.kernels.cpu.all_parameters import all_parameters
from backprop.kernels.cpu.attention import attention, attention_backward
from backprop.kernels.cpu.batch import count_correct, count_up, gather
from backprop.kernels.cpu.channels import add_channels, sum_channels
from backprop.kernels.cpu.classification import (
    cross_entropy,
    first_bad_label,
    first_bad_probability,
    nll,
    nll_backward,
    nll_softmax_backward,
    smooth,
    soft_nll,
    soft_nll_softmax_backward,
    used_weight,
)
from backprop.kernels.cpu.conv import conv, conv_input_grad, conv_max_pool, conv_weight_grad
from backprop.kernels.cpu.dropout import dropout
from backprop.kernels.cpu.loss import ERRORS, first_outside, total
from backprop.kernels.cpu.matmul import add_bias, linear, matmul_nn, matmul_nt, matmul_tn, sum_rows
from backprop.kernels.cpu.more_activations import ACTIVATIONS, prelu, prelu_backward, prelu_weight_grad
from backprop.kernels.cpu.norm import moments, root_mean_square, spread_of, track
from backprop.kernels.cpu.normalize import dot_normalized, normalize, normalize_backward
from backprop.kernels.cpu.pointwise import (
    add,
    fill,
    multiply,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
    weigh,
)
from backprop.kernels.cpu.pool import largest, max_pool, max_pool_backward, window_mean, window_mean_backward
from backprop.kernels.cpu.recurrent import gru, gru_backward, lstm, lstm_backward, rnn, rnn_backward
from backprop.kernels.cpu.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from backprop.kernels.cpu.take import take, take_backward
from backprop.kernels.cpu.team.members import get_num_threads, set_num_threads
from backprop.kernels.cpu.update import adam, rmsprop, sgd
