"""The layers, one kind in each file."""

from backprop.layers.activation import ReLU, Sigmoid, Tanh
from backprop.layers.attention import MultiheadAttention
from backprop.layers.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from backprop.layers.bias import Bias
from backprop.layers.cells import GRUCell, LSTMCell, RNNCell
from backprop.layers.conv import Conv1d, Conv2d, Conv3d
from backprop.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from backprop.layers.dropout import Dropout, Dropout1d, Dropout2d, Dropout3d
from backprop.layers.embedding import Embedding
from backprop.layers.formulas import (
    GLU,
    Bilinear,
    ChannelShuffle,
    CosineSimilarity,
    LocalResponseNorm,
    PairwiseDistance,
    PixelShuffle,
    PixelUnshuffle,
    RReLU,
    Softmax2d,
    Softmin,
    Threshold,
)
from backprop.layers.graph_conv import GraphConv, normalized_adjacency
from backprop.layers.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from backprop.layers.lazy import (
    LazyBatchNorm1d,
    LazyBatchNorm2d,
    LazyBatchNorm3d,
    LazyConv1d,
    LazyConv2d,
    LazyConv3d,
    LazyConvTranspose1d,
    LazyConvTranspose2d,
    LazyConvTranspose3d,
    LazyInstanceNorm1d,
    LazyInstanceNorm2d,
    LazyInstanceNorm3d,
    LazyLinear,
)
from backprop.layers.linear import Linear
from backprop.layers.more_activations import (
    CELU,
    ELU,
    GELU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    Mish,
    PReLU,
    ReLU6,
    SiLU,
    Softplus,
    Softshrink,
    Softsign,
    Tanhshrink,
)
from backprop.layers.more_pool import (
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxUnpool1d,
    MaxUnpool2d,
    MaxUnpool3d,
)
from backprop.layers.norm import GroupNorm, LayerNorm, RMSNorm
from backprop.layers.padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from backprop.layers.places import Fold, Unfold, Upsample
from backprop.layers.pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from backprop.layers.recurrent import GRU, LSTM, RNN
from backprop.layers.sequential import Sequential
from backprop.layers.shape import Flatten, Identity, Unflatten
from backprop.layers.softmax import LogSoftmax, Softmax
from backprop.layers.sync_batch_norm import SyncBatchNorm
