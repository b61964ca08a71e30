"""The stateless functions under the layers, each with its adjoints. A layer is such a pair plus a cache.

Arrays have any rank the function allows, contiguous or not; a weight or a factor may be a Parameter. Shapes and types
are checked here, since the kernels check nothing; results are new arrays, or `out` where it is given.
`delta` is always dL/d(output of the function).
"""

from backprop.functional.activation import (
    activation,
    activation_backward,
    prelu,
    prelu_backward,
    prelu_weight_grad,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from backprop.functional.arrays import (
    copied,
    cut,
    filled,
    flipped,
    joined,
    of_type,
    put,
    stacked,
    swapped,
    transposed,
    zeros,
)
from backprop.functional.attention import (
    additive_mask,
    attention,
    attention_backward,
    causal_mask,
    stacked_bias_grad,
    stacked_weight_grad,
)
from backprop.functional.classification import (
    count_correct,
    cross_entropy,
    cross_entropy_backward,
    mean_cross_entropy,
    nll,
    nll_backward,
    terms,
)
from backprop.functional.conv import (
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_bias_grad,
    conv_input_grad,
    conv_weight_grad,
)
from backprop.functional.conv_transpose import (
    conv_transpose,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from backprop.functional.dropout import dropout
from backprop.functional.linear import (
    add_bias,
    linear,
    linear_bias_grad,
    linear_input_grad,
    linear_weight_grad,
)
from backprop.functional.loss import (
    bce_with_logits,
    bce_with_logits_backward,
    error,
    error_backward,
    l1_loss,
    mse_loss,
    reduce,
)
from backprop.functional.matmul import matmul, matmul_backward, mm, mm_backward
from backprop.functional.more_pool import adaptive_max_pool, max_unpool, max_unpool_backward
from backprop.functional.norm import (
    by_channel,
    by_row,
    count_up,
    moments,
    normalize,
    normalize_backward,
    root_mean_square,
    scale_grad,
    shift_grad,
    spread_of,
    track,
)
from backprop.functional.pointwise import add, multiply, weigh
from backprop.functional.pool import (
    adaptive_avg_pool,
    adaptive_avg_pool_backward,
    avg_pool,
    avg_pool_backward,
    max_pool,
    max_pool_backward,
)
from backprop.functional.recurrent import (
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    rnn,
    rnn_backward,
    states_before,
)
from backprop.functional.shapes import contiguous
from backprop.functional.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from backprop.functional.take import embedding, embedding_weight_grad, pad, pad_backward, places, places_backward
