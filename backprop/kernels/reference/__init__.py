"""The reference: every kernel in plain NumPy, as close to its formula as code can be, for real and complex numbers."""

from numpy import empty

from backprop.kernels.reference.all_parameters import all_parameters
from backprop.kernels.reference.attention import attention, attention_backward
from backprop.kernels.reference.batch import count_correct, count_up, gather
from backprop.kernels.reference.channels import add_channels, sum_channels
from backprop.kernels.reference.classification import (
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
from backprop.kernels.reference.conv import conv, conv_input_grad, conv_max_pool, conv_weight_grad
from backprop.kernels.reference.dropout import dropout
from backprop.kernels.reference.loss import ERRORS, first_outside, total
from backprop.kernels.reference.matmul import add_bias, linear, matmul_nn, matmul_nt, matmul_tn, sum_rows
from backprop.kernels.reference.more_activations import ACTIVATIONS, prelu, prelu_backward, prelu_weight_grad
from backprop.kernels.reference.norm import moments, root_mean_square, spread_of, track
from backprop.kernels.reference.normalize import dot_normalized, normalize, normalize_backward
from backprop.kernels.reference.pointwise import (
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
from backprop.kernels.reference.pool import largest, max_pool, max_pool_backward, window_mean, window_mean_backward
from backprop.kernels.reference.recurrent import gru, gru_backward, lstm, lstm_backward, rnn, rnn_backward
from backprop.kernels.reference.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from backprop.kernels.reference.take import take, take_backward
from backprop.kernels.reference.update import adam, rmsprop, sgd
