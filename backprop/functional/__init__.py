"""The stateless pairs under the layers: each function and its adjoints. A layer is its pair plus its cache.

Arrays come in any rank the function allows, contiguous or not; in products a Parameter may stand for its array. Shapes
and types are checked here, since the kernels check nothing; results are new arrays, or `out` where there is one.
`delta` is always dL/d(output of the function).
"""

from backprop.functional.activation import relu, relu_backward, sigmoid, sigmoid_backward, tanh, tanh_backward
from backprop.functional.linear import (
    add_bias,
    linear,
    linear_bias_grad,
    linear_input_grad,
    linear_weight_grad,
)
from backprop.functional.loss import (
    absolute_error,
    absolute_error_backward,
    cross_entropy,
    cross_entropy_backward,
    l1_loss,
    mse_loss,
    nll,
    reduce,
    squared_error,
    squared_error_backward,
)
from backprop.functional.matmul import matmul, matmul_backward, mm, mm_backward
from backprop.functional.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
