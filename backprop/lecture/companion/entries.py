"""Every numbered formula: its name, how the slides write it for one column, and the code in which it lives.

The row form, the reason and the line are not repeated here: the page reads them from the code.
"""

from typing import NamedTuple

import backprop as bp
from backprop.check import differences
from backprop.check.diagnosis import case
from backprop.graph import modes, operations
from backprop.graph.value import Value
from backprop.layers import norm
from backprop.layers.batch_norm import BatchNorm, Running
from backprop.layers.conv import Convolution
from backprop.layers.conv_transpose import TransposedConvolution
from backprop.layers.norm import Affine
from backprop.layers.padding import Padding
from backprop.layers.pool import AvgPooling, MaxPooling
from backprop.loss.regression import Difference
from backprop.models import blocks

STEP = "This is a step, not a gradient. The tests compare it with PyTorch's, step by step, under every option."
SCHEDULE = "This is the size of a step, not a gradient. The tests compare it with PyTorch's, step by step."
JUDGE = "This checks the others. It is tested on functions whose derivative is known: powers, exponentials, sines."
GRAPHS = (blocks.Residual, blocks.Branches, blocks.Unrolled)


class Entry(NamedTuple):
    """One formula.

    slide     the slides' form, for one sample that is a column; empty where the slides have none
    homes     what computes it: its docstrings state it, and lines of its code are marked with its number
    checked   the modules whose gradient checks cover it; or a sentence, where there is no gradient to check
    """

    number: str
    title: str
    slide: str
    homes: tuple
    checked: object


def _entries():
    sigmas = (bp.ReLU, bp.Sigmoid, bp.Tanh)
    mse = (bp.MSELoss, Difference)
    yield "1", "the weights: a product", "m = X a", (bp.Linear,)
    yield "2", "the bias is added", "u = m + mu", (bp.Linear, bp.Bias)
    yield "3", "the activation", "a = sigma(u)", sigmas
    yield "4", "delta through the activation", "delta_u = delta_a * sigma'(u)", sigmas
    yield "4s", "delta through softmax", "", (bp.Softmax,)
    yield "4l", "delta through log-softmax", "", (bp.LogSoftmax,)
    yield "5", "the gradient of the weights", "dL/dX = delta_u a^T", (bp.Linear,)
    yield "6", "the gradient of the bias", "dL/dmu = delta_u", (bp.Linear, bp.Bias)
    yield "7", "delta for the layer below", "delta_a = X^T delta_u", (bp.Linear,)
    yield "8", "square loss", "L = 1/(2 N) sum_n |a_L - b|^2\ndelta = (a_L - b) / N", mse
    yield "9", "cross-entropy", "L = -log softmax(z)[y]\ndelta_z = softmax(z) - onehot(y)", (bp.CrossEntropyLoss,)
    yield "10", "convolution", "", (Convolution,), (bp.Conv1d, bp.Conv2d, bp.Conv3d)
    yield "11", "the gradient of a convolution's bias", "", (Convolution,), (bp.Conv2d,)
    yield "12", "the gradient of the filters", "", (Convolution,), (bp.Conv2d,)
    yield "13", "delta for the image below", "", (Convolution,), (bp.Conv2d,)
    yield "14", "pooling", "", (MaxPooling, AvgPooling), (bp.MaxPool2d, bp.AvgPool2d)
    yield "15", "stochastic gradient descent", "theta <- theta - eta dL/dtheta", (bp.SGD,), STEP
    yield "16", "a graph, forward", "v_i = phi_i(v_j, ...)", (Value, Value.apply), GRAPHS
    yield (
        "17",
        "a graph, reverse",
        "vbar_i = sum_j vbar_j dphi_j/dv_i",
        (modes, modes.reverse, modes.handed_down),
        GRAPHS,
    )
    forward_mode = "Both modes must agree: the tests compare (18) with (17) for every operation of the table."
    yield "18", "a graph, forward mode", "", (modes, modes.forward, operations.Elementwise.push), forward_mode
    yield "19", "central difference", "", (differences, differences.central, case.slopes), JUDGE
    yield "20", "complex step", "", (differences, differences.complex_step), JUDGE
    yield "21", "absolute loss", "", (bp.L1Loss, Difference)
    yield "22", "Huber's loss", "", (bp.HuberLoss, Difference)
    yield "23", "negative log-likelihood", "", (bp.NLLLoss,)
    yield "24", "binary cross-entropy from scores", "", (bp.BCEWithLogitsLoss,)
    yield "25", "dropout", "", (bp.Dropout,)
    yield "26", "looking up: padding and embedding", "", (Padding, bp.Embedding), (bp.ReflectionPad2d, bp.Embedding)
    yield "27", "transposed convolution", "", (TransposedConvolution,), (bp.ConvTranspose2d,)
    yield "28", "a learned slope", "", (bp.PReLU,)
    yield "29", "normalisation", "", (norm, BatchNorm, bp.LayerNorm), (bp.BatchNorm2d, bp.GroupNorm, bp.LayerNorm)
    yield "30", "scale and shift after it", "", (Affine,), (bp.BatchNorm2d, bp.LayerNorm)
    running = "These are statistics, not gradients. The tests compare them with PyTorch's after every batch."
    yield "31", "running statistics", "", (Running, Running.remember), running
    yield "32", "normalisation without the mean", "", (bp.RMSNorm, bp.LayerNorm), (bp.RMSNorm,)
    yield "33", "a recurrent layer", "", (bp.RNN,)
    yield "34", "a gated recurrent unit", "", (bp.GRU,)
    yield "35", "long short-term memory", "", (bp.LSTM,)
    yield "36", "graph convolution", "", (bp.GraphConv,)
    yield "37", "smooth absolute loss", "", (bp.SmoothL1Loss, Difference)
    yield "38", "binary cross-entropy", "", (bp.BCELoss,)
    yield "39", "Kullback-Leibler divergence", "", (bp.KLDivLoss,)
    yield "40", "smoothed labels", "", (bp.CrossEntropyLoss,)
    yield "41", "RMSprop", "", (bp.RMSprop,), STEP
    yield "42", "Adam", "", (bp.Adam,), STEP
    yield "43", "AdamW", "", (bp.AdamW, bp.Adam), STEP
    yield "44", "a learning rate in steps", "", (bp.StepLR,), SCHEDULE
    yield "45", "along a cosine", "", (bp.CosineAnnealingLR,), SCHEDULE
    yield "46", "one cycle", "", (bp.OneCycleLR,), SCHEDULE
    yield "47", "along a line", "", (bp.LinearLR,), SCHEDULE
    yield "48", "attention", "", (bp.MultiheadAttention,)
    yield "49", "what attention compares and mixes", "", (bp.MultiheadAttention,)
    yield "50", "normalisation over all shards", "", (bp.SyncBatchNorm,)


def _entry(number, title, slide, homes, checked=None):
    own = tuple(home for home in homes if isinstance(home, type) and home is not Difference)
    return Entry(number, title, slide, homes, checked or own)


ENTRIES = {parts[0]: _entry(*parts) for parts in _entries()}
