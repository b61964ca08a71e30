"""numba-cuda on a GPU, or in its simulator: the reference's kernels again, for arrays in its memory."""

from backprop.kernels.cuda import arithmetic
from backprop.kernels.cuda.all_parameters import all_parameters
from backprop.kernels.cuda.attention import attention, attention_backward
from backprop.kernels.cuda.batch import count_correct, count_up, gather
from backprop.kernels.cuda.channels import add_channels, sum_channels
from backprop.kernels.cuda.classification import (
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
from backprop.kernels.cuda.conv import conv, conv_input_grad, conv_max_pool, conv_weight_grad
from backprop.kernels.cuda.dropout import dropout
from backprop.kernels.cuda.loss import ERRORS, first_outside, total
from backprop.kernels.cuda.machine import empty
from backprop.kernels.cuda.matmul import add_bias, linear, matmul_nn, matmul_nt, matmul_tn, sum_rows
from backprop.kernels.cuda.more_activations import ACTIVATIONS, prelu, prelu_backward, prelu_weight_grad
from backprop.kernels.cuda.norm import moments, root_mean_square, spread_of, track
from backprop.kernels.cuda.normalize import dot_normalized, normalize, normalize_backward
from backprop.kernels.cuda.pointwise import (
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
from backprop.kernels.cuda.pool import largest, max_pool, max_pool_backward, window_mean, window_mean_backward
from backprop.kernels.cuda.recurrent import gru, gru_backward, lstm, lstm_backward, rnn, rnn_backward
from backprop.kernels.cuda.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from backprop.kernels.cuda.take import take, take_backward
from backprop.kernels.cuda.update import adam, rmsprop, sgd
